// Indexes of large buffers: built and removed by a process of its own while the writer pauses. SQLite has one writer for a file, so writes wait for the process; the
// loop, and everything that only reads, does not.
import type { Database } from "bun:sqlite";
import { assert, DbError } from "../../base/errors.ts";
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

/** Writes wait no longer: an index that takes more is not built. */
const MAX_PAUSE_MS = 5_000;

export interface IndexBuilderOptions {
  readonly db: Database;
  readonly path: string;
  readonly catalog: Pick<CatalogView, "tables" | "tableById">;
  readonly whileIdle: GroupCommitWriter["whileIdle"];
  readonly start: StartIndexProcess | undefined;
  readonly log: Log;
  readonly maxPauseMs?: number | undefined;
}

export function createIndexBuilder(options: IndexBuilderOptions): IndexBuilder {
  const { db, path, catalog, whileIdle, log, maxPauseMs = MAX_PAUSE_MS } = options;
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
        await withinPause(signal, maxPauseMs, (both) => process.run(hotIndexStatements(table, index), both));
      });
    },
    async sweep() {
      if (unnamedIndexes(db, catalog.tables()).length === 0) return;
      try {
        await using process = await start();
        const statements = (): readonly string[] => unnamedIndexes(db, catalog.tables()).map(dropHotIndexDdl);
        await whileIdle((signal) => withinPause(signal, maxPauseMs, (both) => process.run(statements(), both)));
      } catch (error) {
        log.warn("an index that was dropped is still in the data file", { error: errorText(error) });
      }
    },
  };
}

async function withinPause(
  signal: AbortSignal,
  maxPauseMs: number,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const deadline = AbortSignal.timeout(maxPauseMs);
  try {
    await run(AbortSignal.any([signal, deadline]));
  } catch (cause) {
    if (signal.aborted || !deadline.aborted) throw cause;
    throw new DbError("STATEMENT_TIMEOUT", `The index would hold up writes for more than ${maxPauseMs} ms`, {
      cause,
      hint: "Run STORAGE FLUSH TABLE first: only buffered rows are indexed.",
    });
  }
}
