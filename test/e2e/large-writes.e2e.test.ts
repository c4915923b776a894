// Statements and transactions of thousands of rows, which the writer applies in slices: whole or not at all, beside writes of others that wait for them.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const ROWS = 2_000;

let server: TestServer;
let table = "";
let tables = 0;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  tables += 1;
  table = `app.t${tables}`;
  await server.root.sql(`CREATE SHARED TABLE ${table} (id BIGINT PRIMARY KEY, n INT NOT NULL)`);
});

function valuesOf(firstId: number, count = ROWS): string {
  return Array.from({ length: count }, (_, index) => `(${firstId + index}, 0)`).join(", ");
}

function inTransaction(end: "COMMIT" | "ROLLBACK", statements: readonly string[]): string {
  return ["BEGIN", ...statements, end].join("; ");
}

async function count(where = "n >= 0"): Promise<number> {
  const [row] = await server.root.rows(`SELECT count(*) FROM ${table} WHERE ${where}`);
  return Number(row?.[0]);
}

test("a large INSERT, UPDATE and DELETE each write every row once, beside small writes of the same table", async () => {
  const small = (id: number) => server.root.sql(`INSERT INTO ${table} VALUES (${id}, 7)`);
  const beside = async (statement: string, firstId: number) => {
    const [large] = await Promise.all([
      server.root.sql(statement),
      ...Array.from({ length: 20 }, (_, index) => small(firstId + index)),
    ]);
    return large;
  };
  const inserted = await beside(`INSERT INTO ${table} VALUES ${valuesOf(0)} RETURNING id`, 10_000);
  expect(inserted.rows?.map(([id]) => Number(id))).toEqual(Array.from({ length: ROWS }, (_, id) => id));
  expect((await beside(`UPDATE ${table} SET n = n + 1 WHERE id < ${ROWS}`, 20_000)).row_count).toBe(ROWS);
  expect(await count("n = 1")).toBe(ROWS);
  expect((await beside(`DELETE FROM ${table} WHERE n = 1`, 30_000)).row_count).toBe(ROWS);
  expect(await count()).toBe(60);
  expect(await count("n = 7")).toBe(60);
});

test("a large INSERT that fails at a late row leaves nothing", async () => {
  await server.root.sql(`INSERT INTO ${table} VALUES (1999, 5)`);
  expect(await server.root.fails(`INSERT INTO ${table} VALUES ${valuesOf(0)}`)).toMatchObject({
    reason: "DUPLICATE_KEY",
  });
  expect(await count()).toBe(1);
});

test.each(["COMMIT", "ROLLBACK"] as const)("a transaction of many statements that ends in %s", async (end) => {
  const statements = Array.from({ length: 300 }, (_, id) => `INSERT INTO ${table} VALUES (${id}, 1)`);
  await server.root.sql(inTransaction(end, [...statements, `INSERT INTO ${table} VALUES ${valuesOf(1_000, 500)}`]));
  expect(await count()).toBe(end === "COMMIT" ? 800 : 0);
});

test("a statement that fails late takes back the whole transaction and is named", async () => {
  const statements = Array.from({ length: 300 }, (_, id) => `INSERT INTO ${table} VALUES (${id % 299}, 1)`);
  const failed = await server.root.fails(inTransaction("COMMIT", statements));
  expect(failed.message).toStartWith("Statement 301 failed: ");
  expect(await count()).toBe(0);
});
