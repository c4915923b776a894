import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import { type EngineFixture, openEngine } from "../engine-fixture.ts";

setDefaultTimeout(240_000);

const FILES = 5;
/** Three row groups: two full ones and a half. */
const ROWS_PER_FILE = 25_000;

let engine: EngineFixture;

/** Rows (id, at = 10 × id, room = file, body) in one file; ids rise from file to file. */
async function writeFile(file: number): Promise<void> {
  const { catalog, writer } = engine.deps;
  const table = catalog.table("app", "log");
  if (table === undefined) throw new Error("no table");
  for (let start = 0; start < ROWS_PER_FILE; start += 5_000) {
    await writer.submit((tx) => {
      for (let n = start; n < start + 5_000; n += 1) {
        const id = file * ROWS_PER_FILE + n;
        const cells = [BigInt(id), BigInt(id) * 10n, `room ${file}`, n % 1000 === 0 ? null : "text"];
        tx.put(table, SHARED_SCOPE, cells, { deleted: false, before: undefined });
      }
    });
  }
  await engine.flush("app", "log");
  await engine.store.current.trimmed();
}

beforeAll(async () => {
  engine = await openEngine({ coldCacheBytes: 64 << 20 });
  await engine.run("CREATE SHARED TABLE log (id BIGINT PRIMARY KEY, at TIMESTAMP, room TEXT, body TEXT)");
  for (let file = 0; file < FILES; file += 1) await writeFile(file);
});

afterAll(() => engine[Symbol.asyncDispose]());

/** `read of all` for segments and row groups, and the number of rows. */
async function counts(sql: string): Promise<string> {
  const lines = (await engine.rows(`EXPLAIN ANALYZE ${sql}`)).map(([line]) => String(line).trim());
  const files = lines.find((line) => line.startsWith("Segments")) ?? "no files";
  return `${files}; ${lines.at(-1)}`;
}

const LAST = FILES * ROWS_PER_FILE - 1;

test.each([
  ["the newest page", "SELECT id FROM log ORDER BY at DESC LIMIT 50", "1 of 5, row groups: 1 of 15; Rows: 50"],
  [
    "a page by offset",
    "SELECT id FROM log ORDER BY at DESC LIMIT 50 OFFSET 200",
    "1 of 5, row groups: 1 of 15; Rows: 50",
  ],
  [
    "a page over the end of a row group",
    "SELECT id FROM log ORDER BY at DESC LIMIT 50 OFFSET 4990",
    "1 of 5, row groups: 2 of 15; Rows: 50",
  ],
  [
    "a page by keyset",
    `SELECT id, body FROM log WHERE at < '1970-01-01T00:00:00.500000Z' ORDER BY at DESC LIMIT 50`,
    "1 of 5, row groups: 1 of 15; Rows: 50",
  ],
  ["the oldest page, by the key", "SELECT * FROM log ORDER BY id LIMIT 50", "1 of 5, row groups: 1 of 15; Rows: 50"],
  ["the page of a default order", "SELECT id, room FROM log LIMIT 50", "1 of 5, row groups: 1 of 15; Rows: 50"],
  ["the newest versions", "SELECT id FROM log ORDER BY _seq DESC LIMIT 10", "1 of 5, row groups: 1 of 15; Rows: 10"],
])("ST-05 time-ordered paging reads the row groups it needs: %s", async (_why, sql, expected) => {
  expect(await counts(sql)).toBe(`Segments: ${expected}`);
});

test.each([
  [
    "a range of keys: the catalog knows the files' keys",
    `SELECT body FROM log WHERE id > ${LAST - 5}`,
    "1 of 5, row groups: 1 of 3; Rows: 5",
  ],
  [
    "one value of a column",
    "SELECT count(id) AS n, max(id) AS m FROM log WHERE room = 'room 3' AND id > 0",
    "1 of 5, row groups: 3 of 15; Rows: 1",
  ],
  [
    "a range of another column",
    "SELECT id FROM log WHERE at BETWEEN '1970-01-01T00:00:00.300000Z' AND '1970-01-01T00:00:00.300090Z'",
    "1 of 5, row groups: 1 of 15; Rows: 10",
  ],
  [
    "a value that no file has",
    "SELECT id FROM log WHERE room = 'none' AND at IS NOT NULL",
    "0 of 5, row groups: 0 of 15; Rows: 0",
  ],
  ["NULL in a column without NULLs", "SELECT id FROM log WHERE room IS NULL", "0 of 5, row groups: 0 of 15; Rows: 0"],
  [
    "NULLs of all files",
    "SELECT id FROM log WHERE body IS NULL AND id < 10000",
    "1 of 5, row groups: 1 of 3; Rows: 10",
  ],
])("ST-05 segments and row groups are chosen by statistics: %s", async (_why, sql, expected) => {
  expect(await counts(sql)).toBe(`Segments: ${expected}`);
});

