// The names of the functions registered with SQLite. An overload is one function; what the storage form of a decimal does not say (precision and
// scale) travels in further arguments, so that the set of functions is closed.
import type { SqlType, TypeKind } from "../../model/sql-type.ts";
import { isTypeKind, TYPES, typeOfKind } from "../../model/types.ts";
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

const KINDS = Object.keys(TYPES);

/** How many numbers say what a type is. */
export const TYPE_NUMBERS = 3;

/** A type as numbers: what kind it is, precision and scale. */
function typeNumbers(type: SqlType): readonly number[] {
  const { precision, scale } = type.kind === "decimal" ? type : { precision: 0, scale: 0 };
  return [KINDS.indexOf(type.kind), precision, scale];
}

export function typeOfNumbers([index = 0, precision = 0, scale = 0]: readonly number[]): SqlType {
  const kind = KINDS[index];
  if (kind === undefined || !isTypeKind(kind)) throw new Error(`no type ${index}`);
  return kind === "decimal" ? { kind, precision, scale } : typeOfKind(kind);
}

/** The element types of the arrays among source and target, else scale of the source, then precision and scale of the target, where they are decimals; the dimensions of an embedding. */
export function castArguments(from: SqlType, to: SqlType): readonly number[] {
  if (from.kind === "array" || to.kind === "array") {
    return [from, to].flatMap((type) => (type.kind === "array" ? typeNumbers(type.element) : []));
  }
  if (to.kind === "embedding") return [to.dimensions];
  return [...(from.kind === "decimal" ? [from.scale] : []), ...(to.kind === "decimal" ? [to.precision, to.scale] : [])];
}
