// Rows of one scope, in order of their keys → the bytes of a Parquet file, a row group at a time, so that statistics of a row group name a narrow range of keys.
import type { SchemaElement } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import { assert } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { type Column, DELETED_COLUMN, SEQ_COLUMN, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { ChecksumWriter, footerStart } from "./block-checksums.ts";
import { keyBloom } from "./key-bloom.ts";
import { writeListChunk } from "./list-chunk.ts";
import { PARQUET_COLUMNS, type PhysicalValue, physicalElement } from "./parquet-column.ts";
import { DELETED_FIELD_ID, SEQ_FIELD_ID, segmentMetadata } from "./segment-metadata.ts";

/** A key lookup decodes one group; encoding one blocks its thread for about 20 ms. */
export const ROW_GROUP_ROWS = 10_000;
/** Of values: whoever reads a file group by group, or many files side by side, needs a bound in bytes too. A larger row is a group of its own. */
export const ROW_GROUP_BYTES = 8 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024;
const ZSTD_LEVEL = 3;
/** Grows by being copied; this holds a small user's file. */
const OUTPUT_BYTES = 64 * 1024;

export interface SegmentEncoderOptions {
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** What the file says of its positions. */
  readonly range: { readonly minSeq: Seq; readonly maxSeq: Seq };
  /** Gets the bytes of the file in order, a row group at a time. They are valid during the call only. */
  readonly write: (bytes: Uint8Array) => void;
}

export class SegmentEncoder {
  readonly #columns: readonly EncodedColumn[];
  /** What the library writes; lists are put among them. */
  readonly #scalars: readonly EncodedColumn[];
  readonly #key: EncodedColumn | undefined;
  readonly #output = new ByteWriter(OUTPUT_BYTES);
  readonly #writer: ParquetWriter;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #checksums = new ChecksumWriter();
  #sectionBytes = 0;

  constructor({ schema, scope, range, write }: SegmentEncoderOptions) {
    this.#write = write;
    this.#columns = [
      ...schema.columns.map((column, index) => columnOf(column, index, index === schema.keyIndex)),
      ...systemColumns(),
    ];
    this.#key = this.#columns[schema.keyIndex];
    this.#scalars = this.#columns.filter(({ isList }) => !isList);
    const elements = this.#scalars.map(({ element, annotated }) => (annotated ? element : physicalElement(element)));
    this.#writer = new ParquetWriter({
      writer: this.#output,
      schema: [rootOf(this.#scalars), ...elements],
      codec: "ZSTD",
      compressors: { ZSTD: compress },
      kvMetadata: segmentMetadata(schema, scope, range),
      createdBy: "kalamdb",
    });
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#output.offset + this.#sectionBytes;
  }

  /** One row group, or several when the rows are too many or too large for one. Keys rise from call to call. */
  add(rows: readonly RowVersion[]): void {
    for (let start = 0; start < rows.length; ) {
      const group = rows.slice(start, groupEnd(rows, start));
      start += group.length;
      this.#writeGroup(group);
      this.#drain();
    }
  }

  #writeGroup(rows: readonly RowVersion[]): void {
    const { pendingIndexes } = this.#writer;
    const first = pendingIndexes.length;
    const columnData = this.#scalars.map(({ source, value }) => ({ ...source, data: rows.map(value) }));
    const pending = this.#writer.write({ columnData, rowGroupSize: ROW_GROUP_ROWS, pageSize: PAGE_BYTES });
    assert(pending === undefined, "the byte writer is synchronous");
    this.#writeLists(rows);
    const key = this.#key;
    // Readers hash decimals each in their own way.
    if (key === undefined || key.isList || key.element.converted_type === "DECIMAL") return;
    const at = this.#scalars.indexOf(key);
    const keys = columnData[at]?.data.filter((value) => value !== null);
    const indexes = pendingIndexes[first + at];
    assert(keys !== undefined && indexes !== undefined, "the key is one of the columns");
    // Written by the library with the footer, where its own would be.
    indexes.bloomFilter = keyBloom(keys, key.element.type);
  }

  /** Behind the scalars in the file, at their places in the footer. */
  #writeLists(rows: readonly RowVersion[]): void {
    const group = this.#writer.row_groups.at(-1);
    assert(group !== undefined, "the scalars made a row group");
    for (const [place, { element, isList, value }] of this.#columns.entries()) {
      if (!isList) continue;
      const chunk = writeListChunk(this.#output, {
        name: element.name,
        lists: rows.map((row) => listOf(value(row))),
        isRequired: element.repetition_type === "REQUIRED",
        pageBytes: PAGE_BYTES,
        compress,
      });
      group.columns.splice(place, 0, chunk);
      group.total_byte_size += chunk.meta_data?.total_uncompressed_size ?? 0n;
      group.total_compressed_size =
        (group.total_compressed_size ?? 0n) + (chunk.meta_data?.total_compressed_size ?? 0n);
    }
  }

  finish(): void {
    // The encoder took physical values; the file's own schema carries the annotations for other readers.
    this.#writer.schema = [
      rootOf(this.#columns),
      ...this.#columns.flatMap(({ element, children }) => [element, ...children]),
    ];
    const pending = this.#writer.finish();
    assert(pending === undefined, "the byte writer is synchronous");
    const bytes = this.#output.getBytes();
    const at = footerStart(bytes);
    const footer = bytes.subarray(at);
    this.#put(bytes.subarray(0, at));
    const section = this.#checksums.finish(footer);
    this.#sectionBytes = section.byteLength;
    this.#write(section);
    this.#write(footer);
    this.#output.index = 0;
  }

  #drain(): void {
    this.#put(this.#output.getBytes());
    // Positions in the file go on; only the buffer starts anew.
    this.#output.index = 0;
  }

  #put(bytes: Uint8Array): void {
    this.#checksums.update(bytes);
    this.#write(bytes);
  }
}

