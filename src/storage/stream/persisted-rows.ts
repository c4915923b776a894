// The backend of STREAM tables WITH (PERSISTED = TRUE): every change goes to the data file too, in the transaction that it is made in, and is read from memory as with
// the others. What the file holds is therefore bounded by what memory may hold.
import type { Database } from "bun:sqlite";
import { type Scope, type Seq, seqOf, type TableId, tableIdOf } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import type { RowBackend, ScanRange } from "../backend/row-backend.ts";
import type { ScopedVersion } from "../seams.ts";
import { keyText } from "./memory-rows.ts";
import { type StreamChange, sizeOfRow } from "./stream-rows.ts";

export interface PersistedRowsOptions {
  readonly memory: RowBackend;
  readonly file: RowBackend;
}

export class PersistedRows implements RowBackend {
  readonly #options: PersistedRowsOptions;

  constructor(options: PersistedRowsOptions) {
    this.#options = options;
  }

  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    return this.#options.memory.get(table, scope, key);
  }

  put(table: TableSchema, scope: Scope, version: RowVersion): boolean {
    this.#options.file.put(table, scope, version);
    return this.#options.memory.put(table, scope, version);
  }

  replace(table: TableSchema, scope: Scope, replaced: Seq, version: RowVersion): boolean {
    this.#options.file.replace(table, scope, replaced, version);
    return this.#options.memory.replace(table, scope, replaced, version);
  }

  delete(table: TableSchema, scope: Scope, key: Cell): boolean {
    this.#options.file.delete(table, scope, key);
    return this.#options.memory.delete(table, scope, key);
  }

  scan(table: TableSchema, scope: Scope, range: ScanRange): RowVersion[] {
    return this.#options.memory.scan(table, scope, range);
  }

  batch<T>(work: () => T): T {
    const { file, memory } = this.#options;
    return file.batch(() => memory.batch(work));
  }
}

/** Where ends of rows were forgotten, by table. */
export class StreamFloors {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  load(): ReadonlyMap<TableId, Seq> {
    using statement = this.#db.prepare("SELECT table_id, floor FROM stream_floors").safeIntegers(true);
    return new Map(statement.values().map(([id, floor]) => [tableIdOf(Number(id)), seqOf(BigInt(String(floor)))]));
  }

  put(table: TableId, floor: Seq): void {
    this.#db.run("INSERT INTO stream_floors VALUES (?1, ?2) ON CONFLICT DO UPDATE SET floor = excluded.floor", [
      table,
      floor,
    ]);
  }

  drop(table: TableId): void {
    this.#db.run("DELETE FROM stream_floors WHERE table_id = ?1", [table]);
  }
}

export interface PersistedTable {
  readonly table: TableSchema;
  readonly floor: Seq;
  /** Ascending by `_seq`. */
  readonly rows: Iterable<ScopedVersion>;
}

/** What the last process left, into memory. What ended since the stop is in it and ends now, as anything else that is due. */
export function* persistedChanges({ table, floor, rows }: PersistedTable): Generator<StreamChange> {
  yield { kind: "floor", table: table.id, floor };
  for (const { scope, version } of rows) {
    const row = { version, table, bytes: sizeOfRow(version.cells) };
    const key = keyText(version.cells[table.keyIndex] ?? null);
    yield { kind: "row", table: table.id, scope, key, row, floor: undefined };
  }
}
