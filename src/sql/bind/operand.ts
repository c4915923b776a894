// An expression before its context has given it a type: PostgreSQL leaves string literals, NULL and parameters untyped until an operator, a function or
// a column asks for a type, and lets a number written in the text take any type of its family.
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION, scaleOfText } from "../../model/decimal.ts";
import { BIGINT, type Cell, type SqlType, sameType, TEXT } from "../../model/sql-type.ts";
import { TYPES, typeText } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import { type CastContext, castCell, castRule } from "../functions/casts.ts";
import { commonType, widerDecimal } from "../functions/common-type.ts";
import { at } from "./syntax.ts";

export type Operand =
  | { readonly kind: "typed"; readonly expr: Expr; readonly position: number | undefined }
  /** A string literal, NULL or parameter. */
  | {
      readonly kind: "untyped";
      readonly as: (type: SqlType, column?: string) => Expr;
      /** As `as`; a value that the type would round is an error. */
      readonly asExact: (type: SqlType) => Expr;
      readonly literal?: StringLiteral;
      readonly position: number | undefined;
    }
  /** A number in the text; `as` is undefined for types its digits cannot be read as. */
  | {
      readonly kind: "number";
      readonly type: SqlType;
      readonly as: (type: SqlType, column?: string) => Expr | undefined;
      readonly position: number | undefined;
    };

export interface StringLiteral {
  readonly text: string;
  /** The plan is right for this text only. */
  readonly pin: () => void;
}

export function typed(expr: Expr, position?: number): Operand {
  return { kind: "typed", expr, position };
}

/** Without a value that could be rounded. */
export function untyped(
  as: (type: SqlType, column?: string) => Expr,
  position: number | undefined,
): Operand & { readonly kind: "untyped" } {
  return { kind: "untyped", as, asExact: as, position };
}

export function constant(value: Cell, type: SqlType): Expr {
  return { kind: "constant", type, value };
}

/** Undefined while untyped. */
export function operandType(operand: Operand): SqlType | undefined {
  switch (operand.kind) {
    case "typed":
      return operand.expr.type;
    case "number":
      return operand.type;
    case "untyped":
      return undefined;
  }
}

/** How a type reads in PostgreSQL's messages. */
export function typeLabel(type: SqlType | undefined): string {
  if (type === undefined) return "unknown";
  if (type.kind === "array") return `${typeLabel(type.element)}[]`;
  const labels: Partial<Record<SqlType["kind"], string>> = {
    int: "integer",
    float: "real",
    double: "double precision",
    decimal: "numeric",
    timestamp: "timestamp without time zone",
    datetime: "timestamp with time zone",
    time: "time without time zone",
    bytes: "bytea",
  };
  return labels[type.kind] ?? TYPES[type.kind].names[0] ?? typeText(type);
}

/** What the operand is without a context: text for the untyped. */
export function settled(operand: Operand): Expr {
  switch (operand.kind) {
    case "typed":
      return operand.expr;
    case "untyped":
      return operand.as(TEXT);
    case "number":
      return mustHave(operand.as(operand.type));
  }
}

function mustHave(expr: Expr | undefined): Expr {
  if (expr === undefined) throw new Error("a number has no expression of its own type");
  return expr;
}

const CONTEXTS: readonly CastContext[] = ["implicit", "assignment", "explicit"];

/** `undefined` when the context does not allow the conversion. */
export function tryCoerce(operand: Operand, type: SqlType, context: CastContext, column?: string): Expr | undefined {
  if (operand.kind === "untyped") return operand.as(type, column);
  const direct = operand.kind === "number" ? operand.as(type, column) : undefined;
  if (direct !== undefined) return direct;
  const expr = settled(operand);
  if (sameType(expr.type, type)) return expr;
  const rule = castRule(expr.type, type);
  if (rule === undefined || CONTEXTS.indexOf(rule.context) > CONTEXTS.indexOf(context)) return undefined;
  return castExpr(expr, type, operand.position);
}

/** As an implicit conversion; a value in the text or of a parameter is not rounded to fit, which would make of `x = y` another question. */
export function coerceExact(operand: Operand, type: SqlType): Expr | undefined {
  return operand.kind === "untyped" ? operand.asExact(type) : tryCoerce(operand, type, "implicit");
}

