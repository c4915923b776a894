// Footers and decoded columns of segment files, kept by bytes: both are immutable, so an entry is never wrong, only unused. What was unused for longest
// goes first; what is larger than the whole cache is used and not kept.
import { assert, DbError } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, type SqliteValue, type SqlType, sameType } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { type Convert, chunkRange, decodeChunk } from "./column-chunk.ts";
import { type ColumnVector, valueReader, vectorBytes } from "./column-vector.ts";
import { PARQUET_COLUMNS } from "./parquet-column.ts";
import {
  chunkOf,
  DELETED_FIELD,
  fieldName,
  readFooter,
  SEQ_FIELD,
  type SegmentFooter,
  storedType,
  withSegmentFile,
} from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

/** What a read of one segment needs to know of it. */
export interface SegmentRef {
  readonly id: number;
  /** Its key in the storage. */
  readonly path: string;
  readonly rows: number;
  /** Of the rows; undefined when nobody counted. */
  readonly tombstones?: number | undefined;
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

/** Whose segments they are, and in which shape they are wanted. */
export interface ScopeTarget {
  readonly schema: TableSchema;
  readonly scope: Scope;
}

export interface ColumnPlace {
  readonly segment: SegmentRef;
  readonly group: number;
  /** Counts the table's columns, then `_seq`, then `_deleted`. */
  readonly place: number;
}

interface Entry {
  readonly value: SegmentFooter | ColumnVector;
  readonly bytes: number;
}

/** Of the objects that the metadata of one column chunk is parsed into. */
const CHUNK_METADATA_BYTES = 600;

export class SegmentCache {
  readonly #objects: ObjectStore;
  readonly #maxBytes: number;
  /** In order of last use. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #decoded = 0;

  constructor(options: { readonly objects: ObjectStore; readonly maxBytes: number }) {
    this.#objects = options.objects;
    this.#maxBytes = options.maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Column chunks decoded so far: what a cache saves. */
  get decodedChunks(): number {
    return this.#decoded;
  }

  async footer(target: ScopeTarget, segment: SegmentRef): Promise<SegmentFooter> {
    const key = `${segment.id}`;
    const known = this.#use(key)?.value;
    if (known !== undefined && "metadata" in known) return known;
    const source = { ...target, objects: this.#objects, path: segment.path, expectedRows: segment.rows };
    const footer = await withSegmentFile(source, (file) => readFooter(file, source));
    const chunks = footer.metadata.row_groups.reduce((sum, group) => sum + group.columns.length, 1);
    this.#keep(key, { value: footer, bytes: chunks * CHUNK_METADATA_BYTES });
    return footer;
  }

  async column(target: ScopeTarget, at: ColumnPlace): Promise<ColumnVector> {
    // A definition's version says what a column's stored values become.
    const key = `${at.segment.id} ${at.group} ${at.place} ${target.schema.version}`;
    const known = this.#use(key)?.value;
    if (known !== undefined && "length" in known) return known;
    const footer = await this.footer(target, at.segment);
    const source = { ...target, objects: this.#objects, path: at.segment.path };
    const vector = await withSegmentFile(source, (file) => decode({ file, footer, schema: target.schema, at }));
    this.#decoded += 1;
    this.#keep(key, { value: vector, bytes: vectorBytes(vector) });
    return vector;
  }

  #use(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, entry: Entry): void {
    if (entry.bytes > this.#maxBytes) return;
    this.#bytes += entry.bytes;
    this.#entries.set(key, entry);
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

interface Decode {
  readonly file: Parameters<typeof readFooter>[0];
  readonly footer: SegmentFooter;
  readonly schema: TableSchema;
  readonly at: ColumnPlace;
}

async function decode({ file, footer, schema, at }: Decode): Promise<ColumnVector> {
  const rowGroup = footer.metadata.row_groups[at.group];
  assert(rowGroup !== undefined, "a row group of the file is asked for");
  const rows = Number(rowGroup.num_rows);
  const { field, convert, isVerbatim } = fieldOf(footer, schema, at.place);
  if (field === undefined) return { length: rows, codes: new Uint16Array(rows), values: [convert(undefined)] };
  const chunk = chunkOf(footer, at.group, field);
  if (chunk === undefined) throw new DbError("STORAGE_ERROR", "a column chunk is missing");
  const { start, end } = chunkRange(chunk);
  const bytes = await file.slice(start, end);
  const values = decodeChunk(bytes, { metadata: footer.metadata, chunk, convert, isVerbatim }, rows);
  if (at.place === schema.keyIndex) assertOrdered(values);
  return values;
}

/** The merge of versions steps through keys in order. */
function assertOrdered(keys: ColumnVector): void {
  const keyAt = valueReader(keys);
  for (let at = 1; at < keys.length; at += 1) {
    if (compareSqlite(keyAt(at - 1), keyAt(at)) >= 0) {
      throw new DbError("STORAGE_ERROR", "its rows are not in the order of their keys");
    }
  }
}

interface Field {
  /** Undefined: the file is older than the column, and every row has `convert(undefined)`. */
  readonly field: string | undefined;
  readonly convert: Convert;
  readonly isVerbatim: boolean;
}

/** Where a column's values are in the file, and how they become SQLite's. */
function fieldOf(footer: SegmentFooter, schema: TableSchema, place: number): Field {
  const column = schema.columns[place];
  if (column === undefined) {
    return place === schema.columns.length
      ? { field: SEQ_FIELD, convert: converter(BIGINT, BIGINT), isVerbatim: true }
      : { field: DELETED_FIELD, convert: converter(BOOLEAN, BOOLEAN), isVerbatim: false };
  }
  const stored = storedType(footer.stored, column);
  if (stored === undefined) {
    const initial = cellToSqlite(column.initial ?? null, column.type);
    return { field: undefined, convert: () => initial, isVerbatim: false };
  }
  const isVerbatim = VERBATIM.has(stored.kind) && sameType(stored, column.type);
  return { field: fieldName(column.id), convert: converter(stored, column.type), isVerbatim };
}

/** Types whose numbers are the same in a file and in SQLite. */
const VERBATIM: ReadonlySet<string> = new Set(["smallint", "int", "bigint", "timestamp", "datetime", "date"]);

function converter(stored: SqlType, wanted: SqlType): Convert {
  const { fromPhysical } = PARQUET_COLUMNS[stored.kind];
  if (sameType(stored, wanted)) {
    const { toSqlite } = TYPES[stored.kind];
    return (value) => (value === null || value === undefined ? null : toSqlite(fromPhysical(value)));
  }
  const { toText } = TYPES[stored.kind];
  const { parse, toSqlite } = TYPES[wanted.kind];
  return (value) =>
    value === null || value === undefined ? null : toSqlite(parse(toText(fromPhysical(value), stored), wanted));
}

/** The type of a column by its place. */
export function typeAt(schema: TableSchema, place: number): SqlType {
  return schema.columns[place]?.type ?? (place === schema.columns.length ? BIGINT : BOOLEAN);
}
