// Committed point reads on the main thread, over a read-only connection of their own: the open batch of the writer is never visible here.
import type { Database } from "bun:sqlite";
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import type { CatalogView, PointReader, ScopedVersion } from "../seams.ts";
import { RowStatements } from "./row-statements.ts";
import { StatementCache } from "./statement-cache.ts";
import { toStorageError } from "./storage-error.ts";

const MAX_STATEMENTS = 500;

export class HotPointReader implements PointReader {
  readonly #rows: RowStatements;
  readonly #statements: StatementCache;

  readonly #catalog: Pick<CatalogView, "flushedUpTo">;

  /** `catalog`: the committed one. */
  constructor(db: Database, catalog: Pick<CatalogView, "flushedUpTo">) {
    this.#catalog = catalog;
    this.#rows = new RowStatements(db);
    this.#statements = new StatementCache(db, { capacity: MAX_STATEMENTS, safeIntegers: false });
  }

  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const version = guarded(() => this.#rows.get(table, scope, key));
    // One that a segment holds may go at any moment, without any change that a caller could notice: it counts as gone.
    return version !== undefined && version.seq > this.#catalog.flushedUpTo(table.id, scope) ? version : undefined;
  }

  newest(table: TableSchema, bounds: { readonly upTo: Seq; readonly limit: number }): readonly ScopedVersion[] {
    return guarded(() => this.#rows.newest(table, bounds));
  }

  all(sql: string, values: readonly SqliteValue[]): SqliteValue[][] {
    return guarded(() => this.#statements.all(sql, values));
  }
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toStorageError(error);
  }
}