function castExpr(arg: Expr, type: SqlType, position: number | undefined): Expr {
  if (arg.kind !== "constant") return { kind: "cast", type, arg };
  return { kind: "constant", type, value: placed(position, () => castCell(arg.type, type)(arg.value)) };
}

/** Gives a value's error the place of the text it came from. */
export function placed<T>(position: number | undefined, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DbError) || error.position !== undefined) throw error;
    throw new DbError(error.code, error.message, { cause: error, ...at(position) });
  }
}

/** A cast written in the text. */
export function castTo(operand: Operand, type: SqlType): Expr {
  const expr = tryCoerce(operand, type, "explicit");
  if (expr !== undefined) return expr;
  throw new DbError(
    "SQL_EXECUTION_ERROR",
    `cannot cast type ${typeLabel(operandType(operand))} to ${typeLabel(type)}`,
    at(operand.position),
  );
}

/** A value to be stored into a column. */
export function assigned(operand: Operand, column: { readonly name: string; readonly type: SqlType }): Expr {
  const expr = tryCoerce(operand, column.type, "assignment", column.name);
  if (expr !== undefined) return expr;
  const [wanted, given] = [typeLabel(column.type), typeLabel(operandType(operand))];
  throw new DbError(
    "SQL_EXECUTION_ERROR",
    `column "${column.name}" is of type ${wanted} but expression is of type ${given}`,
    {
      ...at(operand.position),
      hint: "You will need to rewrite or cast the expression.",
    },
  );
}

/** The type of an output that the client sees: a whole number in the text is 64 bits wide there. */
export function outputType(operand: Operand): SqlType {
  if (operand.kind === "number" && operand.type.kind === "int") return BIGINT;
  return operandType(operand) ?? TEXT;
}

/** Where a clause asks for one type: `argument of WHERE must be type boolean, not type integer`. */
export function required(operand: Operand, type: SqlType, clause: string): Expr {
  const expr = tryCoerce(operand, type, "implicit");
  if (expr !== undefined) return expr;
  throw new DbError(
    "SQL_EXECUTION_ERROR",
    `argument of ${clause} must be type ${typeLabel(type)}, not type ${typeLabel(operandType(operand))}`,
    at(operand.position),
  );
}

/** What all of them can be; a string literal beside decimals keeps its fraction digits, as a number in the text does. */
export function commonTypeOf(operands: readonly Operand[]): SqlType | undefined {
  const type = commonType(operands.map(operandType));
  if (type?.kind !== "decimal") return type;
  const literals = operands.flatMap((operand) =>
    operand.kind === "untyped" && operand.literal !== undefined ? [operand.literal] : [],
  );
  return literals.reduce((common, { text, pin }) => {
    pin();
    const scale = scaleOfText(text) ?? 0;
    return widerDecimal(common, { kind: "decimal", precision: MAX_PRECISION, scale });
  }, type);
}

/** Brings operands to their common type, or undefined when they have none. */
export function unify(operands: readonly Operand[]): { type: SqlType; exprs: readonly Expr[] } | undefined {
  const type = commonTypeOf(operands);
  if (type === undefined) return undefined;
  const exprs: Expr[] = [];
  for (const operand of operands) {
    const expr = coerceExact(operand, type);
    if (expr === undefined) return undefined;
    exprs.push(expr);
  }
  return { type, exprs };
}

/** As `unify`, for constructs that name themselves in the error: `CASE types integer and text cannot be matched`. */
export function unified(operands: readonly Operand[], construct: string): { type: SqlType; exprs: readonly Expr[] } {
  const result = unify(operands);
  if (result !== undefined) return result;
  const labels = [...new Set(operands.map((operand) => typeLabel(operandType(operand))))].filter(
    (label) => label !== "unknown",
  );
  throw new DbError(
    "SQL_EXECUTION_ERROR",
    `${construct} types ${labels[0]} and ${labels[1] ?? "unknown"} cannot be matched`,
    at(operands.find((operand) => operand.position !== undefined)?.position),
  );
}
