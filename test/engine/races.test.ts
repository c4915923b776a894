// A write reads first and is applied later. Here something happens in between, at the moment that would hurt most.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { SHARED_SCOPE } from "../../src/base/ids.ts";
import { failureOf } from "../storage/open-test-store.ts";
import { type EngineFixture, openEngine } from "./engine-fixture.ts";

let engine: EngineFixture;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});
beforeEach(async () => {
  engine.hooks.afterRead = undefined;
  engine.hooks.afterWork = undefined;
  await engine.run("DROP TABLE IF EXISTS t");
  await engine.run("CREATE SHARED TABLE t (id BIGINT PRIMARY KEY, room TEXT, n INT)");
});

/** Once: a retry finds peace. */
function once(work: () => Promise<unknown>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
}

const count = (results: readonly { readonly rowCount: number }[]): number => results.at(-1)?.rowCount ?? -1;

test.each([
  [
    "the rows move into Parquet",
    () => engine.flush("app", "t"),
    [
      ["1", 11],
      ["2", 21],
    ],
  ],
  [
    "a row gets a new version",
    () => engine.run("UPDATE t SET n = n + 100 WHERE id = 1"),
    [
      ["1", 111],
      ["2", 21],
    ],
  ],
  ["a row goes", () => engine.run("DELETE FROM t WHERE id = 2"), [["1", 11]]],
  [
    "a row leaves the filter",
    () => engine.run("UPDATE t SET room = 'b' WHERE id = 2"),
    [
      ["1", 11],
      ["2", 20],
    ],
  ],
  [
    "a row gets a new version and all moves into Parquet",
    async () => {
      await engine.run("UPDATE t SET n = n + 100 WHERE id = 1");
      await engine.flush("app", "t");
    },
    [
      ["1", 111],
      ["2", 21],
    ],
  ],
])("ST-05 an UPDATE by filter is right when between its read and its write %s", async (_why, between, expected) => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 10), (2, 'a', 20)");
  engine.hooks.afterRead = once(between);
  await engine.run("UPDATE t SET n = n + 1 WHERE room = 'a'");
  expect(await engine.rows("SELECT id, n FROM t ORDER BY id")).toEqual(expected);
});

test.each([
  ["UPDATE t SET n = n + 1 WHERE room = 'a'", "flushed before", true],
  ["UPDATE t SET n = n + 1 WHERE room = 'a'", "never flushed", false],
  ["DELETE FROM t WHERE room = 'a'", "never flushed", false],
  ["UPDATE t SET n = n + 1 WHERE id = 1", "flushed before", true],
])(
  "ST-03 TB-02 %s finds nothing when the whole table (%s) was emptied between its read and its write",
  async (sql, _when, isFlushed) => {
    // More than are deleted one by one.
    await engine.run("INSERT INTO t SELECT g, 'b', g FROM generate_series(3, 50) AS g");
    await engine.run("INSERT INTO t VALUES (1, 'a', 10), (2, 'a', 20), (51, 'b', 51), (52, 'b', 52)");
    if (isFlushed) await engine.flush("app", "t");
    engine.hooks.afterRead = once(() => engine.run("TRUNCATE t"));
    expect(count(await engine.run(sql))).toBe(0);
    expect(await engine.rows("SELECT id, n FROM t")).toEqual([]);
  },
);

test("ST-04 a DELETE by filter removes a row that moved into Parquet after it was found, and it stays away", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)");
  engine.hooks.afterRead = once(() => engine.flush("app", "t"));
  expect(count(await engine.run("DELETE FROM t WHERE room = 'a'"))).toBe(1);
  await engine.flush("app", "t");
  expect(await engine.rows("SELECT id FROM t")).toEqual([["2"]]);
});

test("ST-05 an UPDATE by key sees a flush whose commit is still open in the same transaction", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 10)");
  let updating: Promise<unknown> | undefined;
  engine.hooks.afterWork = () => {
    updating = engine.run("UPDATE t SET n = n + 1 WHERE id = 1");
  };
  await engine.flush("app", "t");
  await updating;
  expect(updating).toBeDefined();
  expect(await engine.rows("SELECT id, n FROM t")).toEqual([["1", 11]]);
});

test("ST-05 an INSERT sees a key that a flush moved into Parquet in the same open transaction", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 10)");
  let inserting: Promise<unknown> | undefined;
  engine.hooks.afterWork = () => {
    inserting = failureOf(engine.run("INSERT INTO t VALUES (1, 'b', 99)"));
  };
  await engine.flush("app", "t");
  expect(await inserting).toMatchObject({ error: { code: "DUPLICATE_KEY" } });
  expect(await engine.rows("SELECT id, n FROM t")).toEqual([["1", 10]]);
});

test("ST-05 of many INSERTs of one key that is flushed as deleted exactly one wins", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0), (2, 'a', 0), (3, 'a', 0)");
  await engine.run("DELETE FROM t WHERE id = 2");
  await engine.flush("app", "t");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => engine.run(`INSERT INTO t VALUES (2, 'z', ${n})`)),
  );
  const won = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n] : []));
  const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.error.code] : []));
  expect(won).toHaveLength(1);
  expect(new Set(lost)).toEqual(new Set(["DUPLICATE_KEY"]));
  expect(await engine.rows("SELECT id, n FROM t WHERE room = 'z'")).toEqual([["2", won[0] ?? -1]]);
});

