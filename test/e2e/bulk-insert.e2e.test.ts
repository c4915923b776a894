// TB-08: a long INSERT … VALUES is read in parts and written as one statement: whatever it does or is refused for is what the same rows do in a short one.
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

setDefaultTimeout(600_000);

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  alice = await server.user("alice");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql(
    "DROP TABLE IF EXISTS app.t; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, body TEXT NOT NULL, n DECIMAL(10, 2) DEFAULT 1.5, at TIMESTAMP DEFAULT NOW())",
  );
});

const numbers = (count: number, from = 0): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index);

/** Long enough to be read in parts. */
const ROWS = 1_250;
const valuesOf = (ids: readonly number[]): string => ids.map((id) => `(${id}, 'body (of) ''${id}''')`).join(",\n ");

test("TB-08 it inserts every row once, in one commit, with one NOW()", async () => {
  const result = await alice.sql(`INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS))};`);
  expect(result).toMatchObject({ row_count: ROWS, message: `Inserted ${ROWS} row(s)` });
  expect(
    await alice.rows("SELECT count(*), count(DISTINCT at), count(DISTINCT id), min(n), max(body) FROM app.t"),
  ).toEqual([[String(ROWS), "1", String(ROWS), "1.50", "body (of) '999'"]]);
});

test("TB-08 its rows come back in order by RETURNING, and ON CONFLICT sees all of them", async () => {
  await alice.sql(`INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(200, 1_000))}`);
  const text = `INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS))}`;
  const { rows = [] } = await alice.sql(`${text} ON CONFLICT (id) DO UPDATE SET body = 'was there' RETURNING id, body`);
  expect(rows.map(([id]) => Number(id))).toEqual([...numbers(ROWS)]);
  expect(rows.filter(([, body]) => body === "was there")).toHaveLength(200);
  const again = await alice.sql(`${text} ON CONFLICT DO NOTHING`);
  expect(again.row_count).toBe(0);
  const twice = await alice.fails(
    `INSERT INTO app.t (id, body) VALUES ${valuesOf([...numbers(ROWS), 0])} ON CONFLICT (id) DO UPDATE SET body = 'x'`,
  );
  expect(twice.message).toContain("cannot affect row a second time");
});

test("TB-02 UPSERT in parts replaces, and a flushed key is found", async () => {
  await alice.sql(`INSERT INTO app.t (id, body, n) VALUES (7, 'old', 9)`);
  await server.root.job("STORAGE FLUSH TABLE app.t");
  expect((await alice.fails(`INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS))}`)).reason).toBe(
    "DUPLICATE_KEY",
  );
  expect(await alice.rows("SELECT count(*) FROM app.t")).toEqual([["1"]]);
  await alice.sql(`UPSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS))}`);
  expect(await alice.rows("SELECT n, body FROM app.t WHERE id = 7")).toEqual([["9.00", "body (of) '7'"]]);
});

test.each([
  ["a value that does not fit", "(9, 'x', 'much', now())"],
  ["a NULL where none may be", "(9, NULL, 1, now())"],
  ["a row that is too short", "(9, 'x')"],
  ["a row that is too long", "(9, 'x', 1, now(), 5)"],
  ["an unknown function", "(9, nothing(1), 1, now())"],
  ["a syntax error", "(9, 'x' 1, now())"],
  ["a number without an end", "(9, 'x', 1e, now())"],
  ["a key that is there", "(3, 'x', 1, now())"],
])(
  "TB-12 %s in the middle is refused as in a short statement, at its place, and nothing is written",
  async (_what, row) => {
    const rows = numbers(ROWS, 10).map((id) => `(${id}, 'é ''${id}''', ${id}.25, now())`);
    const at = 777;
    const head = "INSERT INTO app.t VALUES ";
    const long = `${head}(3, 'x', 1, now()), ${rows.with(at, row).join(", ")}`;
    const short = `${head}(3, 'x', 1, now()), ${row}`;
    const [inLong, inShort] = [await alice.fails(long), await alice.fails(short)];
    const words = (text: string): string => text.replace(/\(row \d+\)/, "(row)");
    expect([inLong.code, inLong.reason, words(inLong.message)]).toEqual([
      inShort.code,
      inShort.reason,
      words(inShort.message),
    ]);
    expect(inLong.position === undefined).toBe(inShort.position === undefined);
    if (inLong.position !== undefined && inShort.position !== undefined) {
      const moved = long.lastIndexOf(row) - short.lastIndexOf(row);
      expect(inLong.position).toBe(inShort.position + moved);
    }
    expect(await alice.rows("SELECT count(*) FROM app.t")).toEqual([["0"]]);
  },
);

