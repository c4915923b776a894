// AU-06: who may make, see and drop keys, and what makes a key stop to count.
import { beforeEach, describe, expect, test } from "bun:test";
import { type ApiKeyStore, ApiKeys, type KeyHolders, type NewApiKey } from "../../src/auth/api-keys.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import type { ApiKey } from "../../src/model/api-key.ts";
import type { Role } from "../../src/model/role.ts";
import { addUser, codeOf, newWorld, START_MS, storedUser, type World } from "./fixture.ts";

const HOUR_MS = 3_600_000;

class MemoryKeys implements ApiKeyStore {
  readonly keys = new Map<string, ApiKey>();
  /** The declared failure seam: every put rejects. */
  isFull = false;
  puts = 0;

  apiKey(id: string): ApiKey | undefined {
    return this.keys.get(id);
  }
  apiKeys(): readonly ApiKey[] {
    return [...this.keys.values()];
  }
  async addApiKey(key: ApiKey, assertFree: (now: KeyHolders) => void): Promise<void> {
    assertFree({ user: (id) => world.store.user(id), apiKeys: () => this.apiKeys() });
    await this.updateApiKey(key);
  }
  async updateApiKey(key: ApiKey): Promise<void> {
    if (this.isFull) throw new Error("disk is full");
    this.puts += 1;
    this.keys.set(key.id, key);
  }
  async deleteApiKey(id: string): Promise<void> {
    this.keys.delete(id);
  }
}

let world: World;
let store: MemoryKeys;
let dropped: string[];
let keys: ApiKeys;

beforeEach(async () => {
  world = await newWorld();
  await addUser(world, "alice");
  await addUser(world, "robot", "service");
  await addUser(world, "boss", "dba");
  store = new MemoryKeys();
  dropped = [];
  keys = new ApiKeys({
    store,
    user: (id) => world.store.user(id),
    clock: world.clock,
    log: silentLog,
    onDropped: (id) => dropped.push(id),
  });
});

const actor = (user: string, role: Role) => ({ user: parseUserId(user), role });
const ROBOT = actor("robot", "service");
const BOSS = actor("boss", "dba");

function newKey(overrides: Partial<Record<keyof NewApiKey, unknown>> & { readonly for?: string } = {}): NewApiKey {
  const { for: user, ...rest } = overrides;
  return {
    name: "nightly",
    role: undefined,
    expiresAtMs: undefined,
    ...rest,
    user: user === undefined ? undefined : parseUserId(user),
  } as NewApiKey;
}

describe("AU-06 who may make a key, for whom, in what role", () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ["a service for itself", () => keys.create(ROBOT, newKey()), "ok"],
    [
      "a user may not: a browser's session must not outlive its token",
      () => keys.create(actor("alice", "user"), newKey()),
      "PERMISSION_DENIED",
    ],
    ["nor a service for another", () => keys.create(ROBOT, newKey({ for: "alice" })), "PERMISSION_DENIED"],
    ["an administrator for a user", () => keys.create(BOSS, newKey({ for: "alice" })), "ok"],
    ["but not for the system", () => keys.create(BOSS, newKey({ for: "root" })), "PERMISSION_DENIED"],
    ["for nobody", () => keys.create(BOSS, newKey({ for: "nobody" })), "NOT_FOUND"],
    ["a narrower role", () => keys.create(BOSS, newKey({ role: "user" })), "ok"],
    [
      "a broader role than the user's",
      () => keys.create(BOSS, newKey({ for: "alice", role: "service" })),
      "INVALID_INPUT",
    ],
    ["an expiry in the past", () => keys.create(ROBOT, newKey({ expiresAtMs: START_MS })), "INVALID_INPUT"],
    ["no name", () => keys.create(ROBOT, newKey({ name: "" })), "INVALID_INPUT"],
    ["control characters in a name", () => keys.create(ROBOT, newKey({ name: "a\u001b[31m" })), "INVALID_INPUT"],
  ])("%s", async (_why, create, code) => {
    expect(await codeOf(create())).toBe(code);
  });

  test("a name once, and a hundred keys for one user", async () => {
    await keys.create(ROBOT, newKey());
    expect(await codeOf(keys.create(ROBOT, newKey()))).toBe("ALREADY_EXISTS");
    expect(await codeOf(keys.create(BOSS, newKey()))).toBe("ok");
    for (let index = 1; index < 100; index++) await keys.create(ROBOT, newKey({ name: `key ${index}` }));
    expect(await codeOf(keys.create(ROBOT, newKey({ name: "one more" })))).toBe("INVALID_INPUT");
  });
});

