// API keys as they are kept: what statements that run at the same time make of one another.
import { expect, test } from "bun:test";
import { ApiKeys, type NewApiKey } from "../../src/auth/api-keys.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { apiKeyStoreOf } from "../../src/server/user-store.ts";
import { addUser, newWorld, storedUser } from "../auth/fixture.ts";
import { openTestStore, type TestStore } from "../storage/open-test-store.ts";

const ROBOT = { user: parseUserId("robot"), role: "service" } as const;
const named = (name: string): NewApiKey => ({ name, user: undefined, role: undefined, expiresAtMs: undefined });

/** Keys in the store's own catalog, of a service that is there. */
async function keysOfRobot(store: TestStore): Promise<ApiKeys> {
  const world = await newWorld();
  await addUser(world, "robot", "service");
  const { catalog, writer } = store.current;
  await writer.submit((tx) => tx.putUser(storedUser(world, "robot")));
  return new ApiKeys({
    store: apiKeyStoreOf(store.current),
    user: (id) => catalog.user(id),
    clock: world.clock,
    log: silentLog,
    onDropped: () => undefined,
  });
}

/** Sorted: how many went well, and with which codes the others failed. */
async function outcomes(created: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(created);
  return settled.map((each) => (each.status === "fulfilled" ? "ok" : String(each.reason.code))).sort();
}

test("AU-06 of CREATE API KEYs of one name that run at the same time exactly one succeeds", async () => {
  await using store = openTestStore();
  const keys = await keysOfRobot(store);
  const created = Array.from({ length: 5 }, () => keys.create(ROBOT, named("nightly")));
  expect(await outcomes(created)).toEqual([...Array.from({ length: 4 }, () => "ALREADY_EXISTS"), "ok"]);
  expect(keys.list(ROBOT, undefined)).toHaveLength(1);
  expect((await store.reopen()).catalog.apiKeys()).toHaveLength(1);
});

test("AU-06 keys that are made at the same time do not pass the hundred that a user may have", async () => {
  await using store = openTestStore();
  const keys = await keysOfRobot(store);
  const created = Array.from({ length: 103 }, (_unused, index) => keys.create(ROBOT, named(`key ${index}`)));
  expect((await outcomes(created)).filter((code) => code !== "ok")).toEqual(Array(3).fill("INVALID_INPUT"));
  expect(keys.list(ROBOT, undefined)).toHaveLength(100);
});

test("AU-06 a key whose user goes for good while it is made is not made: another user of that name must not have it", async () => {
  await using store = openTestStore();
  const keys = await keysOfRobot(store);
  const gone = store.current.writer.submit((tx) => tx.deleteUser(ROBOT.user));
  const created = outcomes([keys.create(ROBOT, named("nightly"))]);
  await gone;
  expect(await created).toEqual(["NOT_FOUND"]);
  expect(store.current.catalog.apiKeys()).toEqual([]);
});

test("AU-06 a key that is used while its DROP is being committed stays dropped, also after a restart", async () => {
  await using store = openTestStore();
  const keys = await keysOfRobot(store);
  const { record, text } = await keys.create(ROBOT, named("nightly"));
  const dropped = keys.drop(ROBOT, { name: "nightly", user: undefined, ifExists: false });
  keys.verify(text);
  await dropped;
  await store.current.writer.submit(() => undefined);
  expect(store.current.catalog.apiKey(record.id)).toBeUndefined();
  expect(() => keys.verify(text)).toThrow(expect.objectContaining({ code: "INVALID_CREDENTIALS" }));
  expect((await store.reopen()).catalog.apiKey(record.id)).toBeUndefined();
});
