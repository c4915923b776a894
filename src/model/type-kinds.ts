import type { TypeKind } from "./sql-type.ts";

export const INTEGER_KINDS: ReadonlySet<TypeKind> = new Set(["smallint", "int", "bigint"]);
export const FLOAT_KINDS: ReadonlySet<TypeKind> = new Set(["float", "double"]);
export const NUMBER_KINDS: ReadonlySet<TypeKind> = new Set([...INTEGER_KINDS, ...FLOAT_KINDS, "decimal"]);
