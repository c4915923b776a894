// The type that operands of a comparison, CASE branches, COALESCE arguments and set operations are brought to.
import { MAX_PRECISION } from "../../model/decimal.ts";
import { arrayOf, type SqlType, type TypeKind } from "../../model/sql-type.ts";

/** Numeric kinds, each implicitly convertible to those after it. */
export const NUMERIC_TOWER: readonly TypeKind[] = ["smallint", "int", "bigint", "decimal", "float", "double"];

const UNTYPED_SCALE = 10;

/** The decimal that holds every value of an integer type; a decimal is itself. */
export function decimalOf(type: SqlType | undefined): SqlType & { readonly kind: "decimal" } {
  switch (type?.kind) {
    case "decimal":
      return type;
    case "smallint":
      return { kind: "decimal", precision: 5, scale: 0 };
    case "int":
      return { kind: "decimal", precision: 10, scale: 0 };
    case "bigint":
      return { kind: "decimal", precision: 19, scale: 0 };
    default:
      return { kind: "decimal", precision: MAX_PRECISION, scale: UNTYPED_SCALE };
  }
}

/** The decimal that holds both: enough digits on either side of the point, as far as 38 go. */
export function widerDecimal(a: SqlType, b: SqlType): SqlType & { readonly kind: "decimal" } {
  const [left, right] = [decimalOf(a), decimalOf(b)];
  const scale = Math.max(left.scale, right.scale);
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale);
  return { kind: "decimal", precision: Math.min(MAX_PRECISION, whole + scale), scale };
}

function commonOfTwo(a: SqlType, b: SqlType): SqlType | undefined {
  const [rankA, rankB] = [NUMERIC_TOWER.indexOf(a.kind), NUMERIC_TOWER.indexOf(b.kind)];
  if (a.kind === "decimal" || b.kind === "decimal") {
    if (rankA < 0 || rankB < 0) return undefined;
    return Math.max(rankA, rankB) > NUMERIC_TOWER.indexOf("decimal") ? { kind: "double" } : widerDecimal(a, b);
  }
  if (a.kind === "array" && b.kind === "array") {
    const element = commonOfTwo(a.element, b.element);
    return element && arrayOf(element);
  }
  if (a.kind === b.kind) return a;
  if (rankA >= 0 && rankB >= 0) {
    const wider = rankA > rankB ? a : b;
    // As PostgreSQL: a real meets any other number as double precision, which holds both better.
    return wider.kind === "float" ? { kind: "double" } : wider;
  }
  const kinds = new Set<TypeKind>([a.kind, b.kind]);
  const isInstant = (kind: TypeKind): boolean => kind === "timestamp" || kind === "datetime" || kind === "date";
  if (![...kinds].every(isInstant)) return undefined;
  return { kind: kinds.has("datetime") ? "datetime" : "timestamp" };
}

/** Undefined entries (untyped literals and parameters) follow the rest; all undefined is text. Undefined: there is no common type. */
export function commonType(types: readonly (SqlType | undefined)[]): SqlType | undefined {
  let common: SqlType | undefined;
  for (const type of types) {
    if (type === undefined) continue;
    common = common === undefined ? type : commonOfTwo(common, type);
    if (common === undefined) return undefined;
  }
  return common ?? { kind: "text" };
}