function rootOf(columns: readonly EncodedColumn[]): SchemaElement {
  return { name: "root", num_children: columns.length };
}

function compress(page: Uint8Array): Uint8Array {
  return Bun.zstdCompressSync(page, { level: ZSTD_LEVEL });
}

function listOf(value: PhysicalValue | null): Uint8Array | null {
  assert(value === null || value instanceof Uint8Array, "a list is its bytes");
  return value;
}

function groupEnd(rows: readonly RowVersion[], start: number): number {
  let bytes = 0;
  let end = start;
  for (; end < rows.length && end - start < ROW_GROUP_ROWS && bytes < ROW_GROUP_BYTES; end += 1) {
    bytes += rowBytes(rows[end]?.cells ?? []);
  }
  return end;
}

const FIXED_BYTES = 8;

/** Roughly, what the values of a row take. */
export function rowBytes(cells: readonly (Cell | SqliteValue)[]): number {
  let bytes = 0;
  for (const cell of cells) {
    bytes += typeof cell === "string" ? cell.length : cell instanceof Uint8Array ? cell.byteLength : FIXED_BYTES;
  }
  return bytes;
}

/** No two values are the same, so the search for a dictionary would be in vain. */
const DISTINCT: Pick<ColumnSource, "encoding"> = { encoding: "PLAIN" };
const KEY_SOURCE: Pick<ColumnSource, "encoding" | "columnIndex"> = { ...DISTINCT, columnIndex: true };

interface EncodedColumn {
  readonly element: SchemaElement;
  /** Below the element. */
  readonly children: readonly SchemaElement[];
  readonly isList: boolean;
  readonly annotated: boolean;
  readonly source: Omit<ColumnSource, "data">;
  readonly value: (row: RowVersion) => PhysicalValue | null;
}

function columnOf(column: Column, index: number, isKey: boolean): EncodedColumn {
  const format = PARQUET_COLUMNS[column.type.kind];
  return {
    element: {
      ...format.element(column.type),
      name: column.name,
      repetition_type: isKey ? "REQUIRED" : "OPTIONAL",
      field_id: column.id,
    },
    children: format.children ?? [],
    isList: format.children !== undefined,
    annotated: format.encodeAnnotated,
    source: { name: column.name, statistics: format.statistics, ...(isKey ? KEY_SOURCE : {}) },
    value: (row) => {
      const cell: Cell = row.cells[index] ?? null;
      return cell === null ? null : format.toPhysical(cell);
    },
  };
}

function systemColumns(): EncodedColumn[] {
  const integer = PARQUET_COLUMNS.bigint.element({ kind: "bigint" });
  return [
    {
      element: { ...integer, name: SEQ_COLUMN, repetition_type: "REQUIRED", field_id: SEQ_FIELD_ID },
      children: [],
      isList: false,
      annotated: false,
      source: { name: SEQ_COLUMN, ...DISTINCT },
      value: (row) => row.seq,
    },
    {
      element: { type: "BOOLEAN", name: DELETED_COLUMN, repetition_type: "REQUIRED", field_id: DELETED_FIELD_ID },
      children: [],
      isList: false,
      annotated: false,
      source: { name: DELETED_COLUMN },
      value: (row) => row.deleted,
    },
  ];
}
