// The half of a compaction that runs off the main thread: sorted runs of one scope → one run in new files. Of each key only the newest version stays; a tombstone goes
// when nothing older can be left for it to hide. Works in steps of one row group, so that other work of the thread comes in between. It changes nothing in SQLite
// and no file that is there: the new files mean nothing until the writer commits them.
import { assert, DbError } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { keyColumn, qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite } from "../../model/types.ts";
import type { ObjectStore, ObjectWriter, PutOptions } from "../objects/object-store.ts";
import type { Segment } from "../seams.ts";
import { holdsKey, type KeyRange } from "./compaction-plan.ts";
import { readSegment } from "./parquet-read.ts";
import { ROW_GROUP_BYTES, ROW_GROUP_ROWS, rowBytes, SegmentEncoder } from "./segment-encoder.ts";
import { segmentPath } from "./segment-paths.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface MergeTask {
  /** Not older than any of the files. */
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Of the new files. */
  readonly folder: string;
  /** Files of each run, by key. */
  readonly runs: readonly (readonly Pick<Segment, "path" | "rows">[])[];
  /** Positions of all runs. */
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  /** Tombstones below this position are past their retention. */
  readonly purgeBelow: Seq;
  /** Of files that are older than the runs and not merged: a tombstone for one of these keys stays. */
  readonly olderKeys: readonly KeyRange[];
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly nowMs: number;
  /** Part of the names of the new files; never used before. */
  readonly tag: string;
}

export interface Merged {
  /** By key. Empty when nothing but tombstones was left. */
  readonly segments: readonly Omit<Segment, "id">[];
  /** Of the newest tombstone that went: who has seen less cannot go on from there. */
  readonly purgedUpTo: Seq | undefined;
}

export interface MergeFiles {
  readonly objects: ObjectStore;
  readonly failpoint?: NonNullable<PutOptions["failpoint"]>;
}

export class ScopeMerge {
  readonly #files: MergeFiles;
  readonly #task: MergeTask;
  readonly #cursors: RunCursor[];
  readonly #segments: Omit<Segment, "id">[] = [];
  #output: OutputFile | undefined;
  #purgedUpTo: Seq | undefined;
  #isStarted = false;

  constructor(files: MergeFiles, task: MergeTask) {
    this.#files = files;
    this.#task = task;
    this.#cursors = task.runs.map((run) => new RunCursor(files.objects, task, run));
  }

  /** Undefined until everything is written. After an error, or when the merge is given up, call `discard`. */
  async step(): Promise<Merged | undefined> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      for (const cursor of this.#cursors.slice()) await this.#reload(cursor);
    }
    const rows = await this.#nextRows();
    if (rows.length > 0) await this.#write(rows);
    if (this.#cursors.length > 0) return undefined;
    await this.#closeOutput();
    return { segments: this.#segments, purgedUpTo: this.#purgedUpTo };
  }

  async discard(): Promise<void> {
    this.#output?.discard();
    for (const cursor of this.#cursors) await cursor.close();
    const paths = [...this.#segments, ...(this.#output === undefined ? [] : [this.#output])].map(({ path }) => path);
    await this.#files.objects.remove(paths);
  }

  /** The next versions that stay, as many as a row group of the file takes. */
  async #nextRows(): Promise<RowVersion[]> {
    const rows: RowVersion[] = [];
    const room = Math.min(ROW_GROUP_ROWS, this.#task.maxRows - (this.#output?.rows ?? 0));
    let bytes = 0;
    while (rows.length < room && bytes < ROW_GROUP_BYTES) {
      const key = this.#smallestKey();
      if (key === undefined) break;
      const newest = await this.#take(key);
      if (this.#isPurged(newest, key)) {
        if (this.#purgedUpTo === undefined || newest.seq > this.#purgedUpTo) this.#purgedUpTo = newest.seq;
        continue;
      }
      rows.push(newest);
      bytes += rowBytes(newest.cells);
    }
    return rows;
  }

  #smallestKey(): SqliteValue | undefined {
    let smallest: SqliteValue | undefined;
    for (const { key } of this.#cursors) {
      if (smallest === undefined || compareSqlite(key, smallest) < 0) smallest = key;
    }
    return smallest;
  }

  /** The newest version of the key; every cursor that is at the key moves on. */
  async #take(key: SqliteValue): Promise<RowVersion> {
    let newest: RowVersion | undefined;
    for (const cursor of this.#cursors.slice()) {
      if (compareSqlite(cursor.key, key) !== 0) continue;
      const { row } = cursor;
      if (newest === undefined || row.seq > newest.seq) newest = row;
      if (!cursor.advance()) await this.#reload(cursor);
    }
    assert(newest !== undefined, "a cursor is at the smallest key");
    return newest;
  }

  async #reload(cursor: RunCursor): Promise<void> {
    if (await cursor.load()) return;
    this.#cursors.splice(this.#cursors.indexOf(cursor), 1);
  }

  #isPurged(row: RowVersion, key: SqliteValue): boolean {
    const { purgeBelow, olderKeys } = this.#task;
    return row.deleted && row.seq < purgeBelow && !holdsKey(olderKeys, key);
  }

