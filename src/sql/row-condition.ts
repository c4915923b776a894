// The query behind conditions that a whole table must satisfy, asked of one scope at a time: is there any row, or one with NULL in a column?

import type { TableSchema } from "../model/schema.ts";
import { INT, TEXT } from "../model/sql-type.ts";
import type { QueryPlan } from "./plan.ts";

/** One row, or none. Slots: (USER tables) the owner. `nullColumn`: a column's id; undefined: any row will do. */
export function anyRowPlan(schema: TableSchema, nullColumn: number | undefined): QueryPlan {
  const where = nullColumn === undefined ? "" : ` WHERE r0.c${nullColumn} IS NULL`;
  return {
    kind: "query",
    sql: ["SELECT 1 FROM ", 0, ` AS r0${where} LIMIT 1`],
    slots: schema.kind === "shared" ? [] : [{ kind: "user", type: TEXT }],
    relations: [
      schema.kind === "shared"
        ? { kind: "sharedTable", schema, includeDeleted: false }
        : { kind: "userTable", schema, scopeSlot: 0, includeDeleted: false },
    ],
    output: [{ name: "found", type: INT, flags: [] }],
    strategy: { kind: "scan" },
  };
}
