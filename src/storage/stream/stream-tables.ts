// STREAM tables as the rest of the program sees them: committed rows that are still within their window, and the clockwork that ends them.
import type { Clock } from "../../base/clock.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { CatalogView, StreamView, Writer } from "../seams.ts";
import type { DueRows, StreamExpiry } from "./stream-expiry.ts";
import { isExpired } from "./stream-limits.ts";
import { type StreamRows, versionFor } from "./stream-rows.ts";

export interface StreamTablesOptions {
  readonly committed: StreamRows;
  readonly expiry: StreamExpiry;
  readonly catalog: CatalogView;
  readonly writer: Writer;
  readonly clock: Clock;
  /** What all tables may take. */
  readonly totalBytes: number;
}

type Step = (work: () => void) => void;

/** Rows that end in one turn of the writer. */
const ROWS_AT_ONCE = 500;

export function createStreamTables(options: StreamTablesOptions): StreamView {
  const { committed, expiry, catalog, writer, clock, totalBytes } = options;
  const next = (what: "live" | "ended"): { readonly table: TableSchema; readonly due: DueRows } | undefined => {
    const limits = { nowMs: clock.nowMs(), limit: ROWS_AT_ONCE };
    for (const table of catalog.tables()) {
      const due = table.kind === "stream" ? expiry.due(table, what, limits) : undefined;
      if (due !== undefined) return { table, due };
    }
    return undefined;
  };
  /** How many rows were done away with; 0: none is due. */
  const end = async (what: "live" | "ended", step: Step = (work) => work()): Promise<number> => {
    const found = next(what);
    if (found === undefined) return 0;
    const { table, due } = found;
    const { value: isDone } = await writer.submit((tx) => {
      // Altered or dropped in this very transaction: changes are made under the version that subscribers know.
      if (tx.catalog.tableById(table.id)?.version !== table.version) return false;
      step(() => tx.expireStreamRows(table, due.rows));
      return true;
    });
    if (isDone) due.done();
    return due.rows.length;
  };
  return {
    versions(table, scope) {
      const nowMs = clock.nowMs();
      const versions: RowVersion[] = [];
      for (const [, stored] of committed.all(table.id, scope)) {
        if (!isExpired(table, stored.version, nowMs)) versions.push(versionFor(table, stored));
      }
      return versions;
    },
    floor: (table) => committed.floor(table.id),
    rowCount: (table) => committed.rowCount(table.id),
    async expire() {
      while ((await end("live")) > 0);
      // Otherwise they have time.
      if (committed.bytes > totalBytes / 2) while ((await end("ended")) > 0);
    },
    hasForgettable: () => next("ended") !== undefined,
    forget: (step) => end("ended", step),
  };
}
