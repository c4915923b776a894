import type { TypeKind } from "../../../model/sql-type.ts";

/** What an element may be. */
export const ELEMENT_KINDS = [
  "boolean",
  "smallint",
  "int",
  "bigint",
  "float",
  "double",
  "decimal",
  "text",
  "timestamp",
  "datetime",
  "date",
  "time",
  "json",
  "bytes",
  "uuid",
  "interval",
] as const satisfies readonly TypeKind[];
