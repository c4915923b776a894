import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/base/clock.ts";
import type { Cell, SqlType } from "../../../src/model/sql-type.ts";
import { createGenerators } from "../../../src/sql/functions/generators.ts";
import { registerFunctions } from "../../../src/sql/functions/register.ts";
import { overloadOf } from "../../../src/sql/functions/registry.ts";
import { renderCall } from "../../../src/sql/functions/render-call.ts";
import { nameOf } from "./expressions.ts";

const EDGES: Readonly<Record<"smallint" | "int" | "bigint", readonly bigint[]>> = {
  smallint: [-32_768n, -32_767n, -182n, -1n, 0n, 1n, 181n, 182n, 32_767n],
  int: [-2_147_483_648n, -2_147_483_647n, -46_341n, -1n, 0n, 1n, 46_340n, 46_341n, 2_147_483_647n],
  bigint: [-(2n ** 63n), 1n - 2n ** 63n, -3_037_000_500n, -1n, 0n, 1n, 3_037_000_499n, 3_037_000_500n, 2n ** 63n - 1n],
};

function outcome(run: () => unknown): string {
  try {
    return String(run());
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe("sums and products that SQLite makes by itself", () => {
  for (const kind of ["smallint", "int", "bigint"] as const) {
    for (const name of ["add", "subtract", "multiply"] as const) {
      test(`TB-05 ${name} of ${kind} columns and slots is what the function says, out of range and NULL too`, () => {
        using db = new Database(":memory:", { safeIntegers: true });
        const generators = createGenerators(systemClock);
        registerFunctions(db, generators);
        const type: SqlType = { kind };
        const { overload } = overloadOf(nameOf(name), [type, type]);
        const evaluate = overload.prepare([type, type], generators);
        const text = renderCall(nameOf(name), ["t.a", "?1"], [type, type]);
        expect(text).toContain("CASE");
        db.run("CREATE TABLE t (a INTEGER) STRICT");
        for (const a of [...EDGES[kind], null]) {
          db.run("DELETE FROM t");
          db.run("INSERT INTO t VALUES (?)", [a]);
          for (const b of [...EDGES[kind], null]) {
            const cells = [a, b].map((value): Cell => (value === null || kind === "bigint" ? value : Number(value)));
            const expected = outcome(() => (cells.includes(null) ? null : evaluate(...cells)));
            const found = outcome(
              () => db.query<{ x: unknown }, [bigint | null]>(`SELECT ${text} AS x FROM t`).get(b)?.x,
            );
            expect(found, `${a} ${name} ${b}`).toBe(expected);
          }
        }
      });
    }
  }

  test("what is no column, slot or number is not written twice", () => {
    const int: SqlType = { kind: "int" };
    const inner = renderCall(nameOf("add"), ["t.a", "?1"], [int, int]);
    expect(renderCall(nameOf("add"), [inner, "t.b"], [int, int])).toBe(`k_add_int_int(${inner}, t.b)`);
  });
});
