// DEFAULT clauses: a literal that fits the column, or one of the default functions whose result does.
import type { Node, SQLValueFunctionOp } from "libpg-query";
import { assertNever, DbError } from "../../base/errors.ts";
import { type ColumnDefault, DEFAULT_FUNCTIONS, type DefaultFunction } from "../../model/schema.ts";
import { type Cell, type SqlType, sameType, type TypeKind } from "../../model/sql-type.ts";
import { INTEGER_KINDS } from "../../model/type-kinds.ts";
import { parseCell, typeText } from "../../model/types.ts";
import { type Constant, constantOf } from "./constant.ts";
import type { ToUtf16 } from "./locations.ts";
import { sqlTypeOf } from "./type-name.ts";

export interface DefaultColumn {
  readonly name: string;
  readonly type: SqlType;
  /** What the node was parsed from. */
  readonly source: string;
  readonly toUtf16: ToUtf16;
}

const FITTING_TYPES: Record<DefaultFunction, readonly TypeKind[]> = {
  NOW: ["timestamp", "datetime"],
  CURRENT_USER: ["text"],
  SNOWFLAKE_ID: ["bigint", "text"],
  UUID_V7: ["uuid", "text"],
  ULID: ["text"],
};

/** `DEFAULT NULL` is no default. */
export function columnDefaultOf(node: Node, column: DefaultColumn): ColumnDefault | undefined {
  if (column.type.kind === "file") {
    throw new DbError(
      "INVALID_SQL",
      `Column '${column.name}' cannot have a DEFAULT: each file belongs to the row it was uploaded into`,
    );
  }
  const functionName = functionOf(node);
  if (functionName !== undefined) return functionDefault(functionName, column);
  const constant = literalOf(node, column);
  if (constant === undefined) throw notADefault(column);
  if (constant.kind === "null") return undefined;
  const cell = cellOf(constant, column.type);
  if (cell === undefined) throw notADefault(column);
  return { kind: "literal", value: parseCell(cell, column.type, column.name) };
}

export function functionDefault(name: DefaultFunction, column: Pick<DefaultColumn, "name" | "type">): ColumnDefault {
  const fitting = FITTING_TYPES[name];
  if (fitting.includes(column.type.kind)) return { kind: "function", name };
  const types = fitting.map((kind) => kind.toUpperCase()).join(" or ");
  const message = `DEFAULT ${name}() does not fit column '${column.name}' of type ${typeText(column.type)} (use ${types})`;
  throw new DbError("INVALID_SQL", message);
}

function notADefault(column: DefaultColumn): DbError {
  const functions = DEFAULT_FUNCTIONS.map((name) => `${name}()`).join(", ");
  const message = `DEFAULT of column '${column.name}' must be a literal or one of ${functions}`;
  return new DbError("INVALID_SQL", message);
}

function functionOf(node: Node): DefaultFunction | undefined {
  if ("SQLValueFunction" in node) return valueFunctionOf(node.SQLValueFunction.op);
  if ("FuncCall" in node && (node.FuncCall.args ?? []).length === 0) return defaultFunction(node.FuncCall.funcname);
  // Without brackets PostgreSQL reads a column; a DEFAULT has no columns to name.
  return "ColumnRef" in node ? defaultFunction(node.ColumnRef.fields) : undefined;
}

function valueFunctionOf(op: SQLValueFunctionOp | undefined): DefaultFunction | undefined {
  if (op === "SVFOP_CURRENT_TIMESTAMP") return "NOW";
  return op === "SVFOP_CURRENT_USER" ? "CURRENT_USER" : undefined;
}

function defaultFunction(parts: readonly Node[] | undefined): DefaultFunction | undefined {
  const [part, ...rest] = parts ?? [];
  if (part === undefined || rest.length > 0 || !("String" in part)) return undefined;
  const name = part.String.sval?.toUpperCase();
  return DEFAULT_FUNCTIONS.find((known) => known === name);
}

function literalOf(node: Node, column: DefaultColumn): Constant | undefined {
  if ("A_Const" in node) return constantOf(node.A_Const);
  if (!("TypeCast" in node)) return undefined;
  const { arg, typeName } = node.TypeCast;
  if (
    arg === undefined ||
    typeName === undefined ||
    !sameType(sqlTypeOf(typeName, column.source, column.toUtf16), column.type)
  ) {
    return undefined;
  }
  return literalOf(arg, column);
}

/** Undefined when the column's type has no such literal. */
function cellOf(constant: Exclude<Constant, { kind: "null" }>, type: SqlType): Cell | undefined {
  switch (constant.kind) {
    case "boolean":
      return constant.value;
    case "integer":
      return BigInt(constant.text);
    case "float": {
      // A fraction given to an integer column is rounded; as text it would be refused.
      const isInteger = INTEGER_KINDS.has(type.kind);
      return isInteger ? Number(constant.text) : constant.text;
    }
    case "string":
      return constant.text;
    case "hex":
      return type.kind === "bytes" ? `\\x${constant.digits}` : undefined;
    case "bits":
      return undefined;
    default:
      return assertNever(constant, "constant");
  }
}
