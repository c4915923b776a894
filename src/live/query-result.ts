// The rows of a query that is run again: what they were at one position, and what became of them by another.
import { type Seq, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { Page } from "./delivery.ts";
import type { Read } from "./page-reader.ts";
import type { RowPage } from "./ports.ts";
import { rowKey } from "./row-key.ts";

export interface QueryResult {
  readonly position: Seq;
  /** In `_seq` order. */
  readonly rows: readonly RowVersion[];
  readonly byKey: ReadonlyMap<unknown, RowVersion>;
}

export function toQueryResult(table: TableSchema, { rows, position }: RowPage): QueryResult {
  return { position, rows, byKey: new Map(rows.map((row) => [rowKey(row, table.keyIndex), row])) };
}

/** Rows that left first, then those that changed or came, in `_seq` order. */
export function difference(from: QueryResult, to: QueryResult): readonly RowChange[] {
  const changes: RowChange[] = [];
  for (const [key, before] of from.byKey) {
    if (!to.byKey.has(key)) changes.push({ kind: "delete", before, seq: to.position });
  }
  for (const [key, after] of to.byKey) {
    const old = from.byKey.get(key);
    if (old === undefined) changes.push({ kind: "insert", after });
    else if (old.seq !== after.seq) changes.push({ kind: "update", before: old, after });
  }
  return changes;
}

/** A page of a result, as a read of the store at its position would give it. */
export function resultPage({ rows, position }: QueryResult, { from, after, limit }: Read): Page {
  if (from === "lastRowsStart") return { entries: [], position, after: seqOf((rows.at(-limit)?.seq ?? 1n) - 1n) };
  const found = from === "lastRows" ? rows.slice(-limit) : rows.filter((row) => row.seq > after).slice(0, limit);
  return { entries: found.map((version) => ({ version, matches: true })), position };
}
