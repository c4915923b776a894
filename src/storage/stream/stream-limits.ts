// The bounds of STREAM tables, and how long a row is there.
import { seqTimeMs } from "../../base/seq.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";

export interface StreamLimits {
  /** Of one user in one table. At either bound the oldest row makes place for the new one. */
  readonly rowsPerUser: number;
  readonly bytesPerUser: number;
  /** Of all tables. At the bound an INSERT is refused with STORAGE_FULL. */
  readonly totalBytes: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  rowsPerUser: 5_000,
  bytesPerUser: 4 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
};

/** A client that was away for less than this learns of every row that ended, however short the table's window. */
const SHORTEST_MEMORY_MS = 60_000;
const DEFAULT_TTL_SECONDS = 86_400;

function windowMs(table: TableSchema): number {
  return (table.options.ttlSeconds ?? DEFAULT_TTL_SECONDS) * 1000;
}

/** When a live row ends, or a tombstone is forgotten. */
export function endsAtMs(table: TableSchema, { seq, deleted }: Pick<RowVersion, "seq" | "deleted">): number {
  const window = windowMs(table);
  return seqTimeMs(seq) + (deleted ? Math.max(window, SHORTEST_MEMORY_MS) : window);
}

export function isExpired(table: TableSchema, version: Pick<RowVersion, "seq" | "deleted">, nowMs: number): boolean {
  return endsAtMs(table, version) <= nowMs;
}
