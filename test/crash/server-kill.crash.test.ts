// ST-01: `kill -9` at a random moment loses no acknowledged write; restart continues where it was, and live queries resume across it.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { ServerProcess } from "../support/server-process.ts";
import { until } from "../support/until.ts";

const ROUNDS = 6;
const WRITERS = 8;
const PASSWORD = "a-password-for-the-crash-test";

function clientOf(server: ServerProcess): KalamClient {
  return createClient({ url: server.url, auth: { user: "root", password: PASSWORD } });
}

/** Acknowledged state of each key: its value, or undefined once a delete was acknowledged. */
type Acknowledged = Map<number, number | undefined>;

/** Each writer owns its keys, so what it was last told is what must be there; the one statement in flight may or may not be. */
async function writeUntilGone(
  client: KalamClient,
  writer: number,
  state: { acknowledged: Acknowledged; unsure: Set<number>; next: number },
): Promise<void> {
  for (;;) {
    const key = writer * 1_000_000 + (state.next += 1);
    const victim = [...state.acknowledged.keys()].filter((known) => Math.floor(known / 1_000_000) === writer).at(-3);
    const kind = victim === undefined ? 0 : state.next % 4;
    const target = kind === 0 || kind === 3 || victim === undefined ? key : victim;
    state.unsure.add(target);
    try {
      if (target === key) await client.query("INSERT INTO app.log (id, n) VALUES ($1, 1)", [key]);
      else if (kind === 1) await client.query("UPDATE app.log SET n = n + 1 WHERE id = $1", [target]);
      else await client.query("DELETE FROM app.log WHERE id = $1", [target]);
    } catch {
      // The server is gone: this statement stays unsure, and the writer has done its work.
      return;
    }
    state.unsure.delete(target);
    const before = state.acknowledged.get(target);
    if (target === key) state.acknowledged.set(key, 1);
    else if (kind === 1) state.acknowledged.set(target, before === undefined ? undefined : before + 1);
    else state.acknowledged.set(target, undefined);
  }
}

test("ST-01 LQ-11 kill -9 loses no acknowledged write", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  process.stdout.write(`server-kill seed ${seed}\n`);
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-kill-"));
  const acknowledged: Acknowledged = new Map();
  const unsure = new Set<number>();
  let random = seed;
  const nextDelayMs = (): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return 50 + (random % 400);
  };
  let next = 0;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const server = await ServerProcess.start({ folder, password: PASSWORD });
      const client = clientOf(server);
      if (round === 0) {
        await client.batch("CREATE NAMESPACE app; CREATE SHARED TABLE app.log (id BIGINT PRIMARY KEY, n INT NOT NULL)");
      }
      await checkAgainst(client, acknowledged, unsure);
      const state = { acknowledged, unsure, next };
      const writers = Array.from({ length: WRITERS }, (_, writer) => writeUntilGone(client, writer, state));
      // A flush on its way when the process dies must not matter.
      if (round % 2 === 1) await client.query("STORAGE FLUSH TABLE app.log").catch(() => undefined);
      await Bun.sleep(nextDelayMs());
      // A busy machine may have acknowledged nothing yet.
      await until(() => acknowledged.size > round + 1);
      await server.end("SIGKILL");
      await Promise.all(writers);
      next = state.next;
      client.disconnect();
    }
    await using server = await ServerProcess.start({ folder, password: PASSWORD });
    await checkAgainst(clientOf(server), acknowledged, unsure);
    expect(acknowledged.size).toBeGreaterThan(ROUNDS);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);

async function checkAgainst(client: KalamClient, acknowledged: Acknowledged, unsure: Set<number>): Promise<void> {
  const { rows } = await client.query("SELECT id, n FROM app.log");
  const found = new Map(rows.map((row) => [Number(row["id"]), Number(row["n"])]));
  for (const [key, value] of acknowledged) {
    if (!unsure.has(key)) expect({ key, value: found.get(key) }).toEqual({ key, value });
  }
  // What was in flight is now settled one way or the other.
  for (const key of unsure) {
    const value = found.get(key);
    acknowledged.set(key, value);
  }
  unsure.clear();
  expect([...found.keys()].filter((key) => !acknowledged.has(key))).toEqual([]);
}

test.each(["SIGTERM", "SIGINT"] as const)("ST-10 %s stops cleanly with exit code 0", async (signal) => {
  const server = await ServerProcess.start();
  const client = createClient({ url: server.url, auth: { user: "root", password: server.password } });
  const live = client.live("SELECT * FROM app.nothing");
  await live.ready.catch(() => undefined);
  expect(await server.end(signal)).toBe(0);
  client.disconnect();
  await rm(server.folder, { recursive: true, force: true });
});

test("OP-02 a taken port is reported before storage is touched, with who holds it", async () => {
  await using server = await ServerProcess.start();
  const port = new URL(server.url).port;
  const folder = join(tmpdir(), `kalamdb-never-${crypto.randomUUID()}`);
  const second = Bun.spawn(
    [
      process.execPath,
      new URL("../../src/main.ts", import.meta.url).pathname,
      "serve",
      "--port",
      port,
      "--data-dir",
      folder,
    ],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const message = await new Response(second.stderr).text();
  expect(await second.exited).toBe(1);
  expect(message).toContain(`Port ${port} is already in use`);
  expect(message).toContain(`pid ${server.pid}`);
  expect(await Bun.file(join(folder, "kalamdb.sqlite")).exists()).toBe(false);
});
