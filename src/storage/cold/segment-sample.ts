// A scope of a few small segments in memory, with a column for each way in which a file keeps values: what a process reads to have read some before anybody asks.
import { parseName, SHARED_SCOPE, seqOf, tableIdOf } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell, SqlType } from "../../model/sql-type.ts";
import type { ObjectReader, ObjectSource } from "../objects/object-store.ts";
import type { ScopeTarget, SegmentRef } from "./segment-cache.ts";
import { SegmentEncoder } from "./segment-encoder.ts";

const SEGMENTS = 4;
export const ROWS_PER_SEGMENT = 200;
const KINDS = 10;

export interface SegmentSample extends ScopeTarget {
  readonly segments: readonly SegmentRef[];
  readonly objects: ObjectSource;
}

/** By name: key, distinct values as text, few values as text, numbers, instants, truths; some of the last NULL. */
const COLUMNS: readonly (readonly [name: string, type: SqlType, cell: (row: number) => Cell])[] = [
  ["id", { kind: "bigint" }, BigInt],
  ["body", { kind: "text" }, (row) => `what number ${row} has to say`],
  ["kind", { kind: "text" }, (row) => `kind ${row % KINDS}`],
  ["amount", { kind: "int" }, (row) => row % (ROWS_PER_SEGMENT / 4)],
  ["at", { kind: "timestamp" }, (row) => BigInt(row) * 1_000n],
  ["share", { kind: "double" }, (row) => row / 8],
  ["note", { kind: "text" }, (row) => (row % 3 === 0 ? null : `note ${row % KINDS}`)],
];

/** Places of its columns that have something about them. */
export const SAMPLE_PLACES = { key: 0, body: 1, kind: 2, amount: 3, at: 4 } as const;

export const SAMPLE_SCHEMA: TableSchema = {
  id: tableIdOf(1),
  namespace: parseName("sample"),
  name: parseName("rows"),
  kind: "shared",
  columns: COLUMNS.map(([name, type], index) => ({
    id: index + 1,
    name: parseName(name),
    type,
    nullable: index > 0,
    default: undefined,
  })),
  keyIndex: SAMPLE_PLACES.key,
  version: 1,
  options: { storageId: "local", flushPolicy: undefined, accessLevel: "private" },
  createdAtMs: 0,
  updatedAtMs: 0,
};

/** One segment at a time: each takes a few milliseconds. */
export function* makeSegmentSample(): Generator<void, SegmentSample> {
  const schema = SAMPLE_SCHEMA;
  const scope = SHARED_SCOPE;
  const files = new Map<string, Uint8Array>();
  const segments: SegmentRef[] = [];
  for (let number = 0; number < SEGMENTS; number += 1) {
    const first = number * ROWS_PER_SEGMENT;
    const rows = Array.from({ length: ROWS_PER_SEGMENT }, (_unused, at) => sampleRow(first + at));
    const range = { minSeq: seqOf(BigInt(first + 1)), maxSeq: seqOf(BigInt(first + ROWS_PER_SEGMENT)) };
    const path = `sample-${number}`;
    files.set(path, encoded(schema, rows, range));
    const keys = { minKey: BigInt(first), maxKey: BigInt(first + ROWS_PER_SEGMENT - 1) };
    segments.push({ id: number + 1, path, rows: rows.length, tombstones: 0, ...range, ...keys });
    yield;
  }
  return {
    schema,
    scope,
    segments,
    objects: { open: async (key) => memoryReader(files.get(key) ?? new Uint8Array()) },
  };
}

function sampleRow(row: number): RowVersion {
  return { seq: seqOf(BigInt(row + 1)), deleted: false, cells: COLUMNS.map(([, , cell]) => cell(row)) };
}

function encoded(
  schema: TableSchema,
  rows: readonly RowVersion[],
  range: Pick<SegmentRef, "minSeq" | "maxSeq">,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const encoder = new SegmentEncoder({
    schema,
    scope: SHARED_SCOPE,
    range,
    write: (bytes) => parts.push(bytes.slice()),
  });
  encoder.add(rows);
  encoder.finish();
  return Buffer.concat(parts);
}

function memoryReader(bytes: Uint8Array): ObjectReader {
  return {
    sizeBytes: bytes.byteLength,
    // A copy: whoever reads gets a buffer of its own.
    read: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
    close: () => undefined,
  };
}