test("ST-05 EXPLAIN says what statistics leave, and decodes nothing for it", async () => {
  expect(
    await engine.rows("EXPLAIN SELECT id FROM log WHERE room = 'room 1' AND length(body) > 2 ORDER BY at LIMIT 5"),
  ).toEqual([
    ["Query process"],
    ["  Relation: app.log (shared)"],
    ["    Columns: id, at, room, body"],
    ["    Conditions: room IN (room 1)"],
    ["    Segments: 1 of 5, row groups: 3 of 15"],
  ]);
});

test("ST-05 a query that was asked before reads nothing", async () => {
  const sql = "SELECT id FROM log WHERE room = 'room 2' ORDER BY at LIMIT 7";
  const first = await counts(sql);
  expect(first).toBe("Segments: 1 of 5, row groups: 1 of 15; Rows: 7");
  expect(await counts(sql)).toBe("Segments: 1 of 5, row groups: 1 of 15, by an earlier query; Rows: 7");
});

async function explained(sql: string): Promise<string[]> {
  return (await engine.rows(`EXPLAIN ANALYZE ${sql}`)).map(([line]) => String(line).trim());
}

test.each([
  [
    "extremes of whole columns are in the footers",
    "SELECT count(*) AS n, min(at) AS first FROM log",
    "Aggregated: from metadata of the files",
    "Segments: 0 of 5, row groups: 0 of 15",
  ],
  [
    "groups are made of columns",
    "SELECT room, count(*) AS n, max(at) AS m, sum(id) AS s FROM log WHERE id >= 25000 GROUP BY room HAVING count(*) > 1 ORDER BY 2",
    "Aggregated: over columns, without making rows",
    "Segments: 4 of 5, row groups: 12 of 12",
  ],
])("ST-05 EXPLAIN says that %s", async (_why, sql, aggregated, segments) => {
  const lines = await explained(sql);
  expect(lines).toContain(aggregated);
  expect(lines).toContain(segments);
  const planned = (await engine.rows(`EXPLAIN ${sql}`)).map(([line]) => String(line).trim());
  expect(planned).toContain(aggregated);
});

test.each([
  ["a distinct count", "SELECT count(DISTINCT room) AS n FROM log"],
  ["an expression of a column", "SELECT sum(id + 1) AS n FROM log"],
  ["a group by an expression", "SELECT length(room) AS l, count(*) AS n FROM log GROUP BY 1"],
  ["a condition that is no comparison", "SELECT count(*) AS n FROM log WHERE room LIKE 'room 1%'"],
  [
    "a sub-query with aggregates of its own",
    "SELECT count(*) AS n, (SELECT count(*) FROM (VALUES (1), (2)) AS v (x)) AS two FROM log",
  ],
])("ST-05 what columns do not say exactly is left to SQLite: %s", async (_why, sql) => {
  expect((await explained(sql)).filter((line) => line.startsWith("Aggregated"))).toEqual([]);
});

test("ST-05 a sub-query counts its own rows", async () => {
  const sql = "SELECT count(*) AS n, (SELECT count(*) FROM (VALUES (1), (2)) AS v (x)) AS two FROM log";
  expect(await engine.rows(sql)).toEqual([["125000", "2"]]);
});

test("TB-13 CLEAR CACHE forgets what query processes keep of files, and counts it", async () => {
  const sql = "SELECT body FROM log WHERE id BETWEEN 30000 AND 30009";
  const cached = async (): Promise<bigint[]> => {
    const rows = await engine.rows("CLEAR CACHE");
    return ["segment_columns", "segment_tables"].map((name) =>
      BigInt(String(rows.find(([cache]) => cache === name)?.[1])),
    );
  };
  await cached();
  expect(await counts(sql)).toBe("Segments: 1 of 5, row groups: 1 of 3; Rows: 10");
  expect(await counts(sql)).toBe("Segments: 1 of 5, row groups: 1 of 3, by an earlier query; Rows: 10");
  const [columns = 0n, tables = 0n] = await cached();
  expect(columns).toBeGreaterThan(1n);
  expect(tables).toBe(1n);
  expect(await cached()).toEqual([0n, 0n]);
  expect(await counts(sql)).toBe("Segments: 1 of 5, row groups: 1 of 3; Rows: 10");
});

