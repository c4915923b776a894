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

/** What happens on the way, for whoever asked. */
export interface WriteSteps {
  readonly failpoint?: WriteFailpoint;
  /** Called between steps of a fraction of a second, until the file is complete, and before an upload is tried again: throws when nobody wants it any more. Nothing of it stays then. */
  readonly requireWanted?: () => void;
  /** The rows are in a file, and none of them in memory. */
  readonly onEncoded?: () => void;
}

export interface SegmentInput extends WriteSteps {
  readonly objects: ObjectStore;
  /** Its key among them. */
  readonly path: string;
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Not empty, one version a key, any order. */
  readonly rows: readonly RowVersion[];
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
  const tombstones = rows.filter(({ row }) => row.deleted).length;
  const described = { rows: rows.length, tombstones, minSeq, maxSeq, minKey: first.key, maxKey: last.key };
  const parts = encode(input, rows, { minSeq, maxSeq });
  input.failpoint?.("encoded");
  return { ...described, bytes: await writeFile(input, parts) };
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
  { schema, scope, requireWanted }: SegmentInput,
  rows: readonly KeyedRow[],
  range: { readonly minSeq: Seq; readonly maxSeq: Seq },
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const write = (bytes: Uint8Array): void => {
    requireWanted?.();
    parts.push(bytes.slice());
  };
  const encoder = new SegmentEncoder({ schema, scope, range, write });
  encoder.add(rows.map(({ row }) => row));
  encoder.finish();
  return parts;
}

/** Resolves with the bytes of the file. They leave memory as they are written: the way to a bucket is long. */
async function writeFile(input: SegmentInput, parts: Uint8Array[]): Promise<number> {
  const { objects, path, failpoint, requireWanted, onEncoded } = input;
  const file = await objects.create(path, { failpoint, requireWanted });
  try {
    let size = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      file.write(part);
      size += part.byteLength;
    }
    onEncoded?.();
    await file.finish();
    return size;
  } catch (error) {
    // On a full disk what was written is in the way of everything else.
    file.discard();
    throw error;
  }
}
