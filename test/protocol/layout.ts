// Tables and rows that the protocol tests share.
import { parseName, seqOf, tableIdOf } from "../../src/base/ids.ts";
import type { RowVersion } from "../../src/model/change.ts";
import type { Column, OutputColumn, SchemaFlag, TableSchema } from "../../src/model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, type SqlType, TEXT } from "../../src/model/sql-type.ts";
import type { RowLayout } from "../../src/protocol/row-layout.ts";

export function table(columns: readonly (readonly [name: string, type: SqlType])[]): TableSchema {
  return {
    id: tableIdOf(1),
    namespace: parseName("chat"),
    name: parseName("messages"),
    kind: "shared",
    columns: columns.map(
      ([name, type], index): Column => ({
        id: index + 1,
        name: parseName(name),
        type,
        nullable: index > 0,
        default: undefined,
      }),
    ),
    keyIndex: 0,
    version: 1,
    options: { storageId: "local", flushPolicy: undefined, accessLevel: "public" },
    createdAtMs: 0,
    updatedAtMs: 0,
  };
}

const KEY_FLAGS: readonly SchemaFlag[] = ["pk", "nn", "uq"];

/** `SELECT *` when no names are given. */
export function layout(schema: TableSchema, names?: readonly string[]): RowLayout {
  const projection =
    names?.map((name) => schema.columns.findIndex((column) => column.name === name)) ?? schema.columns.map((_, i) => i);
  const output: OutputColumn[] = projection.map((position) => ({
    name: schema.columns[position]?.name ?? "",
    type: schema.columns[position]?.type ?? TEXT,
    flags: position === schema.keyIndex ? KEY_FLAGS : [],
  }));
  const wholeRow = names === undefined;
  if (wholeRow)
    output.push({ name: "_seq", type: BIGINT, flags: ["nn"] }, { name: "_deleted", type: BOOLEAN, flags: ["nn"] });
  return { table: schema, projection, wholeRow, output };
}

export function version(seq: bigint, ...cells: readonly Cell[]): RowVersion {
  return { seq: seqOf(seq), deleted: false, cells };
}

export const MESSAGES = table([
  ["id", BIGINT],
  ["body", TEXT],
]);

/** Above 2^53, as every real position is. */
export const SEQ = 327_500_846_641_356_801n;
