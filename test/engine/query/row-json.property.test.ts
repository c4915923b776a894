import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { rowEncoder } from "../../../src/engine/query/row-json.ts";
import type { SqliteValue } from "../../../src/model/sql-type.ts";
import { cellFromSqlite, cellToJson, cellToSqlite, TYPES, typeText } from "../../../src/model/types.ts";
import { ALL_TYPES, cellOf } from "../../storage/cold/arbitrary.ts";

for (const type of ALL_TYPES) {
  test(`LQ-01 ${typeText(type)} values become the same JSON as their cells do`, () => {
    using db = new Database(":memory:");
    using select = db.prepare<Record<string, SqliteValue>, SqliteValue[]>(
      TYPES[type.kind].wide ? "SELECT CAST(?1 AS TEXT) AS v" : "SELECT ?1 AS v",
    );
    const encode = rowEncoder([type, type]);
    fc.assert(
      fc.property(fc.option(cellOf(type), { nil: null }), (cell) => {
        const value = select.get(cellToSqlite(cell, type))?.["v"] ?? null;
        expect(encode([value, null])).toBe(`[${cellToJson(cellFromSqlite(value, type), type)},null]`);
        expect(encode([null, value])).toBe(`[null,${cellToJson(cell, type)}]`);
      }),
      { numRuns: 60 },
    );
  });
}