test("TB-07 parameters may stand in any part, or in a few, and their number is that of the whole", async () => {
  const rows = numbers(ROWS).map((id) => (id % 300 === 7 ? `(${id}, $2, $1)` : `(${id}, 'x', 2)`));
  const text = `INSERT INTO app.t (id, body, n) VALUES ${rows.join(", ")}`;
  expect((await alice.sql(text, [7.25, "from $2"])).row_count).toBe(ROWS);
  const found = await alice.rows("SELECT id, n FROM app.t WHERE body = 'from $2' ORDER BY id");
  expect(found).toEqual([7, 307, 607, 907, 1207].map((id) => [String(id), "7.25"]));
  for (const params of [[1], [1, "x", 2]]) {
    const { code, reason = code, message } = await alice.fails(text.replaceAll("(1", "(91"), params);
    expect([reason, message]).toEqual([
      "INVALID_PARAMETER",
      `Statement 1 failed: Expected 2 parameters, got ${params.length}`,
    ]);
  }
  const wrong = await alice.fails(text, ["no number", "x"]);
  expect(wrong.message).toContain("$1");
  expect(await alice.rows("SELECT count(*) FROM app.t")).toEqual([[String(ROWS)]]);
});

test("TB-03 as another user it writes that user's rows, with the rules of the envelope", async () => {
  const text = `INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS))} RETURNING id`;
  const done = await server.root.sql(`EXECUTE AS USER 'alice' (${text})`);
  expect([done.row_count, done.as_user, done.rows?.length]).toEqual([ROWS, "alice", ROWS]);
  expect(await alice.rows("SELECT count(*) FROM app.t")).toEqual([[String(ROWS)]]);
  expect((await alice.fails(`EXECUTE AS USER 'root' (${text})`)).http).toBe(403);
  const head = "EXECUTE AS USER 'alice' (";
  const bad = `INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS, 5_000))}, (9, 1e)`;
  const { message, position = 0 } = await server.root.fails(`${head}${bad})`);
  expect(message).toContain("trailing junk");
  expect(`${head}${bad}`.slice(position)).toStartWith("1e");
  await server.root.sql(
    "DROP TABLE IF EXISTS app.s; CREATE SHARED TABLE app.s (id BIGINT PRIMARY KEY, body TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
  const shared = `INSERT INTO app.s (id, body) VALUES ${valuesOf(numbers(ROWS))}`;
  expect((await server.root.fails(`EXECUTE AS USER 'alice' (${shared})`)).message).toContain("SHARED tables");
  expect(await server.root.rows("SELECT count(*) FROM app.s")).toEqual([["0"]]);
});

test("TB-08 what is no such statement is run as ever: several statements, a source that is a query", async () => {
  const long = valuesOf(numbers(ROWS));
  const { results } = await alice.send(`INSERT INTO app.t (id, body) VALUES ${long}; SELECT count(*) FROM app.t`);
  expect(results.at(-1)?.row_count).toBeGreaterThan(0);
  await alice.sql(`INSERT INTO app.t (id, body) SELECT id + 10000, body FROM (VALUES ${long}) AS v (id, body)`);
  await alice.sql(`INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS, 50_000))}, ((SELECT 99999), 'sub')`);
  await alice.sql(`INSERT INTO app.t (id, body) VALUES ${valuesOf(numbers(ROWS, 70_000))}, ($1, 'param')`, ["88888"]);
  expect(await alice.rows("SELECT count(*) FROM app.t")).toEqual([[String(4 * ROWS + 2)]]);
  expect((await alice.fails(`INSERT INTO system.users (user_id, password) VALUES ${long}`)).message).toContain(
    "system.users",
  );
  const many = numbers(20_001).map((id) => `(${id},'x')`);
  expect((await alice.fails(`INSERT INTO app.t (id, body) VALUES ${many.join()}`)).message).toContain(
    "one statement may write 20000",
  );
});

test("TB-08 any texts and numbers arrive as they were sent, wherever the parts end", async () => {
  const cell = fc.record({
    text: fc.string({ unit: "binary", maxLength: 20 }),
    n: fc.integer({ min: -99_999, max: 99_999 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { minLength: 450, maxLength: 600 }), async (cells) => {
      const sent = cells.map(({ text, n }) => ({ n, text: text.replaceAll("\u0000", "") }));
      const rows = sent.map(({ text, n }, id) => `(${id}, '${text.replaceAll("'", "''")}', ${n} /* ( */)`);
      await alice.sql("DELETE FROM app.t WHERE true");
      await alice.sql(`INSERT INTO app.t (id, body, n) VALUES ${rows.join(" , ")} -- the end`);
      const found = await alice.rows("SELECT body, n FROM app.t ORDER BY id");
      expect(found).toEqual(sent.map(({ text, n }) => [text, `${n}.00`]));
    }),
    { numRuns: 8 },
  );
});