test("ST-05 COUNT, MIN and MAX come from metadata while that is exact, buffered rows included", async () => {
  const total = "SELECT count(*) AS n, count(body) AS bodies, min(at) AS first, max(id) + 1 AS next FROM log";
  expect(await counts(total)).toBe("Segments: 0 of 5, row groups: 0 of 15; Rows: 1");
  expect(await engine.rows(total)).toEqual([["125000", "124875", 0, "125000"]]);
  await engine.run("INSERT INTO log (id, at) VALUES (-1, '1950-01-01T00:00:00Z')");
  expect(await counts(total)).toBe("Segments: 0 of 5, row groups: 0 of 15; Rows: 1");
  expect(await engine.rows(total)).toEqual([["125001", "124875", -631152000000000, "125000"]]);
  // What it hides is known of the buffered row alone.
  await engine.run("UPDATE log SET body = NULL WHERE id = 1");
  expect(await counts(total)).toBe("Segments: 5 of 5, row groups: 15 of 15; Rows: 1");
  expect(await engine.rows(total)).toEqual([["125001", "124874", -631152000000000, "125000"]]);
  await engine.run("UPDATE log SET body = 'text' WHERE id = 1; DELETE FROM log WHERE id = -1");
  expect(await engine.rows("SELECT max(room) AS room, count(*) AS n FROM log")).toEqual([["room 4", "125000"]]);
});

test("ST-05 rows that buffered versions hide or move are replaced by the next ones of the files", async () => {
  const newest = "SELECT id FROM log ORDER BY at DESC, _seq LIMIT 3";
  expect(await engine.rows(newest)).toEqual([[String(LAST)], [String(LAST - 1)], [String(LAST - 2)]]);
  await engine.run(`DELETE FROM log WHERE id IN (${LAST}, ${LAST - 1}, ${LAST - 2}, ${LAST - 3})`);
  await engine.run(`UPDATE log SET at = '1960-01-01T00:00:00Z' WHERE id = ${LAST - 4}`);
  expect(await engine.rows(newest)).toEqual([[String(LAST - 5)], [String(LAST - 6)], [String(LAST - 7)]]);
  expect(await counts(newest)).toBe("Segments: 1 of 5, row groups: 1 of 15, by an earlier query; Rows: 3");
  expect(await engine.rows("SELECT id FROM log ORDER BY at LIMIT 2")).toEqual([[String(LAST - 4)], ["0"]]);
  await engine.flush("app", "log");
  // The tombstones are in a newer file now: their keys are looked for in it.
  expect(await engine.rows(newest)).toEqual([[String(LAST - 5)], [String(LAST - 6)], [String(LAST - 7)]]);
  // So they are for a page of an old file whose keys it spans.
  expect(await counts("SELECT id FROM log WHERE room = 'room 0' AND at IS NOT NULL LIMIT 2")).toBe(
    "Segments: 2 of 6, row groups: 2 of 16; Rows: 2",
  );
});

test("ST-05 groups leave out what a buffered version hides, and count it where it is now", async () => {
  const rooms =
    "SELECT room, count(*) AS n, min(id) AS first FROM log WHERE room IN ('room 1', 'room 2') GROUP BY room ORDER BY room";
  expect(await engine.rows(rooms)).toEqual([
    ["room 1", "25000", "25000"],
    ["room 2", "25000", "50000"],
  ]);
  await engine.run("UPDATE log SET room = 'room 1' WHERE id = 50000; DELETE FROM log WHERE id = 25000");
  expect(await explained(rooms)).toContain("Aggregated: over columns, without making rows");
  expect(await engine.rows(rooms)).toEqual([
    ["room 1", "25000", "25001"],
    ["room 2", "24999", "50001"],
  ]);
  await engine.run("UPDATE log SET room = 'room 2' WHERE id = 50000");
  await engine.run(
    `INSERT INTO log (id, at, room, body) VALUES (25000, '1970-01-01T00:00:00.250000Z', 'room 1', NULL)`,
  );
  expect(await engine.rows(rooms)).toEqual([
    ["room 1", "25000", "25000"],
    ["room 2", "25000", "50000"],
  ]);
});