test("AU-06 the secret is in the answer and nowhere else", async () => {
  const { text, record } = await keys.create(ROBOT, newKey());
  const secret = text.slice(-43);
  expect(text).toMatch(/^kalam_[\w-]{12}_[\w-]{43}$/);
  expect(JSON.stringify([...store.keys.values()])).not.toContain(secret);
  expect(keys.verify(text)).toEqual({
    user: parseUserId("robot"),
    role: "service",
    tokenId: record.id,
    apiKey: record.id,
    issuedAtMs: START_MS,
    expiresAtMs: Number.POSITIVE_INFINITY,
  });
});

function codeOfVerify(text: string): string {
  try {
    keys.verify(text);
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

describe("AU-06 a key stops to count", () => {
  let text: string;
  beforeEach(async () => {
    ({ text } = await keys.create(BOSS, newKey({ for: "robot", expiresAtMs: START_MS + HOUR_MS })));
    expect(codeOfVerify(text)).toBe("ok");
  });

  test.each<[string, () => unknown, string]>([
    ["at its end, to the millisecond", () => world.clock.advance(HOUR_MS), "TOKEN_EXPIRED"],
    ["not a millisecond before", () => world.clock.advance(HOUR_MS - 1), "ok"],
    [
      "when it is dropped",
      () => keys.drop(ROBOT, { name: "nightly", user: undefined, ifExists: false }),
      "INVALID_CREDENTIALS",
    ],
    ["when its user is dropped", () => world.accounts.dropUser("dba", parseUserId("robot")), "INVALID_CREDENTIALS"],
    [
      "when its user falls below its role",
      () => world.accounts.alterUser("dba", parseUserId("robot"), { kind: "role", role: "user" }),
      "INVALID_CREDENTIALS",
    ],
    [
      "not when its user's password changes",
      () => world.accounts.alterUser("dba", parseUserId("robot"), { kind: "password", password: "another one 77" }),
      "ok",
    ],
  ])("%s", async (_why, act, code) => {
    await act();
    expect(codeOfVerify(text)).toBe(code);
  });

  test.each<[string, (text: string) => string]>([
    ["another secret", (key) => `${key.slice(0, -43)}${"A".repeat(43)}`],
    ["another id", (key) => `kalam_${"A".repeat(12)}${key.slice(18)}`],
    ["a shorter one", (key) => key.slice(0, -1)],
    ["a longer one", (key) => `${key}A`],
    ["white space", (key) => `${key} `],
    ["the prefix alone", () => "kalam_"],
  ])("INVALID_CREDENTIALS for %s", (_why, change) => {
    expect(codeOfVerify(change(text))).toBe("INVALID_CREDENTIALS");
  });
});

test("AU-06 dropping tells the sockets, and says clearly what was not there", async () => {
  const { record } = await keys.create(ROBOT, newKey());
  const drop = (ifExists: boolean) => keys.drop(BOSS, { name: "nightly", user: parseUserId("robot"), ifExists });
  expect(await drop(false)).toBe(true);
  expect(dropped).toEqual([record.id]);
  expect(await drop(true)).toBe(false);
  expect(await codeOf(drop(false))).toBe("NOT_FOUND");
  const byOther = keys.drop(ROBOT, { name: "nightly", user: parseUserId("alice"), ifExists: true });
  expect(await codeOf(byOther)).toBe("PERMISSION_DENIED");
});

test("AU-06 administrators list everybody's keys, services their own", async () => {
  await keys.create(ROBOT, newKey());
  world.clock.advance(1);
  await keys.create(BOSS, newKey({ for: "alice", name: "app" }));
  const names = (list: readonly ApiKey[]) => list.map(({ name }) => name);
  expect(names(keys.list(BOSS, undefined))).toEqual(["nightly", "app"]);
  expect(names(keys.list(BOSS, parseUserId("alice")))).toEqual(["app"]);
  expect(names(keys.list(ROBOT, undefined))).toEqual(["nightly"]);
  expect(await codeOf((async () => keys.list(ROBOT, parseUserId("alice")))())).toBe("PERMISSION_DENIED");
});

test("AU-06 use is recorded once an hour, and a full disk does not refuse it", async () => {
  const { text, record } = await keys.create(ROBOT, newKey());
  for (let use = 0; use < 5; use++) keys.verify(text);
  expect(store.keys.get(record.id)?.lastUsedAtMs).toBe(START_MS);
  expect(store.puts).toBe(2);
  world.clock.advance(HOUR_MS);
  store.isFull = true;
  expect(codeOfVerify(text)).toBe("ok");
  store.isFull = false;
  keys.verify(text);
  expect(store.keys.get(record.id)?.lastUsedAtMs).toBe(START_MS + HOUR_MS);
  expect(storedUser(world, "robot").role).toBe("service");
});
