// PostgreSQL's TypeName node → SqlType, by the spellings of the type table. Used for columns and for casts.
import type { Node, TypeName } from "libpg-query";
import { closest } from "../../base/closest.ts";
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION } from "../../model/decimal.ts";
import { MAX_DIMENSIONS } from "../../model/embedding.ts";
import { endOfWord } from "../../model/lexical.ts";
import { arrayOf, type SqlType, type TypeKind } from "../../model/sql-type.ts";
import { isColumnKind, isTypeKind, TYPES, typeText } from "../../model/types.ts";
import { constantOf } from "./constant.ts";
import { type ToUtf16, utf16OffsetsOf } from "./locations.ts";
import { unsupported } from "./syntax-error.ts";

const DEFAULT_SCALE = 10;

/** `source` is the text the node was parsed from: PostgreSQL's grammar has already turned FLOAT into float8, and only the text tells. */
export function sqlTypeOf(node: TypeName, source: string, toUtf16 = utf16OffsetsOf(source)): SqlType {
  const position = toUtf16(node.location ?? 0);
  const { arrayBounds = [], ...rest } = node;
  if (arrayBounds.length > 1) throw unsupported("an array of arrays", position);
  if (arrayBounds.length === 1) return arrayOf(elementOf(sqlTypeOf(rest, source, toUtf16), position));
  return scalarTypeOf(node, { name: nameOf(node, source, toUtf16), position });
}

interface Named {
  readonly name: string;
  readonly position: number;
}

function scalarTypeOf(node: TypeName, { name, position }: Named): SqlType {
  if (node.setof === true || node.pct_type === true) throw unsupported("SETOF and %TYPE", position);
  const kind = kindOf(name);
  if (kind === undefined) throw unknownType(name, position);
  const modifiers = (node.typmods ?? []).map(modifierOf);
  if (kind === "decimal") return decimalOf(modifiers, position);
  if (kind === "embedding") return embeddingOf(modifiers, position);
  // The length of a text type is read and not enforced, as in the peer.
  if (modifiers.length > 0 && kind !== "text" && kind !== "bytes" && kind !== "interval") {
    throw unsupported(`A modifier on type ${name.toUpperCase()}`, position);
  }
  return { kind };
}

/** Intervals and arrays are values of expressions; nothing stores them. */
export function columnTypeOf(node: TypeName, source: string, toUtf16 = utf16OffsetsOf(source)): SqlType {
  const position = toUtf16(node.location ?? 0);
  const type = sqlTypeOf({ ...node, ...(isInterval(node) ? { typmods: [] } : {}) }, source, toUtf16);
  if (isColumnKind(type.kind)) return type;
  throw unsupported(
    `Type ${nameOf(node, source, toUtf16).toUpperCase()}${type.kind === "array" ? "[]" : ""}`,
    position,
  );
}

function elementOf(type: SqlType, position: number): SqlType {
  if (type.kind === "embedding" || type.kind === "file") throw unsupported(`an array of ${typeText(type)}`, position);
  return type;
}

/** The type's name in lower case, as written where that matters. */
export function nameOf(node: TypeName, source: string, toUtf16: ToUtf16): string {
  const names = (node.names ?? []).flatMap((part) => ("String" in part ? [part.String.sval ?? ""] : []));
  const name = names.join(".").replace(/^pg_catalog\./, "");
  if (name !== "float8") return name;
  const start = toUtf16(node.location ?? 0);
  return source.slice(start, endOfWord(source, start)).toLowerCase() === "float" ? "float" : name;
}

/** Its modifiers say which fields it has, and are the cast's. */
function isInterval({ names = [] }: TypeName): boolean {
  const last = names.at(-1);
  return last !== undefined && "String" in last && last.String.sval === "interval";
}

function kindOf(name: string): Exclude<TypeKind, "array"> | undefined {
  for (const [kind, row] of Object.entries(TYPES)) {
    if (row.names.includes(name) && isScalarKind(kind)) return kind;
  }
  return undefined;
}

function isScalarKind(name: string): name is Exclude<TypeKind, "array"> {
  return isTypeKind(name) && name !== "array";
}

function modifierOf(node: Node): number | undefined {
  if (!("A_Const" in node)) return undefined;
  const constant = constantOf(node.A_Const);
  return constant.kind === "integer" ? Number(constant.text) : undefined;
}

function decimalOf(modifiers: readonly (number | undefined)[], position: number): SqlType {
  const [precision, scale = 0] = modifiers;
  if (modifiers.length === 0) return { kind: "decimal", precision: MAX_PRECISION, scale: DEFAULT_SCALE };
  const isValid =
    precision !== undefined &&
    modifiers.length <= 2 &&
    modifiers.every((modifier) => modifier !== undefined) &&
    precision >= 1 &&
    precision <= MAX_PRECISION &&
    scale >= 0 &&
    scale <= precision;
  if (isValid) return { kind: "decimal", precision, scale };
  const message = `DECIMAL(p, s) needs 1 <= p <= ${MAX_PRECISION} and 0 <= s <= p`;
  throw new DbError("INVALID_SQL", message, { position });
}

function embeddingOf([dimensions = 0, ...more]: readonly (number | undefined)[], position: number): SqlType {
  const isValid = Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= MAX_DIMENSIONS && more.length === 0;
  if (isValid) return { kind: "embedding", dimensions };
  throw new DbError("INVALID_SQL", `EMBEDDING(n) needs 1 <= n <= ${MAX_DIMENSIONS}`, { position });
}

const KNOWN_UNSUPPORTED = ["timetz", "tinyint", "bit", "varbit", "xml", "money"];

function unknownType(name: string, position: number): DbError {
  if (KNOWN_UNSUPPORTED.includes(name)) return unsupported(`Type ${name.toUpperCase()}`, position);
  const near = closest(
    name,
    Object.values(TYPES).flatMap(({ names }) => names),
  );
  const hint = near === undefined ? {} : { hint: `Perhaps you meant "${near}".` };
  return new DbError("INVALID_SQL", `type "${name}" does not exist`, { position, ...hint });
}
