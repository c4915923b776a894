// ST-01 LQ-07: what writers were told and what watchers were sent, counted one by one, while everything that stands between the two happens at once: commits of many, large
// works in slices, statements that fail, flushes and the removal of what they flushed, the log being folded by its thread, merges, tables made and dropped.
import { expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { randomOf } from "../support/random.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

setDefaultTimeout(300_000);

const SEED = Number(process.env["ACCOUNT_SEED"] ?? 1 + Math.floor(Math.random() * 1_000_000));
const WRITERS = 8;
const WRITES_EACH = Number(process.env["ACCOUNT_WRITES"] ?? 60);
const WATCHERS = 10;
const BODY = "x".repeat(6_000);
/** Applied in slices. */
const LARGE_ROWS = 220;

interface Watcher {
  readonly name: string;
  readonly wants: (id: number) => boolean;
  /** Times each row came. */
  readonly seen: Map<number, number>;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

function watch(client: KalamClient, name: string, where: { text: string; wants: (id: number) => boolean }): Watcher {
  const seen = new Map<number, number>();
  const ready = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const event of client.subscribe(`SELECT id FROM app.notes ${where.text}`)) {
      if (event.kind === "ready") ready.resolve();
      if (event.kind !== "insert") continue;
      const id = Number(event.row["id"]);
      seen.set(id, (seen.get(id) ?? 0) + 1);
    }
  })();
  return { name, wants: where.wants, seen, ready: ready.promise, ended };
}

/** What became of a row: for the message of a failure. */
async function traceOf(server: TestServer, id: number, told: ReadonlyMap<number, string>): Promise<unknown> {
  const [row] = await server.root.rows("SELECT id, _seq FROM app.notes WHERE id = $1", [id]);
  const jobs = await server.root.rows(
    "SELECT job_type, status, created_at, finished_at FROM system.jobs ORDER BY created_at",
  );
  return { id, told: told.get(id), row, jobs };
}

test("ST-01 LQ-07 every acknowledged row reaches every watcher once, and no other row reaches anybody, whatever else goes on", async () => {
  await using server = await startTestServer({ "compaction.min_files": 2 });
  const { root } = server;
  await root.sql("CREATE NAMESPACE app; CREATE SHARED TABLE app.notes (id INT PRIMARY KEY, parity INT, body TEXT)");
  const clients = Array.from({ length: WATCHERS }, () =>
    createClient({ url: server.url, auth: { token: root.token } }),
  );
  const filters = [
    { text: "", wants: () => true },
    { text: "WHERE parity = 1", wants: (id: number) => id % 2 === 1 },
    { text: "WHERE id > 1000 AND parity >= 0", wants: (id: number) => id > 1_000 },
  ];
  const watchers = clients.map((client, at) =>
    watch(client, `watcher ${at}`, filters[at % filters.length] ?? { text: "", wants: () => true }),
  );
  await Promise.all(watchers.map(({ ready }) => ready));

  const told = new Map<number, string>();
  let nextId = 0;
  const take = (count: number): number[] => Array.from({ length: count }, () => (nextId += 1));
  const insert = async (ids: readonly number[], body: string): Promise<void> => {
    const values = ids.map((id) => `(${id}, ${id % 2}, '${body}')`).join(", ");
    const { seq } = (await root.sql(`INSERT INTO app.notes VALUES ${values}`)) as { seq?: string };
    for (const id of ids) told.set(id, `${String(seq)} at ${Date.now()}`);
  };
  const writer = async (random: () => number): Promise<void> => {
    for (let at = 0; at < WRITES_EACH; at += 1) {
      const dice = random();
      if (dice < 0.7) await insert(take(1), BODY);
      else if (dice < 0.88) await insert(take(4), BODY);
      else if (dice < 0.93) await insert(take(LARGE_ROWS), "large");
      else {
        // The second row is there, so the first is not written either.
        const [fresh = 0] = take(1);
        const { status } = await root.send(
          `INSERT INTO app.notes VALUES (${fresh}, 0, ''), (${[...told.keys()][0] ?? fresh}, 0, '')`,
        );
        expect(status).toBe("error");
      }
    }
  };
  let isDone = false;
  const upkeep = async (): Promise<void> => {
    for (let round = 0; !isDone; round += 1) {
      await root.sql("STORAGE FLUSH TABLE app.notes");
      await root.sql(`CREATE SHARED TABLE app.other_${round} (id INT PRIMARY KEY); DROP TABLE app.other_${round}`);
      await Bun.sleep(60);
    }
  };
  await insert(take(1), "first");
  const running = upkeep();
  await Promise.all(Array.from({ length: WRITERS }, (_unused, at) => writer(randomOf(SEED + at))));
  isDone = true;
  await running;

  const wanted = (watcher: Watcher): number[] => [...told.keys()].filter((id) => watcher.wants(id));
  const missing = (watcher: Watcher): number[] => wanted(watcher).filter((id) => !watcher.seen.has(id));
  const untilMs = performance.now() + 60_000;
  while (watchers.some((watcher) => missing(watcher).length > 0) && performance.now() < untilMs) await Bun.sleep(20);
  for (const watcher of watchers) {
    const lost = await Promise.all(
      missing(watcher)
        .slice(0, 5)
        .map((id) => traceOf(server, id, told)),
    );
    const doubled = [...watcher.seen].filter(([, times]) => times !== 1);
    const unasked = [...watcher.seen.keys()].filter((id) => !told.has(id) || !watcher.wants(id));
    expect({ seed: SEED, watcher: watcher.name, lost, doubled, unasked }).toEqual({
      seed: SEED,
      watcher: watcher.name,
      lost: [],
      doubled: [],
      unasked: [],
    });
  }
  expect(await root.rows("SELECT count(*) FROM app.notes")).toEqual([[String(told.size)]]);
  for (const client of clients) await client[Symbol.asyncDispose]();
  await Promise.all(watchers.map(({ ended }) => ended));
});
