// BEGIN … COMMIT inside one request: all of it or nothing, and it sees itself.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
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
  engine.hooks.afterWork = undefined;
  await engine.run("DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS u");
  await engine.run("CREATE SHARED TABLE t (id BIGINT PRIMARY KEY, n INT NOT NULL)");
  await engine.run("CREATE USER TABLE u (id BIGINT PRIMARY KEY, n INT)");
});

const inTransaction = (...statements: string[]): string => ["BEGIN", ...statements, "COMMIT"].join("; ");

test("TB-08 a transaction reads what it wrote, and nobody else does before its commit", async () => {
  let seen: Promise<unknown[][]> | undefined;
  engine.hooks.afterWork = () => {
    seen = engine.rows("SELECT n FROM t WHERE id = 1");
  };
  const results = await engine.run(
    inTransaction(
      "INSERT INTO t VALUES (1, 10)",
      "UPDATE t SET n = n + 1 WHERE id = 1",
      "SELECT n FROM t WHERE id = 1",
      "DELETE FROM t WHERE id = 1",
      "SELECT n FROM t WHERE id = 1",
      "INSERT INTO t VALUES (1, 20)",
    ),
  );
  expect(results.flatMap(({ rowsJson }) => rowsJson ?? [])).toEqual(["[[11]]", "[]"]);
  expect(seen).toBeDefined();
  expect(await seen).toEqual([]);
  expect(await engine.rows("SELECT n FROM t WHERE id = 1")).toEqual([[20]]);
});

test("TB-08 every write of a transaction names the one position at which it committed", async () => {
  const results = await engine.run(inTransaction("INSERT INTO t VALUES (1, 1)", "INSERT INTO u VALUES (1, 1)"));
  const positions = results.flatMap(({ seq }) => seq ?? []);
  expect(positions).toHaveLength(3);
  expect(new Set(positions).size).toBe(1);
});

test.each([
  ["a duplicate key", "INSERT INTO t VALUES (7, 1)", "DUPLICATE_KEY", "system"],
  ["NULL in NOT NULL", "INSERT INTO t VALUES (8, NULL)", "NOT_NULL_VIOLATION", "system"],
  ["an unknown table", "INSERT INTO nope VALUES (1)", "TABLE_NOT_FOUND", "system"],
  [
    "a statement that fails on what the transaction wrote",
    "SELECT 1 / (count(*) - 2) FROM u",
    "SQL_EXECUTION_ERROR",
    "system",
  ],
  ["a statement that is no data", "CREATE NAMESPACE other", "UNSUPPORTED", "system"],
  ["a write of another role", "INSERT INTO t VALUES (9, 1)", "PERMISSION_DENIED", "user"],
] as const)("TB-08 %s takes back everything before it", async (_why, failing, code, role) => {
  await engine.run("INSERT INTO t VALUES (7, 0)");
  const sql = inTransaction("INSERT INTO u VALUES (1, 1), (2, 2)", failing, "INSERT INTO u VALUES (3, 3)");
  const failure = await failureOf(engine.run(sql, { user: "mia", role }));
  expect(failure).toMatchObject({ error: { code, message: expect.stringContaining("Statement 3 failed") } });
  expect(await engine.rows("SELECT * FROM u", { user: "mia" })).toEqual([]);
  expect(await engine.rows("SELECT id, n FROM t")).toEqual([["7", 0]]);
});

test("TB-08 ROLLBACK answers like the statements ran and leaves nothing", async () => {
  const results = await engine.run(
    "BEGIN; INSERT INTO t VALUES (1, 1); SELECT n FROM t WHERE id = 1; ROLLBACK; SELECT 5",
  );
  expect(results.map(({ message, rowsJson }) => message ?? rowsJson)).toEqual([
    "Transaction started",
    "Inserted 1 row(s)",
    "[[1]]",
    "Transaction rolled back",
    '[["5"]]',
  ]);
  expect(results.some(({ seq }) => seq !== undefined)).toBe(false);
  expect(await engine.rows("SELECT * FROM t")).toEqual([]);
});

