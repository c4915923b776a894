// A SELECT is planned here and read in another process. Between the two the table changes: what is answered is what the statement says of the table as it is read.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
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
  engine.hooks.beforeRead = undefined;
  await engine.run("DROP TABLE IF EXISTS other; DROP TABLE IF EXISTS t");
  await engine.run("CREATE SHARED TABLE t (id BIGINT PRIMARY KEY, room TEXT, n INT)");
  // The column was added with a first value, which a reader of older rows fills in.
  await engine.run("INSERT INTO t VALUES (1, 'a', 10)");
  await engine.run("ALTER TABLE t ADD COLUMN tag TEXT NOT NULL DEFAULT 'first'");
  await engine.run("INSERT INTO t VALUES (2, 'b', 20, 'two'), (3, 'a', 30, 'three')");
});

/** Once: what is planned anew finds peace. */
function inBetween(...steps: readonly (string | (() => Promise<void>))[]): void {
  engine.hooks.beforeRead = async () => {
    engine.hooks.beforeRead = undefined;
    for (const step of steps) await (typeof step === "string" ? engine.run(step) : step());
  };
}

const flush = (): Promise<void> => engine.flush("app", "t");
const WRITE = "INSERT INTO t (id, room, n) VALUES (4, 'b', 40)";

const ALTERATIONS: readonly (readonly [string, readonly (string | (() => Promise<void>))[]])[] = [
  ["a column is added", ["ALTER TABLE t ADD COLUMN late TEXT DEFAULT 'x'", WRITE]],
  ["the column goes", ["ALTER TABLE t DROP COLUMN tag", WRITE]],
  ["the column goes, and the rows to Parquet", ["ALTER TABLE t DROP COLUMN tag", WRITE, flush]],
  [
    "the column goes, and another takes its name",
    ["ALTER TABLE t DROP COLUMN tag", "ALTER TABLE t ADD COLUMN tag INT DEFAULT 7", WRITE, flush],
  ],
  [
    "the columns change names",
    [
      "ALTER TABLE t RENAME COLUMN tag TO old_tag",
      "ALTER TABLE t RENAME COLUMN room TO tag",
      "INSERT INTO t (id, tag, n, old_tag) VALUES (4, 'b', 40, 'four')",
    ],
  ],
  [
    "a type is widened, and the rows go to Parquet",
    ["ALTER TABLE t ALTER COLUMN n TYPE BIGINT", "INSERT INTO t VALUES (4, 'b', 9007199254740993, 'four')", flush],
  ],
  [
    "the table goes, and another takes its name",
    [
      "DROP TABLE t",
      "CREATE SHARED TABLE t (id BIGINT PRIMARY KEY, tag INT, n INT, room TEXT)",
      "INSERT INTO t VALUES (2, 22, 222, 'r')",
    ],
  ],
  ["the table goes", ["DROP TABLE t"]],
];

const QUERIES = [
  "SELECT * FROM t ORDER BY id",
  "SELECT id, tag FROM t ORDER BY id",
  "SELECT tag, n FROM t WHERE id = 2",
  "SELECT tag, count(*), sum(n) FROM t GROUP BY tag ORDER BY tag",
  "SELECT a.tag, b.n FROM t AS a JOIN t AS b ON a.id = b.id ORDER BY a.id",
];

interface Answer {
  readonly schema: unknown;
  readonly rows: unknown;
  readonly code: unknown;
}

async function answerOf(sql: string): Promise<Answer> {
  try {
    const [result] = await engine.run(sql);
    return { schema: result?.schema, rows: JSON.parse(result?.rowsJson ?? "null"), code: undefined };
  } catch (error) {
    const code = (error as { readonly error?: { readonly code?: unknown } }).error?.code;
    return { schema: undefined, rows: undefined, code };
  }
}

