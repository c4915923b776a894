import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type DuckDb, openDuckDb } from "../support/duckdb.ts";
import { type EngineFixture, openEngine } from "./engine-fixture.ts";

setDefaultTimeout(240_000);

const COLUMNS = [
  "id BIGINT PRIMARY KEY",
  "yes BOOLEAN",
  "small SMALLINT",
  "number INT",
  "large BIGINT",
  "single FLOAT",
  "twice DOUBLE",
  "price DECIMAL(12, 3)",
  "total DECIMAL(38, 0)",
  "body TEXT",
  "at TIMESTAMP",
  "seen DATETIME",
  "day DATE",
  "hour TIME",
  "extra JSON",
  "raw BYTES",
  "tag UUID",
  "place EMBEDDING(3)",
];

const FULL = [
  "1, true, -32768, 2147483647, 9223372036854775807, 1.5, 0.1, -123456789.125, 99999999999999999999999999999999999999, 'grüße 👋'",
  "'2024-02-29T23:59:59.123456Z', '1969-12-31T23:59:59.999999Z', '1999-12-31', '23:59:59.000001', '{\"a\": [1, null]}', '\\x00ff', '0190163d-8694-739b-aea5-966c26f8ad91', '[1,-2.5,0]'",
].join(", ");

let engine: EngineFixture;
let duck: DuckDb;
let first = "";
let second = "";

async function newestFile(): Promise<string> {
  const [segment] = engine.deps.catalog.allSegments().toSorted((a, b) => b.id - a.id);
  return join(engine.store.dataDir, "storage", segment?.path ?? "");
}

beforeAll(async () => {
  engine = await openEngine();
  duck = await openDuckDb();
  await engine.run(`CREATE SHARED TABLE things (${COLUMNS.join(", ")})`);
  await engine.run(`INSERT INTO things VALUES (${FULL})`);
  await engine.run("INSERT INTO things (id) VALUES (2); INSERT INTO things (id, body) VALUES (3, 'gone')");
  await engine.run("DELETE FROM things WHERE id = 3");
  await engine.flush("app", "things");
  first = await newestFile();
  await engine.run("ALTER TABLE things ADD COLUMN note TEXT DEFAULT 'none'");
  await engine.run("ALTER TABLE things RENAME COLUMN body TO words");
  await engine.run("ALTER TABLE things ALTER COLUMN small TYPE BIGINT");
  await engine.run("ALTER TABLE things DROP COLUMN raw");
  await engine.run("INSERT INTO things (id, words, small, note) VALUES (4, 'new', 40000, 'x')");
  await engine.flush("app", "things");
  second = await newestFile();
});

