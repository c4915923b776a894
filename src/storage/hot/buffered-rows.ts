// Rows of USER and SHARED tables as the works of one batch read and write them: what every version brings with it (a position, a change for those who watch, uses of
// files, the count of buffered rows), and what hides a version that a segment holds.
import { assert } from "../../base/errors.ts";
import { type Scope, SHARED_SCOPE } from "../../base/ids.ts";
import type { SeqGenerator } from "../../base/seq.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import type { RowBackend } from "../backend/row-backend.ts";
import type { FileRecords } from "../files/file-records.ts";
import type { CatalogView } from "../seams.ts";
import type { Batch } from "./batch.ts";
import type { Leftovers } from "./leftovers.ts";
import { isScopedByUser } from "./relation.ts";

export interface BufferedRowsOptions {
  readonly backend: RowBackend;
  readonly batch: Batch;
  readonly view: CatalogView;
  readonly files: FileRecords;
  readonly leftovers: Leftovers;
  readonly seqs: SeqGenerator;
  /** Throws STORAGE_FULL while there is no room for new rows. */
  readonly requireSpace: () => void;
}

type NewVersion = Pick<RowVersion, "cells" | "deleted">;

export class BufferedRows {
  readonly #options: BufferedRowsOptions;

  constructor(options: BufferedRowsOptions) {
    this.#options = options;
  }

  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const version = this.#options.backend.get(table, scope, key);
    return version !== undefined && this.#isFlushed(table, scope, version) ? undefined : version;
  }

  /** Whatever the key has. `before`: the live version of it, wherever that lies. */
  put(
    table: TableSchema,
    scope: Scope,
    { before, ...version }: NewVersion & { readonly before: RowVersion | undefined },
  ): RowVersion {
    const { backend, batch } = this.#options;
    const after = this.#dated(table, scope, version);
    const replacesFlushed = this.#holdsFlushed(table, scope, version.cells[table.keyIndex] ?? null);
    const isNew = backend.put(table, scope, after);
    this.#note(table, scope, { before, after });
    if (isNew || replacesFlushed) batch.count({ kind: "rows", table: table.id, scope, by: 1 });
    return after;
  }

  /** Undefined, and nothing is written: the live version that was found is not in the buffer, or not any more. */
  replace(
    table: TableSchema,
    scope: Scope,
    found: Pick<RowVersion, "seq" | "cells">,
    version: NewVersion,
  ): RowVersion | undefined {
    const before: RowVersion = { seq: found.seq, deleted: false, cells: found.cells };
    if (this.#isFlushed(table, scope, before)) return undefined;
    const after = this.#dated(table, scope, version);
    if (!this.#options.backend.replace(table, scope, before.seq, after)) return undefined;
    this.#note(table, scope, { before, after });
    return after;
  }

  #dated(table: TableSchema, scope: Scope, { cells, deleted }: NewVersion): RowVersion {
    assert(isScopedByUser(table.kind) === (scope !== SHARED_SCOPE), "a row's scope fits its table's kind");
    if (!deleted) this.#options.requireSpace();
    return { seq: this.#options.seqs.next(), deleted, cells };
  }

  #note(
    table: TableSchema,
    scope: Scope,
    { before, after }: { readonly before: RowVersion | undefined; readonly after: RowVersion },
  ): void {
    this.#options.batch.changes.push({ table, scope, before, after });
    this.#options.files.replace(table, scope, { before, after });
  }

  #isFlushed(table: TableSchema, scope: Scope, { seq }: RowVersion): boolean {
    return seq <= this.#options.view.flushedUpTo(table.id, scope);
  }

  /** Whether the key has a version that a segment holds and that has not been removed yet. */
  #holdsFlushed(table: TableSchema, scope: Scope, key: Cell): boolean {
    const { leftovers, backend } = this.#options;
    if (!leftovers.hasFlushed(table.id, scope)) return false;
    const version = backend.get(table, scope, key);
    return version !== undefined && this.#isFlushed(table, scope, version);
  }
}
