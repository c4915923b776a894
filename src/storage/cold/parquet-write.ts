// Rows of one scope → one Parquet file. The rows are in memory and ordered by key, so that the statistics of a row group name a narrow range of keys.
import type { SchemaElement } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import { assert } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { type Column, DELETED_COLUMN, keyColumn, SEQ_COLUMN, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite } from "../../model/types.ts";
import type { ObjectStore, PutStep } from "../objects/object-store.ts";
import { PARQUET_COLUMNS, type PhysicalValue, physicalElement } from "./parquet-column.ts";
import { DELETED_FIELD_ID, SEQ_FIELD_ID, segmentMetadata } from "./segment-metadata.ts";
import { compareSqlite } from "./sqlite-order.ts";

/** A key lookup decodes one group; encoding one blocks its thread for about 20 ms. */
export const ROW_GROUP_ROWS = 10_000;
const PAGE_BYTES = 64 * 1024;
const ZSTD_LEVEL = 3;

/** Named places where a test may stop a flush, in order. */
export type WriteStep = "encoded" | PutStep;
export type WriteFailpoint = (step: WriteStep) => void;

export interface SegmentInput {
  readonly objects: ObjectStore;
  /** Its key among them. */
  readonly path: string;
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Not empty, one version a key, any order. */
  readonly rows: readonly RowVersion[];
  readonly failpoint?: WriteFailpoint;
}

export interface WrittenSegment {
  readonly rows: number;
  readonly bytes: number;
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

interface KeyedRow {
  readonly key: SqliteValue;
  readonly row: RowVersion;
}

/** Durable when it resolves. */
export async function writeSegment(input: SegmentInput): Promise<WrittenSegment> {
  const rows = orderByKey(input.schema, input.rows);
  const { minSeq, maxSeq } = seqRange(input.rows);
  const first = rows[0];
  const last = rows.at(-1);
  assert(first !== undefined && last !== undefined, "a segment has rows");
  const bytes = encode(input, rows, { minSeq, maxSeq });
  input.failpoint?.("encoded");
  await input.objects.put(input.path, bytes, { failpoint: input.failpoint });
  return { rows: rows.length, bytes: bytes.byteLength, minSeq, maxSeq, minKey: first.key, maxKey: last.key };
}

function orderByKey(schema: TableSchema, rows: readonly RowVersion[]): KeyedRow[] {
  const { type } = keyColumn(schema);
  const keyed = rows.map((row) => ({ key: cellToSqlite(row.cells[schema.keyIndex] ?? null, type), row }));
  return keyed.sort((a, b) => compareSqlite(a.key, b.key));
}

function seqRange(rows: readonly RowVersion[]): { minSeq: Seq; maxSeq: Seq } {
  const first = rows[0];
  assert(first !== undefined, "a segment has rows");
  let minSeq = first.seq;
  let maxSeq = first.seq;
  for (const { seq } of rows) {
    if (seq < minSeq) minSeq = seq;
    if (seq > maxSeq) maxSeq = seq;
  }
  return { minSeq, maxSeq };
}

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
    source: { name: column.name, statistics: format.statistics, bloomFilter: isKey, columnIndex: isKey },
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
      source: { name: SEQ_COLUMN },
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

function encode(
  input: SegmentInput,
  rows: readonly KeyedRow[],
  range: { readonly minSeq: Seq; readonly maxSeq: Seq },
): Uint8Array {
  const { schema, scope } = input;
  const columns = [
    ...schema.columns.map((column, index) => columnOf(column, index, index === schema.keyIndex)),
    ...systemColumns(),
  ];
  const root: SchemaElement = { name: "root", num_children: columns.length };
  const output = new ByteWriter();
  const writer = new ParquetWriter({
    writer: output,
    schema: [root, ...columns.map(({ element, annotated }) => (annotated ? element : physicalElement(element)))],
    codec: "ZSTD",
    compressors: { ZSTD: (page) => new Uint8Array(Bun.zstdCompressSync(page, { level: ZSTD_LEVEL })) },
    kvMetadata: segmentMetadata(schema, scope, range),
    createdBy: "kalamdb",
  });
  for (let start = 0; start < rows.length; start += ROW_GROUP_ROWS) {
    const group = rows.slice(start, start + ROW_GROUP_ROWS);
    const columnData = columns.map(({ source, value }) => ({ ...source, data: group.map(({ row }) => value(row)) }));
    const pending = writer.write({ columnData, rowGroupSize: ROW_GROUP_ROWS, pageSize: PAGE_BYTES });
    assert(pending === undefined, "the byte writer is synchronous");
  }
  // The encoder took physical values; the file's own schema carries the annotations for other readers.
  writer.schema = [root, ...columns.map(({ element }) => element)];
  const pending = writer.finish();
  assert(pending === undefined, "the byte writer is synchronous");
  return output.getBytes();
}
