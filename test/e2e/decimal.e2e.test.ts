// TB-04: what a DECIMAL column holds is what was written, after any statement that writes the row again.
import { expect, test } from "bun:test";
import { startTestServer } from "../support/test-server.ts";

test("TB-04 decimals keep their value through INSERT, UPDATE of other columns, upsert, flush and arithmetic", async () => {
  await using server = await startTestServer();
  const { root } = server;
  await root.sql(
    "CREATE NAMESPACE app; CREATE SHARED TABLE app.items (id BIGINT PRIMARY KEY, n INT, price DECIMAL(8, 2))",
  );
  const price = async (): Promise<unknown> => (await root.rows("SELECT price FROM app.items WHERE id = 1"))[0]?.[0];
  const steps = [
    ["INSERT INTO app.items VALUES (1, 1, 9.99)", "9.99"],
    ["UPDATE app.items SET n = 2 WHERE id = 1", "9.99"],
    ["UPDATE app.items SET n = n + 1 WHERE price < 10", "9.99"],
    ["INSERT INTO app.items VALUES (1, 1, 0.5) ON CONFLICT (id) DO UPDATE SET n = 7", "9.99"],
    ["STORAGE FLUSH TABLE app.items", "9.99"],
    ["UPDATE app.items SET price = price * 2 WHERE id = 1", "19.98"],
    ["UPDATE app.items SET price = 3 WHERE id = 1", "3.00"],
  ] as const;
  for (const [sql, expected] of steps) {
    await root.job(sql);
    expect({ sql, price: await price() }).toEqual({ sql, price: expected });
  }
});

test("TB-04 a parameter that a comparison would round is refused, one that is stored is rounded as in PostgreSQL", async () => {
  await using server = await startTestServer();
  const { root } = server;
  await root.sql(
    "CREATE NAMESPACE app; CREATE SHARED TABLE app.items (id BIGINT PRIMARY KEY, price DECIMAL(8, 2)); INSERT INTO app.items VALUES (1, 9.99)",
  );
  const conditions = [
    "price = $1",
    "price < $1",
    "price IN ($1)",
    "price = ANY($1)",
    "$1 IN (SELECT price FROM app.items)",
  ];
  for (const condition of conditions) {
    const sql = `SELECT id FROM app.items WHERE ${condition}`;
    const [fits, finer] = condition.includes("ANY") ? [["9.9900"], ["9.994"]] : ["9.9900", 9.994];
    expect({ sql, ids: await root.rows(sql, [fits]) }).toEqual({ sql, ids: condition.includes("<") ? [] : [["1"]] });
    const refusal = await root.fails(sql, [finer]);
    expect({ sql, message: refusal.message }).toEqual({
      sql,
      message: "Statement 1 failed: Parameter $1 expects DECIMAL(8, 2): 9.994 has more than 2 fraction digits",
    });
  }
  await root.sql("UPDATE app.items SET price = $1 WHERE id = 1", [9.994]);
  await root.sql("INSERT INTO app.items VALUES (2, $1)", ["0.005"]);
  expect(await root.rows("SELECT price FROM app.items ORDER BY id")).toEqual([["9.99"], ["0.01"]]);
});

test("TB-04 TB-07 statements that differ in the fraction digits of a quoted number share no plan that rounds it", async () => {
  await using server = await startTestServer();
  const { root } = server;
  await root.sql(
    "CREATE NAMESPACE app; CREATE SHARED TABLE app.items (id BIGINT PRIMARY KEY, price DECIMAL(8, 2)); INSERT INTO app.items VALUES (1, 9.99)",
  );
  const answers = [];
  for (const text of ["9.99", "9.994", "9.990", "9.9899", "9.99"]) {
    answers.push((await root.rows(`SELECT id FROM app.items WHERE price = '${text}'`)).length);
  }
  expect(answers).toEqual([1, 0, 1, 0, 1]);
});
