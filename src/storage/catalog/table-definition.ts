// A table's definition as JSON text in the catalog, and back. Every field is checked on the way in; cells that JSON cannot hold exactly
// (64-bit integers, bytes, NaN) are tagged objects.
import { type Name, parseName, type Seq, seqOf, tableIdOf } from "../../base/ids.ts";
import { isRecord } from "../../base/is-record.ts";
import { ACCESS_LEVELS } from "../../model/role.ts";
import {
  type Column,
  type ColumnDefault,
  DEFAULT_FUNCTIONS,
  TABLE_KINDS,
  type TableIndex,
  type TableOptions,
  type TableSchema,
} from "../../model/schema.ts";
import { arrayOf, type Cell, type SqlType, type TypeKind } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import { damaged, toArray, toCount, toFields, toFlag, toOneOf, toOptional, toText } from "./stored-fields.ts";

export function encodeTable(schema: TableSchema): string {
  return JSON.stringify({
    ...schema,
    createdAtSeq: schema.createdAtSeq?.toString(),
    columns: schema.columns.map((column) => ({
      ...column,
      namedAtSeq: column.namedAtSeq?.toString(),
      default: encodeDefault(column.default),
      initial: column.initial === undefined ? undefined : encodeCell(column.initial),
    })),
  });
}

export function decodeTable(text: string): TableSchema {
  const json = toFields(parseJson(text), "a table definition");
  const what = `table ${String(json["namespace"])}.${String(json["name"])}`;
  const columns = toArray(json["columns"], `${what}, columns`).map((column) => decodeColumn(column, what));
  const keyIndex = toCount(json["keyIndex"], `${what}, keyIndex`);
  if (columns[keyIndex] === undefined) throw damaged(`${what}, keyIndex`, keyIndex);
  const lastColumnId = toOptional(json["lastColumnId"], toCount, `${what}, lastColumnId`);
  const createdAtSeq = toOptional(json["createdAtSeq"], decodeSeq, `${what}, createdAtSeq`);
  const indexes = toOptional(json["indexes"], decodeIndexes, `${what}, indexes`);
  return {
    id: tableIdOf(toCount(json["id"], `${what}, id`)),
    namespace: decodeName(json["namespace"], `${what}, namespace`),
    name: decodeName(json["name"], `${what}, name`),
    kind: toOneOf(json["kind"], TABLE_KINDS, `${what}, kind`),
    columns,
    keyIndex,
    version: toCount(json["version"], `${what}, version`),
    ...(lastColumnId === undefined ? {} : { lastColumnId }),
    options: decodeOptions(json["options"], `${what}, options`),
    ...(indexes === undefined ? {} : { indexes }),
    ...(createdAtSeq === undefined ? {} : { createdAtSeq }),
    createdAtMs: toCount(json["createdAtMs"], `${what}, createdAtMs`),
    updatedAtMs: toCount(json["updatedAtMs"], `${what}, updatedAtMs`),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text itself says what is wrong; the caller gets it quoted.
    return text;
  }
}

/** Text, because JSON has no exact number for it. */
export function decodeSeq(value: unknown, what: string): Seq {
  const text = toText(value, what);
  if (!INTEGER.test(text)) throw damaged(what, value);
  return seqOf(BigInt(text));
}

export function decodeName(value: unknown, what: string): Name {
  const text = toText(value, what);
  const name = parseName(text, what);
  if (name !== text) throw damaged(what, value);
  return name;
}

function decodeColumn(value: unknown, table: string): Column {
  const json = toFields(value, `${table}, a column`);
  const what = `${table}, column ${String(json["name"])}`;
  const namedAtSeq = toOptional(json["namedAtSeq"], decodeSeq, `${what}, namedAtSeq`);
  return {
    id: toCount(json["id"], `${what}, id`),
    name: decodeName(json["name"], `${what}, name`),
    type: decodeType(json["type"], `${what}, type`),
    nullable: toFlag(json["nullable"], `${what}, nullable`),
    default: toOptional(json["default"], decodeDefault, `${what}, default`),
    ...(namedAtSeq === undefined ? {} : { namedAtSeq }),
    ...(json["initial"] === undefined ? {} : { initial: decodeCell(json["initial"], `${what}, initial`) }),
  };
}