afterAll(async () => {
  await duck[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const TYPES: [string, string][] = [
  ["id", "BIGINT"],
  ["yes", "BOOLEAN"],
  ["small", "SMALLINT"],
  ["number", "INTEGER"],
  ["large", "BIGINT"],
  ["single", "FLOAT"],
  ["twice", "DOUBLE"],
  ["price", "DECIMAL(12,3)"],
  ["total", "DECIMAL(38,0)"],
  ["body", "VARCHAR"],
  ["at", "TIMESTAMP WITH TIME ZONE"],
  ["seen", "TIMESTAMP WITH TIME ZONE"],
  ["day", "DATE"],
  ["hour", "TIME"],
  ["extra", "JSON"],
  ["raw", "BLOB"],
  ["tag", "UUID"],
  ["place", "FLOAT[]"],
  ["_seq", "BIGINT"],
  ["_deleted", "BOOLEAN"],
];

test("ST-06 DuckDB sees every type of the type table as what it is", async () => {
  const described = await duck.rows(
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('${first}'))`,
  );
  expect(described).toEqual(TYPES);
});

test("ST-06 DuckDB reads every value and every NULL as it was written, decimals and microseconds exactly", async () => {
  const [full, empty, gone] = await duck.rows(`SELECT * EXCLUDE (_seq) FROM read_parquet('${first}') ORDER BY id`);
  expect(full).toEqual([
    "1",
    "true",
    "-32768",
    "2147483647",
    "9223372036854775807",
    "1.5",
    "0.1",
    "-123456789.125",
    "9".repeat(38),
    "grüße 👋",
    "2024-02-29 23:59:59.123456+00",
    "1969-12-31 23:59:59.999999+00",
    "1999-12-31",
    "23:59:59.000001",
    '{"a": [1, null]}',
    "\\x00\\xFF",
    "0190163d-8694-739b-aea5-966c26f8ad91",
    "[1.0, -2.5, 0.0]",
    "false",
  ]);
  expect(empty).toEqual(["2", ...Array.from({ length: 17 }, () => null), "false"]);
  expect([gone?.[0], gone?.[9], gone?.at(-1)]).toEqual(["3", "gone", "true"]);
});

/** Of three rows one is full and one has a body. JSON and embeddings have no statistics. */
const NULLS = new Map([
  ["id", "0"],
  ["_seq", "0"],
  ["_deleted", "0"],
  ["body", "1"],
  ["extra", null],
  ["place, list, element", null],
]);

test("ST-06 statistics of every column but JSON and embeddings are those DuckDB finds in the rows", async () => {
  const statistics = await duck.rows(
    `SELECT path_in_schema, stats_null_count, stats_min_value, stats_max_value FROM parquet_metadata('${first}')`,
  );
  expect(statistics.map(([name, nulls]) => [name, nulls])).toEqual(
    TYPES.map(([name]) => (name === "place" ? "place, list, element" : name)).map((name) => [
      name,
      NULLS.has(name) ? NULLS.get(name) : "2",
    ]),
  );
  const bounds = new Map(statistics.map(([name, , min, max]) => [name, [min, max]]));
  expect(bounds.get("id")).toEqual(["1", "3"]);
  expect(bounds.get("price")).toEqual(["-123456789.125", "-123456789.125"]);
  expect(bounds.get("body")).toEqual(["gone", "grüße 👋"]);
  expect(bounds.get("at")).toEqual(["2024-02-29 23:59:59.123456+00", "2024-02-29 23:59:59.123456+00"]);
  expect(bounds.get("day")).toEqual(["1999-12-31", "1999-12-31"]);
  expect(bounds.get("extra")).toEqual([null, null]);
});

test("ST-06 pages are Zstandard, columns carry their ids, and DuckDB reads the key-value metadata", async () => {
  const compressions = await duck.rows(`SELECT DISTINCT compression FROM parquet_metadata('${first}')`);
  expect(compressions).toEqual([["ZSTD"]]);
  const ids = await duck.rows(
    `SELECT name, field_id FROM parquet_schema('${second}') WHERE field_id IS NOT NULL ORDER BY field_id LIMIT 11`,
  );
  expect(ids.slice(8)).toEqual([
    ["total", "9"],
    ["words", "10"],
    ["at", "11"],
  ]);
  const metadata = await duck.rows(
    `SELECT decode(key) AS k, decode(value) AS v FROM parquet_kv_metadata('${second}') WHERE decode(key) IN ('kalamdb.table', 'kalamdb.schema_version') ORDER BY k`,
  );
  expect(metadata).toEqual([
    ["kalamdb.schema_version", "5"],
    ["kalamdb.table", "app.things"],
  ]);
});

test("ST-06 TB-09 after ALTER a new file has the new columns, and DuckDB reads old and new ones together by name", async () => {
  const described = await duck.rows(
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('${second}'))`,
  );
  const altered: string[][] = TYPES.filter(([name]) => name !== "raw").map(([name, type]) =>
    name === "body" ? ["words", "VARCHAR"] : name === "small" ? ["small", "BIGINT"] : [name, type],
  );
  expect(described).toEqual([...altered.slice(0, -2), ["note", "VARCHAR"], ...altered.slice(-2)]);
  const together = await duck.rows(
    `SELECT id, body, words, small, note FROM read_parquet(['${first}', '${second}'], union_by_name = true) ORDER BY id`,
  );
  expect(together).toEqual([
    ["1", "grüße 👋", null, "-32768", null],
    ["2", null, null, null, null],
    ["3", "gone", null, null, null],
    ["4", null, "new", "40000", "x"],
  ]);
});
