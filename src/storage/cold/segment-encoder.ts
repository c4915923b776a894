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
  readonly #keyIndex: number;
  readonly #output = new ByteWriter(OUTPUT_BYTES);
  readonly #writer: ParquetWriter;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #checksums = new ChecksumWriter();
  #sectionBytes = 0;

  constructor({ schema, scope, range, write }: SegmentEncoderOptions) {
    this.#write = write;
    this.#keyIndex = schema.keyIndex;
    this.#columns = [
      ...schema.columns.map((column, index) => columnOf(column, index, index === schema.keyIndex)),
      ...systemColumns(),
    ];
    const elements = this.#columns.map(({ element, annotated }) => (annotated ? element : physicalElement(element)));
    this.#writer = new ParquetWriter({
      writer: this.#output,
      schema: [this.#root(), ...elements],
      codec: "ZSTD",
      compressors: { ZSTD: (page) => Bun.zstdCompressSync(page, { level: ZSTD_LEVEL }) },
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
      this.#writeGroup(this.#columns.map(({ source, value }) => ({ ...source, data: group.map(value) })));
      this.#drain();
    }
  }

  #writeGroup(columnData: (Omit<ColumnSource, "data"> & { readonly data: (PhysicalValue | null)[] })[]): void {
    const { pendingIndexes } = this.#writer;
    const first = pendingIndexes.length;
    const pending = this.#writer.write({ columnData, rowGroupSize: ROW_GROUP_ROWS, pageSize: PAGE_BYTES });
    assert(pending === undefined, "the byte writer is synchronous");
    const { element } = this.#columns[this.#keyIndex] ?? {};
    const keys = columnData[this.#keyIndex]?.data.filter((key) => key !== null);
    const indexes = pendingIndexes[first + this.#keyIndex];
    // Readers hash decimals each in their own way.
    if (element === undefined || element.converted_type === "DECIMAL") return;
    assert(keys !== undefined && indexes !== undefined, "the key is one of the columns");
    // Written by the library with the footer, where its own would be.
    indexes.bloomFilter = keyBloom(keys, element.type);
  }

  finish(): void {
    // The encoder took physical values; the file's own schema carries the annotations for other readers.
    this.#writer.schema = [this.#root(), ...this.#columns.map(({ element }) => element)];
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

  #root(): SchemaElement {
    return { name: "root", num_children: this.#columns.length };
  }
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
      annotated: false,
      source: { name: SEQ_COLUMN, ...DISTINCT },
      value: (row) => row.seq,
    },
    {
      element: { type: "BOOLEAN", name: DELETED_COLUMN, repetition_type: "REQUIRED", field_id: DELETED_FIELD_ID },
      annotated: false,
      source: { name: DELETED_COLUMN },
      value: (row) => row.deleted,
    },
  ];
}