describe.each(ALTERATIONS)("TB-09 ST-05 between the plan of a SELECT and its read %s:", (_what, steps) => {
  test.each(QUERIES)("%s", async (sql) => {
    // Flushed, so that a look-up by key asks the process too.
    await flush();
    inBetween(...steps);
    const answer = await answerOf(sql);
    expect(engine.hooks.beforeRead).toBeUndefined();
    expect(answer).toEqual(await answerOf(sql));
    expect(answer.rows ?? answer.code).toBeDefined();
  });

  test("the same in a transaction", async () => {
    await flush();
    inBetween(...steps);
    const read = async (sql: string): Promise<unknown> => {
      try {
        const [, result] = await engine.run(`BEGIN; ${sql}; COMMIT`);
        return JSON.parse(result?.rowsJson ?? "null");
      } catch (error) {
        return (error as { readonly error?: { readonly code?: unknown } }).error?.code;
      }
    };
    const [sql = ""] = QUERIES;
    const answer = await read(sql);
    expect(engine.hooks.beforeRead).toBeUndefined();
    expect(answer).toEqual(await read(sql));
  });
});

const REPLACED = [
  "ALTER TABLE t DROP COLUMN tag",
  "ALTER TABLE t ADD COLUMN tag TEXT DEFAULT 'new'",
  "INSERT INTO t (id, room, n, tag) VALUES (4, 'a', 40, 'four')",
  flush,
];

describe("TB-09 ST-05 a write reads another table as it is, not as it was when the write was planned:", () => {
  test.each([
    [
      "INSERT INTO other SELECT id, tag FROM t WHERE id IN (1, 4) ORDER BY id",
      [
        ["1", "new"],
        ["4", "four"],
        ["9", "none"],
      ],
    ],
    ["UPDATE other SET tag = t.tag FROM t WHERE t.id = 4", [["9", "four"]]],
    ["DELETE FROM other WHERE 'four' IN (SELECT tag FROM t)", []],
  ])("%s", async (sql, expected) => {
    await engine.run(
      "CREATE SHARED TABLE other (id BIGINT PRIMARY KEY, tag TEXT); INSERT INTO other VALUES (9, 'none')",
    );
    inBetween(...REPLACED);
    await engine.run(sql);
    expect(engine.hooks.beforeRead).toBeUndefined();
    expect(await engine.rows("SELECT id, tag FROM other ORDER BY id")).toEqual(expected);
  });
});

test("TB-08 TB-09 a transaction reads a buffered row by its key as the table is when it commits", async () => {
  await engine.run("CREATE SHARED TABLE other (id BIGINT PRIMARY KEY)");
  inBetween("ALTER TABLE t DROP COLUMN tag", "ALTER TABLE t ADD COLUMN tag INT DEFAULT 7");
  const results = await engine.run(
    "BEGIN; SELECT tag FROM t WHERE id = 2; SELECT count(*) FROM other WHERE id > 0; COMMIT",
  );
  expect(engine.hooks.beforeRead).toBeUndefined();
  expect(results[1]?.rowsJson).toBe("[[7]]");
});

test("TB-09 a SELECT whose table is altered each time before it is read ends with WRITE_CONFLICT", async () => {
  let altered = 0;
  engine.hooks.beforeRead = async () => {
    altered += 1;
    await engine.run(`ALTER TABLE t ADD COLUMN late_${altered} INT`);
  };
  expect(await failureOf(engine.run("SELECT * FROM t"))).toMatchObject({ error: { code: "WRITE_CONFLICT" } });
  expect(altered).toBeGreaterThan(1);
  engine.hooks.beforeRead = undefined;
  expect((await engine.rows("SELECT * FROM t")).length).toBe(3);
});

test("TB-09 SET NOT NULL checks the column that has the name when it is set", async () => {
  await engine.run("ALTER TABLE t ADD COLUMN late INT DEFAULT 1");
  inBetween("ALTER TABLE t DROP COLUMN late", WRITE, "ALTER TABLE t ADD COLUMN late INT DEFAULT 2");
  await engine.run("ALTER TABLE t ALTER COLUMN late SET NOT NULL");
  expect(engine.hooks.beforeRead).toBeUndefined();
  expect(await engine.rows("SELECT id, late FROM t ORDER BY id")).toEqual([
    ["1", 2],
    ["2", 2],
    ["3", 2],
    ["4", 2],
  ]);
});
