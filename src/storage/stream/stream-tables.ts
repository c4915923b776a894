// STREAM tables as the rest of the program sees them: committed rows that are still within their window, and the clockwork that ends them.
import type { Clock } from "../../base/clock.ts";
import type { RowVersion } from "../../model/change.ts";
import type { CatalogView, StreamView, Writer } from "../seams.ts";
import type { StreamExpiry } from "./stream-expiry.ts";
import { isExpired } from "./stream-limits.ts";
import { type StreamRows, versionFor } from "./stream-rows.ts";

export interface StreamTablesOptions {
  readonly committed: StreamRows;
  readonly expiry: StreamExpiry;
  readonly catalog: CatalogView;
  readonly writer: Writer;
  readonly clock: Clock;
}

/** Rows that end in one turn of the writer. */
const ROWS_AT_ONCE = 500;

export function createStreamTables({ committed, expiry, catalog, writer, clock }: StreamTablesOptions): StreamView {
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
      for (const { id, kind } of catalog.tables()) {
        if (kind !== "stream") continue;
        for (;;) {
          const table = catalog.tableById(id);
          const due = table && expiry.due(table, clock.nowMs(), ROWS_AT_ONCE);
          if (due === undefined) break;
          const { value: isDone } = await writer.submit((tx) => {
            // Altered or dropped in this very transaction: changes are made under the version that subscribers know.
            if (tx.catalog.tableById(id)?.version !== table?.version) return false;
            if (table !== undefined) tx.expireStreamRows(table, due.rows);
            return true;
          });
          if (isDone) due.done();
        }
      }
    },
  };
}
