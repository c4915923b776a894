// What a work does to STREAM tables inside the open transaction: a change is a version under the writer's next `_seq`, and what is undone or published with the
// batch. Of persisted tables it goes to the data file too.
import { DbError } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { SeqGenerator } from "../../base/seq.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import type { RowBackend } from "../backend/row-backend.ts";
import type { Batch } from "../hot/batch.ts";
import { isInFile } from "../hot/relation.ts";
import type { ExpiredRow } from "../seams.ts";
import { keyText, MemoryRows } from "./memory-rows.ts";
import { PersistedRows, type StreamFloors } from "./persisted-rows.ts";
import { isExpired, type StreamLimits } from "./stream-limits.ts";
import { type StoredRow, type StreamRows, sizeOfRow, versionFor } from "./stream-rows.ts";

export interface StreamTransactionOptions {
  /** The writer's own rows. */
  readonly rows: StreamRows;
  readonly batch: Batch;
  /** The data file, for persisted tables. */
  readonly file: RowBackend;
  readonly floors: StreamFloors;
  readonly seqs: SeqGenerator;
  readonly limits: StreamLimits;
  readonly nowMs: () => number;
}

export class StreamTransaction {
  readonly #options: StreamTransactionOptions;
  readonly #memory: RowBackend;
  readonly #persisted: RowBackend;

  constructor(options: StreamTransactionOptions) {
    this.#options = options;
    this.#memory = new MemoryRows(options);
    this.#persisted = new PersistedRows({ memory: this.#memory, file: options.file });
  }

  /** A row past its time counts as deleted, though its end was not told yet. */
  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const version = this.#memory.get(table, scope, key);
    if (version === undefined) return undefined;
    return isExpired(table, version, this.#options.nowMs()) ? { ...version, deleted: true } : version;
  }

  put(
    table: TableSchema,
    scope: Scope,
    row: { readonly cells: readonly Cell[]; readonly deleted: boolean; readonly before: RowVersion | undefined },
  ): RowVersion {
    const { batch, seqs } = this.#options;
    const { cells, deleted } = row;
    const bytes = sizeOfRow(cells);
    const key = cells[table.keyIndex] ?? null;
    const before = row.before ?? this.#untold(table, scope, key);
    if (!deleted) this.#makeRoom(table, scope, { key: keyText(key), bytes });
    const after: RowVersion = { seq: seqs.next(), deleted, cells };
    this.#backend(table).put(table, scope, after);
    batch.changes.push({ table, scope, before, after });
    return after;
  }

  /** A row past its time whose end no subscriber was told yet: what takes its place must tell of it. */
  #untold(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const version = this.#memory.get(table, scope, key);
    return version === undefined || version.deleted ? undefined : version;
  }

  /** Live rows end, which subscribers learn as deletes; tombstones are forgotten. What has a newer version meanwhile is left alone. */
  expire(table: TableSchema, expired: readonly ExpiredRow[]): void {
    const { rows } = this.#options;
    for (const { scope, key, seq } of expired) {
      const stored = rows.get(table.id, scope, key);
      if (stored?.version.seq !== seq) continue;
      if (stored.version.deleted) {
        this.#forget(table, scope, { stored, floor: seq });
        continue;
      }
      const version = versionFor(table, stored);
      this.put(table, scope, { cells: version.cells, deleted: true, before: version });
    }
  }

  isWrittenAfter(table: TableSchema, scope: Scope, position: Seq): boolean {
    return Array.from(this.#options.rows.all(table.id, scope)).some(([, { version }]) => version.seq > position);
  }

  /** Forgets every row of a user, live ones too, without telling anybody. */
  purge(table: TableSchema, scope: Scope): void {
    const { rows, seqs } = this.#options;
    const all = Array.from(rows.all(table.id, scope), ([, stored]) => stored);
    const floor = seqs.next();
    for (const stored of all) this.#forget(table, scope, { stored, floor });
  }

  #makeRoom(table: TableSchema, scope: Scope, { key, bytes }: { readonly key: string; readonly bytes: number }): void {
    const { rows, limits } = this.#options;
    if (rows.bytes + bytes > limits.totalBytes) {
      throw new DbError("STORAGE_FULL", "The memory for rows of STREAM tables is full", {
        hint: "Rows leave it when their TTL ends or they are deleted.",
      });
    }
    for (const stored of this.#excess(table, scope, { key, bytes })) {
      const floor = stored.version.deleted ? stored.version.seq : this.#end(table, scope, stored);
      this.#forget(table, scope, { stored, floor });
    }
  }

  /** The oldest rows, as many as must go. */
  #excess(
    table: TableSchema,
    scope: Scope,
    added: { readonly key: string; readonly bytes: number },
  ): readonly StoredRow[] {
    const { rows, limits } = this.#options;
    const excess: StoredRow[] = [];
    const size = rows.size(table.id, scope);
    let rowsLeft = size.rows + (rows.get(table.id, scope, added.key) === undefined ? 1 : 0);
    let bytesLeft = size.bytes + added.bytes;
    for (const [key, stored] of rows.all(table.id, scope)) {
      if (rowsLeft <= limits.rowsPerUser && bytesLeft <= limits.bytesPerUser) break;
      if (key === added.key) continue;
      rowsLeft -= 1;
      bytesLeft -= stored.bytes;
      excess.push(stored);
    }
    return excess;
  }

  /** Tells of the end of a row that is about to be forgotten. */
  #end(table: TableSchema, scope: Scope, stored: StoredRow): Seq {
    const { batch, seqs } = this.#options;
    const before = versionFor(table, stored);
    const after = { seq: seqs.next(), deleted: true, cells: before.cells };
    batch.changes.push({ table, scope, before, after });
    return after.seq;
  }

  /** A cursor below `floor` missed the end of the row, and could not learn of it any more. */
  #forget(
    table: TableSchema,
    scope: Scope,
    { stored, floor }: { readonly stored: StoredRow; readonly floor: Seq },
  ): void {
    const { batch, rows, floors } = this.#options;
    const before = rows.floor(table.id);
    this.#backend(table).delete(table, scope, versionFor(table, stored).cells[table.keyIndex] ?? null);
    if (floor > rows.floor(table.id)) batch.changeStream({ kind: "floor", table: table.id, floor });
    if (isInFile(table) && rows.floor(table.id) > before) floors.put(table.id, rows.floor(table.id));
  }

  /** Of a table that was created: nothing of it is forgotten yet, and a persisted one must know that after a restart too. */
  begin(table: TableSchema): void {
    if (!isInFile(table) || table.createdAtSeq === undefined) return;
    this.#options.batch.changeStream({ kind: "floor", table: table.id, floor: table.createdAtSeq });
    this.#options.floors.put(table.id, table.createdAtSeq);
  }

  /** Of a table that is dropped. */
  forgetFloor(table: TableSchema): void {
    this.#options.floors.drop(table.id);
  }

  #backend(table: TableSchema): RowBackend {
    return isInFile(table) ? this.#persisted : this.#memory;
  }
}
