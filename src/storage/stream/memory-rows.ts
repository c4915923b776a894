// The backend of STREAM tables: rows in memory, changed through the open batch, which knows how to take a change back.
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import type { RowBackend, ScanRange } from "../backend/row-backend.ts";
import type { Batch } from "../hot/batch.ts";
import { type StreamRows, sizeOfRow, versionFor } from "./stream-rows.ts";

export interface MemoryRowsOptions {
  /** The writer's own. */
  readonly rows: StreamRows;
  readonly batch: Batch;
}

export class MemoryRows implements RowBackend {
  readonly #options: MemoryRowsOptions;

  constructor(options: MemoryRowsOptions) {
    this.#options = options;
  }

  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const stored = this.#options.rows.get(table.id, scope, keyText(key));
    return stored === undefined ? undefined : versionFor(table, stored);
  }

  put(table: TableSchema, scope: Scope, version: RowVersion): boolean {
    const { rows, batch } = this.#options;
    const key = keyText(version.cells[table.keyIndex] ?? null);
    const isNew = rows.get(table.id, scope, key) === undefined;
    const row = { version, table, bytes: sizeOfRow(version.cells) };
    batch.changeStream({ kind: "row", table: table.id, scope, key, row, floor: undefined });
    return isNew;
  }

  replace(table: TableSchema, scope: Scope, replaced: Seq, version: RowVersion): boolean {
    const key = version.cells[table.keyIndex] ?? null;
    if (this.get(table, scope, key)?.seq !== replaced) return false;
    this.put(table, scope, version);
    return true;
  }

  /** A cursor below the version that is forgotten missed it, and could not learn of it any more. */
  delete(table: TableSchema, scope: Scope, key: Cell): boolean {
    const { rows, batch } = this.#options;
    const text = keyText(key);
    const stored = rows.get(table.id, scope, text);
    if (stored === undefined) return false;
    const before = rows.floor(table.id);
    const floor = before > stored.version.seq ? before : stored.version.seq;
    batch.changeStream({ kind: "row", table: table.id, scope, key: text, row: undefined, floor });
    return true;
  }

  scan(table: TableSchema, scope: Scope, { after, limit }: ScanRange): RowVersion[] {
    const versions: RowVersion[] = [];
    for (const [, stored] of this.#options.rows.all(table.id, scope)) {
      if (versions.length >= limit) break;
      if (stored.version.seq > after) versions.push(versionFor(table, stored));
    }
    return versions;
  }

  batch<T>(work: () => T): T {
    const { batch } = this.#options;
    const mark = batch.mark();
    try {
      return work();
    } catch (error) {
      batch.rollBackTo(mark);
      throw error;
    }
  }
}

/** Two keys of one table have the same text exactly when they are equal. */
export function keyText(key: Cell): string {
  return String(key);
}