test.each([
  ["left open", "BEGIN; INSERT INTO t VALUES (1, 1)", "open explicit transaction"],
  ["nested", "BEGIN; BEGIN; INSERT INTO t VALUES (1, 1); COMMIT", "already a transaction"],
  ["ended twice", "BEGIN; INSERT INTO t VALUES (1, 1); ROLLBACK; COMMIT", "no transaction"],
  ["ended before it began", "COMMIT; INSERT INTO t VALUES (1, 1)", "no transaction"],
])("TB-08 a transaction that is %s writes nothing", async (_why, sql, text) => {
  expect(await failureOf(engine.run(sql))).toMatchObject({ error: { message: expect.stringContaining(text) } });
  expect(await engine.rows("SELECT * FROM t")).toEqual([]);
});

test("TB-03 a transaction writes the caller's rows only", async () => {
  await engine.run("INSERT INTO u VALUES (1, 1)", { user: "ann", role: "user" });
  const steps = inTransaction(
    "UPDATE u SET n = 99 WHERE id = 1",
    "DELETE FROM u WHERE id = 1",
    "INSERT INTO u VALUES (1, 5)",
  );
  await engine.run(steps, { user: "bob", role: "user" });
  expect(await engine.rows("SELECT id, n FROM u", { user: "ann" })).toEqual([["1", 1]]);
  expect(await engine.rows("SELECT id, n FROM u", { user: "bob" })).toEqual([["1", 5]]);
});

test("TB-08 concurrent transactions by key lose no increment", async () => {
  await engine.run("INSERT INTO t VALUES (1, 0), (2, 0)");
  const steps = inTransaction("UPDATE t SET n = n + 1 WHERE id = 1", "UPDATE t SET n = n - 1 WHERE id = 2");
  await Promise.all(Array.from({ length: 40 }, () => engine.run(steps)));
  expect(await engine.rows("SELECT n FROM t ORDER BY id")).toEqual([[40], [-40]]);
});

test("TB-08 ST-05 a transaction reaches flushed rows as it reaches buffered ones", async () => {
  await engine.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (9, 90)");
  await engine.run("DELETE FROM t WHERE id = 3");
  await engine.flush("app", "t");
  const results = await engine.run(
    inTransaction(
      "SELECT n FROM t WHERE id = 1",
      "UPDATE t SET n = n + 1 WHERE id = 1",
      "UPDATE t SET n = n + 1 WHERE id = 1",
      "SELECT n FROM t WHERE id = 1",
      "DELETE FROM t WHERE id = 2",
      "INSERT INTO t VALUES (2, 21), (3, 31), (5, 50)",
      "UPDATE t SET n = n + 5 WHERE id = 5",
      "UPDATE t SET n = -1 WHERE id = 4",
      "SELECT n FROM t WHERE id = 4",
    ),
  );
  expect(results.map(({ rowsJson, rowCount }) => rowsJson ?? rowCount)).toEqual([
    0,
    "[[10]]",
    1,
    1,
    "[[12]]",
    1,
    3,
    1,
    0,
    "[]",
    0,
  ]);
  const rows = [
    ["1", 12],
    ["2", 21],
    ["3", 31],
    ["5", 55],
    ["9", 90],
  ];
  expect(await engine.rows("SELECT id, n FROM t ORDER BY id")).toEqual(rows);
  await engine.flush("app", "t");
  expect(await engine.rows("SELECT id, n FROM t ORDER BY id")).toEqual(rows);
});

test("TB-08 ST-05 a flushed key is taken, and the transaction that inserts it again leaves nothing", async () => {
  await engine.run("INSERT INTO t VALUES (1, 10), (9, 90)");
  await engine.flush("app", "t");
  const failure = await failureOf(
    engine.run(inTransaction("UPDATE t SET n = 0 WHERE id = 9", "INSERT INTO t VALUES (1, 11)")),
  );
  expect(failure).toMatchObject({ error: { code: "DUPLICATE_KEY" } });
  expect(await engine.rows("SELECT id, n FROM t ORDER BY id")).toEqual([
    ["1", 10],
    ["9", 90],
  ]);
});

