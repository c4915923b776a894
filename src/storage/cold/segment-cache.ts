// Footers and decoded columns of segment files, kept by bytes: both are immutable, so an entry is never wrong, only unused. What was unused for longest
// goes first; what is larger than the whole cache is used and not kept.

import type { AsyncBuffer } from "hyparquet";
import type { Scope, Seq } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, type SqliteValue, type SqlType } from "../../model/sql-type.ts";
import type { ObjectSource } from "../objects/object-store.ts";
import { checkedBytes } from "./block-checksums.ts";
import { bloomRange, isInBloom, type KeyBloom, keyHash, readBloom } from "./bloom-lookup.ts";
import { decodeColumn, decodeRows, isVerbatim } from "./column-decode.ts";
import { type ColumnVector, valueReader, vectorBytes } from "./column-vector.ts";
import { readFooter, type SegmentFooter, withSegmentFile } from "./segment-footer.ts";

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

export interface GroupPlace {
  readonly segment: SegmentRef;
  readonly group: number;
}

export interface RowsWanted {
  readonly places: readonly number[];
  /** Ascending. */
  readonly positions: readonly number[];
}

export interface ColumnPlace extends GroupPlace {
  /** Counts the table's columns, then `_seq`, then `_deleted`. */
  readonly place: number;
}

interface Entry {
  readonly value: SegmentFooter | ColumnVector | KeyBloom | SegmentBytes;
  readonly bytes: number;
}

/** A small file, whole. */
interface SegmentBytes {
  readonly file: AsyncBuffer;
}

/** Of a file up to this size all is read at once: it is little more than a footer, and each column apart is an open, a read and a close. */
const WHOLE_FILE_BYTES = 128 * 1024;

/** A larger share of a group's rows is worth whole columns, which are kept. */
const MAX_SHARE_OF_FEW = 1 / 64;
const MIN_FEW = 8;

/** Whether so many rows of a group are rather decoded one by one. */
export function areFew(wanted: number, rows: number): boolean {
  return wanted <= Math.max(MIN_FEW, rows * MAX_SHARE_OF_FEW);
}

/** Of the objects that the metadata of one column chunk is parsed into. */
const CHUNK_METADATA_BYTES = 600;

export class SegmentCache {
  readonly #objects: ObjectSource;
  readonly #maxBytes: number;
  /** In order of last use. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #decoded = 0;

  constructor(options: { readonly objects: ObjectSource; readonly maxBytes: number }) {
    this.#objects = options.objects;
    this.#maxBytes = options.maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
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
    const footer = await withSegmentFile(source, async (file) => {
      if (file.byteLength > WHOLE_FILE_BYTES) return readFooter(file, source);
      const bytes = await file.slice(0, file.byteLength);
      const read = await readFooter(checkedBytes(bytes, undefined), source);
      this.#keep(bytesKey(segment), { value: { file: checkedBytes(bytes, read.checksums) }, bytes: bytes.byteLength });
      return read;
    });
    const chunks = footer.metadata.row_groups.reduce((sum, group) => sum + group.columns.length, 1);
    this.#keep(key, { value: footer, bytes: chunks * CHUNK_METADATA_BYTES });
    return footer;
  }

  async column(target: ScopeTarget, at: ColumnPlace): Promise<ColumnVector> {
    const key = columnKey(target, at);
    const known = this.#use(key)?.value;
    if (known !== undefined && "length" in known) return known;
    const footer = await this.footer(target, at.segment);
    const { group, place } = at;
    const { schema } = target;
    const vector = await this.#read(target, at.segment, (file) => decodeColumn({ file, footer, schema, group, place }));
    this.#decoded += 1;
    this.#keep(key, { value: vector, bytes: vectorBytes(vector) });
    return vector;
  }

  /** A few rows of a group, column by column: from what is decoded already, otherwise without keeping anything. */
  async rows(target: ScopeTarget, at: GroupPlace, { places, positions }: RowsWanted): Promise<SqliteValue[][]> {
    const footer = await this.footer(target, at.segment);
    const isFew = areFew(positions.length, Number(footer.metadata.row_groups[at.group]?.num_rows));
    const isKept = (place: number): boolean => this.#entries.has(columnKey(target, { ...at, place }));
    const columns = new Map<number, SqliteValue[]>();
    for (const place of new Set(places)) {
      if (isFew && !isKept(place)) continue;
      columns.set(place, positions.map(valueReader(await this.column(target, { ...at, place }))));
    }
    const missing = places.filter((place) => !columns.has(place));
    if (missing.length > 0) {
      await this.#read(target, at.segment, async (file) => {
        for (const place of missing) {
          const column = { file, footer, schema: target.schema, group: at.group, place };
          columns.set(place, await decodeRows(column, positions));
        }
      });
    }
    return places.map((place) => columns.get(place) ?? []);
  }

  /** False only when none of the rows of a group has the key: by its Bloom filter, where there is one for keys of the type. */
  async mayHoldKey(target: ScopeTarget, at: GroupPlace, key: Cell): Promise<boolean> {
    const place = target.schema.keyIndex;
    // Integers are decoded as fast as their filter is.
    if (isVerbatim(typeAt(target.schema, place))) return true;
    if (this.#entries.has(columnKey(target, { ...at, place }))) return true;
    const footer = await this.footer(target, at.segment);
    const hash = keyHash(target.schema, footer, key);
    const range = hash === undefined ? undefined : bloomRange(target.schema, footer, at.group);
    if (hash === undefined || range === undefined) return true;
    const cacheKey = `${at.segment.id} ${at.group} bloom`;
    const known = this.#use(cacheKey)?.value;
    if (known !== undefined && "blocks" in known) return isInBloom(known, hash);
    const bloom = readBloom(await this.#read(target, at.segment, async (file) => file.slice(range.start, range.end)));
    if (bloom === undefined) return true;
    this.#keep(cacheKey, { value: bloom, bytes: bloom.blocks.byteLength });
    return isInBloom(bloom, hash);
  }

  async #read<T>(target: ScopeTarget, segment: SegmentRef, read: (file: AsyncBuffer) => Promise<T>): Promise<T> {
    const footer = await this.footer(target, segment);
    const source = { ...target, objects: this.#objects, path: segment.path, footer };
    const known = this.#use(bytesKey(segment))?.value;
    if (known === undefined || !("file" in known)) return withSegmentFile(source, read);
    try {
      return await read(known.file);
    } catch (cause) {
      // What makes no sense is not kept, here or where it came from.
      this.#drop(bytesKey(segment));
      return await withSegmentFile(source, () => Promise.reject(cause));
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
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
    this.#drop(key);
    this.#bytes += entry.bytes;
    this.#entries.set(key, entry);
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

function bytesKey({ id }: SegmentRef): string {
  return `${id} bytes`;
}

/** A definition's version says what a column's stored values become. */
function columnKey({ schema }: ScopeTarget, { segment, group, place }: ColumnPlace): string {
  return `${segment.id} ${group} ${place} ${schema.version}`;
}

/** The type of a column by its place. */
export function typeAt(schema: TableSchema, place: number): SqlType {
  return schema.columns[place]?.type ?? (place === schema.columns.length ? BIGINT : BOOLEAN);
}
