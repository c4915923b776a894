import { expect, setDefaultTimeout, test } from "bun:test";
import { openEngine } from "../engine-fixture.ts";

setDefaultTimeout(240_000);

const ROWS = 2_000;

test.each(["USER", "SHARED"])(
  "ST-05 a sum over flushed rows of a %s table that are rewritten meanwhile is the sum of one moment",
  async (kind) => {
    await using engine = await openEngine({ flusher: { segmentRows: 500 } });
    await engine.run(`CREATE ${kind} TABLE accounts (id INT PRIMARY KEY, branch TEXT, amount BIGINT)`);
    for (let start = 0; start < ROWS; start += 50) {
      const rows = Array.from({ length: 50 }, (_unused, at) => `(${start + at}, 'branch ${at % 3}', 100)`);
      await engine.run(`INSERT INTO accounts VALUES ${rows.join(", ")}`);
    }
    await engine.flush("app", "accounts");
    let isOver = false;
    const transfer = async (): Promise<void> => {
      for (let n = 0; !isOver; n += 1) {
        const [from, to] = [(n * 37) % ROWS, (n * 53 + 1) % ROWS];
        if (from === to) continue;
        await engine.run(
          `UPDATE accounts SET amount = amount + CASE id WHEN ${from} THEN -1 ELSE 1 END WHERE id IN (${from}, ${to})`,
        );
        if (n % 100 === 99) await engine.flush("app", "accounts");
      }
    };
    const transfers = transfer();
    for (let n = 0; n < 60; n += 1) {
      expect(await engine.rows("SELECT count(*) AS n, sum(amount) AS total FROM accounts")).toEqual([
        [String(ROWS), String(100 * ROWS)],
      ]);
      const branches = await engine.rows("SELECT branch, sum(amount) AS total FROM accounts GROUP BY branch");
      expect(branches.reduce((sum, [, total]) => sum + Number(total), 0)).toBe(100 * ROWS);
    }
    isOver = true;
    await transfers;
  },
);