test.each([
  ["a flush", () => engine.flush("app", "t"), 101],
  ["another write of its row", () => engine.run("UPDATE t SET n = n + 50 WHERE id = 1"), 151],
  [
    "both",
    async () => {
      await engine.run("UPDATE t SET n = n + 50 WHERE id = 1");
      await engine.flush("app", "t");
    },
    151,
  ],
])("TB-08 ST-05 a transaction that read a flushed row starts again after %s", async (_why, between, expected) => {
  await engine.run("INSERT INTO t VALUES (1, 100), (9, 0)");
  await engine.flush("app", "t");
  await engine.run("UPDATE t SET n = n + 0 WHERE id = 9; INSERT INTO t VALUES (4, 4)");
  engine.hooks.afterRead = async () => {
    engine.hooks.afterRead = undefined;
    await between();
  };
  await engine.run(inTransaction("UPDATE t SET n = n + 1 WHERE id = 1"));
  expect(engine.hooks.afterRead).toBeUndefined();
  expect(await engine.rows("SELECT n FROM t WHERE id = 1")).toEqual([[expected]]);
});

test("TB-08 concurrent transactions on flushed rows lose no increment", async () => {
  await engine.run("INSERT INTO t VALUES (1, 0), (2, 0)");
  await engine.flush("app", "t");
  const steps = inTransaction("UPDATE t SET n = n + 1 WHERE id = 1", "UPDATE t SET n = n - 1 WHERE id = 2");
  await Promise.all(Array.from({ length: 30 }, () => engine.run(steps)));
  expect(await engine.rows("SELECT n FROM t ORDER BY id")).toEqual([[30], [-30]]);
});

test("TB-08 every NOW() of a transaction is one instant, and a failing statement is counted from the request's start", async () => {
  await engine.run("CREATE TABLE w (id BIGINT PRIMARY KEY, at TIMESTAMP DEFAULT NOW()) WITH (TYPE = 'USER')");
  await engine.run(inTransaction("INSERT INTO w (id) VALUES (1)", "INSERT INTO w (id) VALUES (2)"));
  expect(await engine.rows("SELECT count(DISTINCT at) FROM w")).toEqual([["1"]]);
  await engine.run("DROP TABLE w");
  const failure = await failureOf(
    engine.run(`SELECT 1; ${inTransaction("INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (1, 1)")}`),
  );
  expect(failure).toMatchObject({ error: { message: expect.stringContaining("Statement 4 failed") } });
});

test("TB-08 a transaction whose table is dropped in the same turn says so", async () => {
  let writing: Promise<unknown> | undefined;
  engine.hooks.afterWork = () => {
    writing = failureOf(engine.run(inTransaction("INSERT INTO t VALUES (1, 1)")));
  };
  await engine.run("DROP TABLE t");
  expect(await writing).toMatchObject({ error: { code: "TABLE_NOT_FOUND" } });
});

test("TB-08 a statement may write as many rows as the limit says and not one more", async () => {
  const values = (count: number): string => Array.from({ length: count }, (_, id) => `(${id}, 0)`).join(", ");
  expect(await failureOf(engine.run(`INSERT INTO t VALUES ${values(51)}`))).toMatchObject({
    error: { code: "UNSUPPORTED", message: expect.stringContaining("50") },
  });
  await engine.run(`INSERT INTO t VALUES ${values(50)}`);
  await engine.run("INSERT INTO t VALUES (1000, 0)");
  expect(await failureOf(engine.run("UPDATE t SET n = 1 WHERE id >= 0"))).toMatchObject({
    error: { code: "UNSUPPORTED" },
  });
  expect(await failureOf(engine.run("DELETE FROM t WHERE id >= 0"))).toMatchObject({ error: { code: "UNSUPPORTED" } });
  expect(await engine.rows("SELECT count(*) FROM t WHERE n = 0")).toEqual([["51"]]);
});