  async #write(rows: readonly RowVersion[]): Promise<void> {
    const { maxRows, maxBytes } = this.#task;
    const output = this.#output ?? (await this.#openOutput());
    output.add(rows);
    if (output.rows >= maxRows || output.bytes >= maxBytes) await this.#closeOutput();
  }

  async #openOutput(): Promise<OutputFile> {
    const { folder, maxSeq, tag } = this.#task;
    const path = segmentPath(folder, { maxSeq, tag, part: this.#segments.length + 1 });
    const { objects, failpoint } = this.#files;
    const file = await objects.create(path, { failpoint });
    const output = new OutputFile(this.#task, path, file);
    this.#output = output;
    return output;
  }

  async #closeOutput(): Promise<void> {
    if (this.#output === undefined) return;
    this.#segments.push(await this.#output.finish());
    this.#output = undefined;
  }
}

/** A file in the making. */
class OutputFile {
  readonly path: string;
  readonly #task: MergeTask;
  readonly #file: ObjectWriter;
  readonly #encoder: SegmentEncoder;
  #minKey: SqliteValue = null;
  #maxKey: SqliteValue = null;
  #tombstones = 0;
  rows = 0;

  constructor(task: MergeTask, path: string, file: ObjectWriter) {
    const { schema, scope, minSeq, maxSeq } = task;
    this.#task = task;
    this.path = path;
    this.#file = file;
    const write = (bytes: Uint8Array): void => file.write(bytes);
    this.#encoder = new SegmentEncoder({ schema, scope, range: { minSeq, maxSeq }, write });
  }

  get bytes(): number {
    return this.#encoder.bytes;
  }

  add(rows: readonly RowVersion[]): void {
    const { schema } = this.#task;
    if (this.rows === 0) this.#minKey = keyOf(schema, rows[0]);
    this.#maxKey = keyOf(schema, rows.at(-1));
    this.rows += rows.length;
    for (const { deleted } of rows) this.#tombstones += deleted ? 1 : 0;
    this.#encoder.add(rows);
  }

  async finish(): Promise<Omit<Segment, "id">> {
    const { schema, scope, minSeq, maxSeq, nowMs } = this.#task;
    this.#encoder.finish();
    await this.#file.finish();
    return {
      tableId: schema.id,
      scope,
      path: this.path,
      schemaVersion: schema.version,
      rows: this.rows,
      tombstones: this.#tombstones,
      bytes: this.bytes,
      minSeq,
      maxSeq,
      minKey: this.#minKey,
      maxKey: this.#maxKey,
      createdAtMs: nowMs,
    };
  }

  discard(): void {
    this.#file.discard();
  }
}

function keyOf(schema: TableSchema, row: RowVersion | undefined): SqliteValue {
  return cellToSqlite(row?.cells[schema.keyIndex] ?? null, keyColumn(schema).type);
}

/** Reads a run's files in order, one row group in memory. */
class RunCursor {
  readonly #schema: TableSchema;
  readonly #batches: AsyncGenerator<readonly RowVersion[]>;
  #rows: readonly RowVersion[] = [];
  #at = 0;
  #current: { readonly key: SqliteValue; readonly row: RowVersion } | undefined;

  constructor(objects: ObjectStore, { schema, scope }: MergeTask, files: MergeTask["runs"][number]) {
    this.#schema = schema;
    this.#batches = (async function* () {
      for (const { path, rows } of files) {
        yield* readSegment({ objects, path, schema, scope, expectedRows: rows });
      }
    })();
  }

  get key(): SqliteValue {
    assert(this.#current !== undefined, "the cursor is at a row");
    return this.#current.key;
  }

  get row(): RowVersion {
    assert(this.#current !== undefined, "the cursor is at a row");
    return this.#current.row;
  }

  /** False when the rows in memory are used up. */
  advance(): boolean {
    const row = this.#rows[this.#at];
    if (row === undefined) return false;
    const key = keyOf(this.#schema, row);
    // Rows out of order would be merged wrong without a sign of it.
    if (this.#current !== undefined && compareSqlite(this.#current.key, key) >= 0) {
      throw new DbError("STORAGE_ERROR", `A segment of table ${qualifiedName(this.#schema)} is not ordered by key`);
    }
    this.#at += 1;
    this.#current = { key, row };
    return true;
  }

  /** Reads on and moves to the next row; false at the end of the run. */
  async load(): Promise<boolean> {
    for (;;) {
      const next = await this.#batches.next();
      if (next.done === true) return false;
      this.#rows = next.value;
      this.#at = 0;
      if (this.advance()) return true;
    }
  }

  /** Closes the file that is being read. */
  async close(): Promise<void> {
    await this.#batches.return(undefined);
  }
}