test("ST-05 an INSERT finds a key that was written and flushed after its look-up", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0), (9, 'a', 0)");
  await engine.flush("app", "t");
  engine.hooks.afterRead = once(async () => {
    await engine.run("DELETE FROM t WHERE id = 9");
    await engine.run("INSERT INTO t VALUES (20, 'first', 1)");
    await engine.flush("app", "t");
  });
  // 5 lies between the flushed keys, so that a look-up is made; 20 is written behind its back.
  const failure = await failureOf(engine.run("INSERT INTO t VALUES (5, 'second', 2), (20, 'second', 2)"));
  expect(failure).toMatchObject({ error: { code: "DUPLICATE_KEY" } });
  expect(await engine.rows("SELECT id, room FROM t ORDER BY id")).toEqual([
    ["1", "a"],
    ["20", "first"],
  ]);
});

test("ST-05 concurrent upserts of one flushed key lose no increment", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0), (2, 'a', 0)");
  await engine.flush("app", "t");
  const upsert = "INSERT INTO t VALUES (1, 'a', 0) ON CONFLICT (id) DO UPDATE SET n = t.n + 1";
  await Promise.all(Array.from({ length: 25 }, () => engine.run(upsert)));
  expect(await engine.rows("SELECT n FROM t WHERE id = 1")).toEqual([[25]]);
});

test("TB-12 a write whose table goes in between says that the relation does not exist", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0)");
  engine.hooks.afterRead = once(() => engine.run("DROP TABLE t"));
  const failure = await failureOf(engine.run("UPDATE t SET n = 1 WHERE room = 'a'"));
  expect(failure).toMatchObject({ error: { code: "TABLE_NOT_FOUND" } });
});

test("TB-12 a write goes to the table that took the name of the one it was planned for", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0)");
  engine.hooks.afterRead = once(async () => {
    await engine.run("DROP TABLE t");
    await engine.run("CREATE SHARED TABLE t (n TEXT, id BIGINT PRIMARY KEY, room TEXT)");
    await engine.run("INSERT INTO t (id, room, n) VALUES (7, 'a', 'x')");
  });
  await engine.run("UPDATE t SET n = '5' WHERE room = 'a'");
  expect(await engine.rows("SELECT id, room, n FROM t")).toEqual([["7", "a", "5"]]);
});

test("a write that never wins ends with WRITE_CONFLICT and changes nothing", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0)");
  let reads = 0;
  engine.hooks.afterRead = async () => {
    reads += 1;
    await engine.run("UPDATE t SET n = n + 1 WHERE id = 1");
  };
  const failure = await failureOf(engine.run("UPDATE t SET n = -1000 WHERE room = 'a'"));
  expect(failure).toMatchObject({ error: { code: "WRITE_CONFLICT" } });
  expect(await engine.rows("SELECT n FROM t WHERE id = 1")).toEqual([[reads]]);
});

test("statements that keep losing to each other take turns, so that none fails", async () => {
  await engine.run("INSERT INTO t VALUES (1, 'a', 0), (2, 'a', 0)");
  await Promise.all(Array.from({ length: 80 }, () => engine.run("UPDATE t SET n = n + 1 WHERE room = 'a'")));
  expect(await engine.rows("SELECT id, n FROM t ORDER BY id")).toEqual([
    ["1", 80],
    ["2", 80],
  ]);
});

test("ST-07 ALTER STORAGE does not leave behind what is flushed to the old place while it looks at the new one", async () => {
  const folder = join(engine.store.dataDir, "..", `${basename(engine.store.dataDir)}-storages`);
  const { writer } = engine.store.current;
  try {
    await engine.run(`CREATE STORAGE archive TYPE filesystem PATH '${folder}/a'`);
    await engine.run("INSERT INTO t VALUES (1, 'a', 1)");
    const table = engine.store.current.catalog.table("app", "t");
    if (table === undefined) throw new Error("the test has a table");
    engine.hooks.beforeSubmit = async () => {
      engine.hooks.beforeSubmit = undefined;
      const range = { minSeq: writer.position, maxSeq: writer.position, minKey: 1n, maxKey: 1n };
      const file = { path: "@archive/x.parquet", rows: 1, bytes: 1, schemaVersion: 1, createdAtMs: 1, ...range };
      await writer.submit((tx) => tx.commitSegment({ tableId: table.id, scope: SHARED_SCOPE, ...file }));
    };
    const failure = await failureOf(engine.run(`ALTER STORAGE archive SET PATH '${folder}/b'`));
    expect(failure).toMatchObject({ error: { code: "WRITE_CONFLICT" } });
    expect(engine.store.current.catalog.storage("archive")?.base).toBe(join(folder, "a"));
  } finally {
    await engine.run("DROP TABLE t");
    await engine.run("DROP STORAGE IF EXISTS archive");
    rmSync(folder, { recursive: true, force: true });
  }
});
