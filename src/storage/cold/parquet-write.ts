// Rows of one scope → one Parquet file. The rows are in memory and are ordered here.
import { assert } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite } from "../../model/types.ts";
import type { ObjectStore, PutStep } from "../objects/object-store.ts";
import { SegmentEncoder } from "./segment-encoder.ts";
import { compareSqlite } from "./sqlite-order.ts";

/** Named places where a test may stop the writing of a file, in order. `encoded` is not reached by a file that is written while it is encoded. */
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
  readonly tombstones: number;
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
  await writeFile(input, bytes);
  const size = bytes.reduce((total, part) => total + part.byteLength, 0);
  const tombstones = rows.filter(({ row }) => row.deleted).length;
  return { rows: rows.length, tombstones, bytes: size, minSeq, maxSeq, minKey: first.key, maxKey: last.key };
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

function encode(
  { schema, scope }: SegmentInput,
  rows: readonly KeyedRow[],
  range: { readonly minSeq: Seq; readonly maxSeq: Seq },
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const encoder = new SegmentEncoder({ schema, scope, range, write: (bytes) => parts.push(bytes.slice()) });
  encoder.add(rows.map(({ row }) => row));
  encoder.finish();
  return parts;
}

async function writeFile({ objects, path, failpoint }: SegmentInput, bytes: readonly Uint8Array[]): Promise<void> {
  const file = await objects.create(path, { failpoint });
  try {
    for (const part of bytes) file.write(part);
    await file.finish();
  } catch (error) {
    // On a full disk what was written is in the way of everything else.
    file.discard();
    throw error;
  }
}
