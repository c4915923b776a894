// The query behind uniqueness and point writes: the newest versions of some keys, tombstones included.

import { keyColumn, type OutputColumn, type TableSchema } from "../model/schema.ts";
import { BIGINT, BOOLEAN, TEXT } from "../model/sql-type.ts";
import { TYPES } from "../model/types.ts";
import type { QueryPlan, Slot } from "./plan.ts";

/** Output: `_seq`, `_deleted`, every column in creation order. Slots: the keys, then (USER tables) the owner. */
export function keyLookupPlan(schema: TableSchema, keyCount: number): QueryPlan {
  const key = keyColumn(schema);
  const keySlots = Array.from({ length: keyCount }, (_, index): Slot => ({ kind: "literal", index, type: key.type }));
  const output: OutputColumn[] = [
    { name: "_seq", type: BIGINT, flags: [] },
    { name: "_deleted", type: BOOLEAN, flags: [] },
    ...schema.columns.map((column): OutputColumn => ({ name: column.name, type: column.type, flags: [] })),
  ];
  const columns = schema.columns.map((column) => wideAsText(`r0.c${column.id}`, TYPES[column.type.kind].wide));
  const select = [wideAsText("r0._seq", true), "r0._deleted", ...columns].join(", ");
  const places = keySlots.map((_, index) => `?${index + 1}`).join(", ");
  return {
    kind: "query",
    sql: [`SELECT ${select} FROM `, 0, ` AS r0 WHERE r0.c${key.id} IN (${places})`],
    slots: schema.kind === "shared" ? keySlots : [...keySlots, { kind: "user", type: TEXT }],
    relations: [
      schema.kind === "shared"
        ? { kind: "sharedTable", schema, includeDeleted: true }
        : { kind: "userTable", schema, scopeSlot: keyCount, includeDeleted: true },
    ],
    output,
    strategy: { kind: "point", keys: keySlots.map((_, slot) => ({ kind: "slot", slot })) },
  };
}

function wideAsText(expression: string, wide: boolean): string {
  return wide ? `CAST(${expression} AS TEXT)` : expression;
}
