// How many versions are buffered, by table and scope: exact, so that flush policies and statistics never count rows. Changed on commit only.
// A version that a segment holds is not buffered, whether or not it has left its table yet.
import type { Database } from "bun:sqlite";
import type { Scope, TableId } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Leftovers } from "./leftovers.ts";
import { hotTableName } from "./relation.ts";

export type CountChange =
  | { readonly kind: "rows"; readonly table: TableId; readonly scope: Scope; readonly by: number }
  | { readonly kind: "scopeEmptied"; readonly table: TableId; readonly scope: Scope }
  | { readonly kind: "tableDropped"; readonly table: TableId };

export class BufferCounts {
  readonly #scopes = new Map<TableId, Map<Scope, number>>();
  readonly #rows = new Map<TableId, number>();

  /** Counts what a file holds, and notes what a stop left to be removed: once, at open. */
  load(db: Database, tables: readonly TableSchema[], leftovers: Leftovers): void {
    for (const table of tables) {
      if (table.kind === "stream") continue;
      using statement = db
        .prepare<{ scope: Scope; rows: number; flushed: number }, [number]>(
          `WITH flushed AS (
             SELECT scope, max(up_to) AS up_to FROM (
               SELECT scope, max_seq AS up_to FROM segments WHERE table_id = ?1
               UNION ALL SELECT scope, starts_at FROM history_starts WHERE table_id = ?1
             ) GROUP BY scope)
           SELECT _user AS scope, count(*) FILTER (WHERE _seq > ifnull(up_to, 0)) AS rows, count(*) FILTER (WHERE _seq <= up_to) AS flushed
           FROM ${hotTableName(table)} LEFT JOIN flushed ON flushed.scope = _user GROUP BY _user`,
        )
        .safeIntegers(false);
      for (const { scope, rows, flushed } of statement.all(table.id)) {
        this.apply({ kind: "rows", table: table.id, scope, by: rows });
        if (flushed > 0) leftovers.addFlushed(table.id, scope);
      }
    }
  }

  rows(table: TableId, scope?: Scope): number {
    return (scope === undefined ? this.#rows.get(table) : this.#scopes.get(table)?.get(scope)) ?? 0;
  }

  scopes(table: TableId): readonly Scope[] {
    return [...(this.#scopes.get(table)?.keys() ?? [])];
  }

  apply(change: CountChange): void {
    if (change.kind === "tableDropped") {
      this.#scopes.delete(change.table);
      this.#rows.delete(change.table);
      return;
    }
    const { table, scope } = change;
    const by = change.kind === "rows" ? change.by : -this.rows(table, scope);
    const scopes = this.#scopes.get(table) ?? new Map<Scope, number>();
    this.#scopes.set(table, scopes);
    const rows = (scopes.get(scope) ?? 0) + by;
    if (rows === 0) scopes.delete(scope);
    else scopes.set(scope, rows);
    this.#rows.set(table, this.rows(table) + by);
  }
}
