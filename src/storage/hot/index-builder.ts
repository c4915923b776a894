// Indexes of large buffers: built and removed by a process of its own while the writer pauses. SQLite has one writer for a file, so writes wait for the process; the
// loop, and everything that only reads, does not.
import type { Database } from "bun:sqlite";
import { assert } from "../../base/errors.ts";
import { errorText, type Log } from "../../base/log.ts";
import type { TableIndex, TableSchema } from "../../model/schema.ts";
import type { CatalogView } from "../seams.ts";
import type { GroupCommitWriter } from "./group-commit.ts";
import { dropHotIndexDdl, hotIndexStatements, unnamedIndexes } from "./hot-index.ts";

/** Has the data file open and waits. */
export interface IndexProcess extends AsyncDisposable {
  /** In one transaction. An abort ends the process, and with it what is not committed. */
  run(statements: readonly string[], signal: AbortSignal): Promise<void>;
}

export type StartIndexProcess = (databasePath: string) => Promise<IndexProcess>;

export interface IndexBuilder {
  /** Resolves when the file has the index. The catalog is the caller's to change. */
  build(table: TableSchema, index: TableIndex): Promise<void>;
  /** Removes from the file what the catalog names no more. What fails is found again at the next open. */
  sweep(): Promise<void>;
}

export interface IndexBuilderOptions {
  readonly db: Database;
  readonly path: string;
  readonly catalog: Pick<CatalogView, "tables" | "tableById">;
  readonly whileIdle: GroupCommitWriter["whileIdle"];
  readonly start: StartIndexProcess | undefined;
  readonly log: Log;
}

export function createIndexBuilder(options: IndexBuilderOptions): IndexBuilder {
  const { db, path, catalog, whileIdle, log } = options;
  const start = (): Promise<IndexProcess> => {
    assert(options.start !== undefined, "the store was opened without a way to start an index process");
    return options.start(path);
  };
  return {
    async build(table, index) {
      // Started before the writer pauses: that takes longer than many an index.
      await using process = await start();
      await whileIdle(async (signal) => {
        if (catalog.tableById(table.id) === undefined) return;
        await process.run(hotIndexStatements(table, index), signal);
      });
    },
    async sweep() {
      if (unnamedIndexes(db, catalog.tables()).length === 0) return;
      try {
        await using process = await start();
        await whileIdle((signal) => process.run(unnamedIndexes(db, catalog.tables()).map(dropHotIndexDdl), signal));
      } catch (error) {
        log.warn("an index that was dropped is still in the data file", { error: errorText(error) });
      }
    },
  };
}
