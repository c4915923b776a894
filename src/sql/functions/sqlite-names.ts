// The names of the functions registered with SQLite. An overload is one function; what the storage form of a decimal does not say (precision and
// scale) travels in further arguments, so that the set of functions is closed.
import type { SqlType, TypeKind } from "../../model/sql-type.ts";
import type { Overload } from "./definition.ts";

const PREFIX = "k";

export function sqliteName(name: string, overload: Overload): string {
  return [PREFIX, name, ...overload.args].join("_");
}

export function sqliteCastName(from: TypeKind, to: TypeKind): string {
  return `${PREFIX}_cast_${from}_${to}`;
}

/** Scales to follow the arguments of a call. Decimals of a variadic overload share one scale, and their evaluation never needs it. */
export function scaleArguments(overload: Overload, argTypes: readonly SqlType[]): readonly number[] {
  if (overload.variadic) return [];
  return argTypes.flatMap((type) => (type.kind === "decimal" ? [type.scale] : []));
}

/** Scale of the source, then precision and scale of the target, where they are decimals; the dimensions of an embedding. */
export function castArguments(from: SqlType, to: SqlType): readonly number[] {
  if (to.kind === "embedding") return [to.dimensions];
  return [...(from.kind === "decimal" ? [from.scale] : []), ...(to.kind === "decimal" ? [to.precision, to.scale] : [])];
}
