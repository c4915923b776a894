// SQL that PostgreSQL users type, with PostgreSQL's answers in our encoding, or the name of what is refused. The tables stand beside this file; why each row is
// there is the comment above it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { basename, dirname, join } from "node:path";
import { Glob } from "bun";
import { difference, failureDifference, parseExamples, type SqlExample } from "../docs/sql-example.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const TABLES = `
CREATE NAMESPACE shop;
CREATE SHARED TABLE shop.orders (
  id BIGINT PRIMARY KEY, customer TEXT NOT NULL, amount DECIMAL(10, 2), qty INT, placed TIMESTAMP, due DATE, at_time TIME, paid BOOLEAN,
  info JSONB, score DOUBLE PRECISION, small SMALLINT, ratio REAL, ref UUID, raw BYTEA);
INSERT INTO shop.orders VALUES
  (1, 'ann', 10.50, 3, '2024-01-15 10:30:00', '2024-02-01', '08:00:00', true, '{"a":1,"tags":["x","y"],"who":{"name":"Ann"}}', 1.5, 1, 0.5,
   '00000000-0000-0000-0000-000000000001', '\\x01ff'),
  (2, 'bob', 20.00, 1, '2024-01-20 23:59:59.5', '2024-02-10', '09:30:00', false, '{"a":2,"tags":[],"b":null}', -2.25, 2, 1.25,
   '00000000-0000-0000-0000-000000000002', '\\x'),
  (3, 'ann', 99.99, NULL, '2024-02-29 00:00:00', NULL, NULL, NULL, '{"a":"text"}', NULL, -3, NULL, NULL, NULL),
  (4, 'cy', 0.01, 7, '2024-03-31 12:00:00', '2023-12-31', '23:59:59.999999', true, NULL, 1e10, 4, 2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL),
  (5, 'Émile', NULL, 0, NULL, NULL, NULL, true, '[1,2,3]', 0, 5, 0, NULL, NULL);
CREATE SHARED TABLE shop.customers (name TEXT PRIMARY KEY, city TEXT, vip BOOLEAN DEFAULT false);
INSERT INTO shop.customers VALUES ('ann', 'Paris', true), ('bob', 'Rome', false), ('dan', NULL, false)`;

async function examplesOf(name: string): Promise<SqlExample[]> {
  return parseExamples(await Bun.file(new URL(name, import.meta.url)).text());
}

const answers = await examplesOf("./sql-answers.sql");
const writes = await examplesOf("./sql-write-answers.sql");
const refusals = await examplesOf("./sql-refusals.sql");

const titled = (examples: readonly SqlExample[]) => examples.map((example) => [example.why, example] as const);

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql(TABLES);
});

afterAll(() => server[Symbol.asyncDispose]());

async function assertAnswer(example: SqlExample): Promise<void> {
  expect(example.rows).toBeDefined();
  const reply = await server.root.send(example.sql, undefined, { namespace_id: "shop" });
  expect(reply.error ?? difference(example, reply.results.at(-1))).toBeUndefined();
}

test.each(titled(answers))("TB-05 TB-06 buffered rows: %s", (_why, example) => assertAnswer(example));

test.each(titled(refusals))("TB-12 refused by name: %s", async (_why, example) => {
  const reply = await server.root.send(example.sql, undefined, { namespace_id: "shop" });
  expect(failureDifference(example, reply)).toBeUndefined();
});

// The same rows again, now in Parquet: order matters here, and the writes come last.
describe("after a flush", () => {
  beforeAll(async () => {
    await server.root.job("STORAGE FLUSH ALL IN shop");
    expect(await server.root.rows("SELECT count(*) FROM system.segments")).toEqual([["2"]]);
  });

  test.each(titled(answers))("TB-06 ST-05 flushed rows: %s", (_why, example) => assertAnswer(example));

  test("ST-02 ST-06 the files of a flush are those the catalog names, each beside its manifest", async () => {
    const rows = await server.root.rows("SELECT path FROM system.segments ORDER BY path");
    const paths = rows.map(([path]) => String(path));
    expect(paths.map((path) => dirname(path))).toEqual(["shop/customers-2", "shop/orders-1"]);
    const storage = join(server.folder, "storage");
    const manifests = paths.map((path) => join(dirname(path), "manifest.json"));
    expect([...new Glob("**/*").scanSync(storage)].toSorted()).toEqual([...paths, ...manifests].toSorted());
    const manifest: unknown = await Bun.file(join(storage, "shop/orders-1/manifest.json")).json();
    expect(manifest).toMatchObject({
      table_id: "shop.orders",
      user_id: null,
      segments: [{ path: basename(paths[1] ?? ""), row_count: 5 }],
    });
  });

  test.each(titled(writes))("TB-08 %s", (_why, example) => assertAnswer(example));
});