function decodeIndexes(value: unknown, what: string): TableIndex[] {
  return toArray(value, what).map((index) => {
    const { name, columns } = toFields(index, what);
    return {
      name: decodeName(name, `${what}, name`),
      columns: toArray(columns, what).map((column) => {
        const { id, descending } = toFields(column, what);
        return { id: toCount(id, `${what}, id`), descending: toFlag(descending, `${what}, descending`) };
      }),
    };
  });
}

const KINDS = Object.keys(TYPES).filter((kind): kind is TypeKind => kind in TYPES);

export function decodeType(value: unknown, what: string): SqlType {
  const json = toFields(value, what);
  const kind = toOneOf(json["kind"], KINDS, what);
  if (kind === "embedding") return { kind, dimensions: toCount(json["dimensions"], what) };
  // The columns of a view may be of any type.
  if (kind === "array") return arrayOf(decodeType(json["element"], what));
  if (kind !== "decimal") return { kind };
  return { kind, precision: toCount(json["precision"], what), scale: toCount(json["scale"], what) };
}

function decodeOptions(value: unknown, what: string): TableOptions {
  const json = toFields(value, what);
  const ttlSeconds = toOptional(json["ttlSeconds"], toCount, `${what}, ttlSeconds`);
  const deletedRetentionHours = toOptional(json["deletedRetentionHours"], toCount, `${what}, deletedRetentionHours`);
  return {
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(json["isPersisted"] === undefined ? {} : { isPersisted: toFlag(json["isPersisted"], `${what}, isPersisted`) }),
    ...(deletedRetentionHours === undefined ? {} : { deletedRetentionHours }),
    storageId: toText(json["storageId"], `${what}, storageId`),
    ...(json["useUserStorage"] === undefined
      ? {}
      : { useUserStorage: toFlag(json["useUserStorage"], `${what}, useUserStorage`) }),
    flushPolicy: toOptional(
      json["flushPolicy"],
      (policy) => {
        const fields = toFields(policy, `${what}, flushPolicy`);
        return {
          rows: toOptional(fields["rows"], toCount, `${what}, rows`),
          intervalSeconds: toOptional(fields["intervalSeconds"], toCount, `${what}, intervalSeconds`),
        };
      },
      what,
    ),
    accessLevel: toOneOf(json["accessLevel"], ACCESS_LEVELS, `${what}, accessLevel`),
  };
}

function encodeDefault(value: ColumnDefault | undefined): unknown {
  return value?.kind === "literal" ? { kind: "literal", value: encodeCell(value.value) } : value;
}

function decodeDefault(value: unknown, what: string): ColumnDefault {
  const json = toFields(value, what);
  const kind = toOneOf(json["kind"], ["literal", "function"], what);
  if (kind === "literal") return { kind, value: decodeCell(json["value"], what) };
  return { kind, name: toOneOf(json["name"], DEFAULT_FUNCTIONS, what) };
}

function encodeCell(cell: Cell): unknown {
  if (typeof cell === "bigint") return { int: cell.toString() };
  if (cell instanceof Uint8Array) return { bytes: cell.toHex() };
  // JSON has no NaN and no infinities, and drops the sign of -0.
  if (typeof cell === "number" && (!Number.isFinite(cell) || Object.is(cell, -0))) {
    return { float: Object.is(cell, -0) ? "-0" : String(cell) };
  }
  return cell;
}

const INTEGER = /^-?\d+$/;
const HEX = /^([0-9a-f]{2})*$/;
const FLOAT = /^(NaN|-?Infinity|-0)$/;

function decodeCell(value: unknown, what: string): Cell {
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string")
    return value;
  if (!isRecord(value)) throw damaged(what, value);
  const { int, bytes, float } = value;
  if (typeof int === "string" && INTEGER.test(int)) return BigInt(int);
  if (typeof bytes === "string" && HEX.test(bytes)) return Uint8Array.fromHex(bytes);
  if (typeof float === "string" && FLOAT.test(float)) return Number(float);
  throw damaged(what, value);
}
