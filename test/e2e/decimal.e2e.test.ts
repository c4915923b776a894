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
    await root.sql(sql);
    expect({ sql, price: await price() }).toEqual({ sql, price: expected });
  }
});