test.each([
  [
    "a function repeated in every row",
    `INSERT INTO w VALUES ${Array.from({ length: 40 }, (_, id) => `(${id}, repeat('x', 4000))`).join(", ")}`,
  ],
  ["a column that doubles", "UPDATE w SET body = body || body WHERE id >= 100"],
  [
    "a conflict that doubles",
    "INSERT INTO w VALUES (100, 'x') ON CONFLICT (id) DO UPDATE SET body = w.body || w.body || w.body",
  ],
  [
    "a transaction whose statements are each small enough",
    inTransaction(
      `INSERT INTO w VALUES (1, '${"x".repeat(60_000)}')`,
      `INSERT INTO w VALUES (2, '${"x".repeat(60_000)}')`,
    ),
  ],
])("TB-08 a write of more bytes than a statement may hold is refused whole: %s", async (_why, sql) => {
  await engine.run("DROP TABLE IF EXISTS w; CREATE SHARED TABLE w (id BIGINT PRIMARY KEY, body TEXT)");
  await engine.run("INSERT INTO w VALUES (100, repeat('y', 40000)); INSERT INTO w VALUES (101, repeat('y', 40000))");
  const failure = await failureOf(engine.run(sql));
  expect(failure).toMatchObject({ error: { code: "UNSUPPORTED", message: expect.stringContaining("100000 bytes") } });
  expect(await engine.rows("SELECT id, length(body) FROM w ORDER BY id")).toEqual([
    ["100", 40000],
    ["101", 40000],
  ]);
  await engine.run("DROP TABLE w");
});

const failureMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));

test("TB-14 the results of a request are bounded together, and the error says what to do", async () => {
  const select = "SELECT repeat('x', 20000)";
  expect(await engine.run([select, select].join("; "))).toHaveLength(2);
  const failure = await failureOf(engine.run([select, select, select].join("; ")));
  expect(failure).toMatchObject({ error: { code: "RESULT_TOO_LARGE", hint: expect.any(String) } });
});

test("TB-14 the result of what was committed is given however large it is; what would come after it does not run", async () => {
  const returning = (id: number): string =>
    `INSERT INTO w VALUES (${id}, repeat('y', 30000)) RETURNING id, body || body`;
  await engine.run("CREATE USER TABLE w (id BIGINT PRIMARY KEY, body TEXT)");
  expect(await engine.rows(returning(1))).toEqual([["1", "y".repeat(60_000)]]);
  expect(await engine.run(`${returning(2)}; SELECT 1`).then(() => "answered", failureMessage)).toStartWith(
    "Statement 2 failed: The results of the request are larger",
  );
  expect(await engine.run(`BEGIN; ${returning(3)}; COMMIT`)).toHaveLength(3);
  expect(await engine.rows("SELECT id FROM w ORDER BY id")).toEqual([["1"], ["2"], ["3"]]);
  await engine.run("DROP TABLE w");
});

test("TB-14 a read by key that makes very many values of each row is answered all the same", async () => {
  await engine.run("INSERT INTO t VALUES (1, 7)");
  const columns = Array.from({ length: 100 }, () => "n").join(", ");
  expect(await engine.rows(`SELECT ${columns} FROM t WHERE id = 1`)).toEqual([Array(100).fill(7)]);
  const [, inside] = await engine.run(inTransaction(`SELECT ${columns} FROM t WHERE id = 1`));
  expect(inside?.rowCount).toBe(1);
});

test("TB-03 EXECUTE AS USER writes the other user's rows, never a shared table, and never as a higher role", async () => {
  const service = { user: "svc", role: "service" as const };
  await engine.run("EXECUTE AS USER 'ann' (INSERT INTO u VALUES (1, 1))", service);
  expect(await engine.rows("SELECT n FROM u", { user: "ann" })).toEqual([[1]]);
  expect(await engine.rows("SELECT n FROM u", { user: "svc" })).toEqual([]);
  const refused = [
    ["EXECUTE AS USER 'ann' (UPDATE t SET n = 1 WHERE id = 1)", service, "SQL_EXECUTION_ERROR"],
    ["EXECUTE AS USER 'ann' (INSERT INTO u SELECT id, n FROM t)", service, "SQL_EXECUTION_ERROR"],
    ["EXECUTE AS USER 'ann' (SELECT * FROM u)", { user: "bob", role: "user" as const }, "PERMISSION_DENIED"],
    ["EXECUTE AS USER 'ann' (SELECT user_id FROM system.users)", { user: "root" }, "PERMISSION_DENIED"],
    ["EXECUTE AS USER 'ann' (EXECUTE AS USER 'bob' (SELECT * FROM u))", service, "INVALID_INPUT"],
  ] as const;
  for (const [sql, as, code] of refused) {
    const failure = await failureOf(engine.run(sql, as));
    expect({ sql, failure }).toMatchObject({
      failure: expect.objectContaining(
        code === "INVALID_INPUT" ? { code } : { error: expect.objectContaining({ code }) },
      ),
    });
  }
});
