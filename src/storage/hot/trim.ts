// The statements that remove leftovers, a few rows at a time, and the one that counts what a segment takes out of the buffer.
import type { Database } from "bun:sqlite";
import { assert } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { CatalogTransaction } from "../catalog/catalog-transaction.ts";
import type { CatalogView } from "../seams.ts";
import type { Leftover, TrimStep } from "./leftovers.ts";
import { hotTableName, isScopedByUser } from "./relation.ts";
import type { StatementCache } from "./statement-cache.ts";

interface Range {
  readonly table: TableSchema;
  readonly scope: Scope;
  /** Exclusive. */
  readonly after: Seq;
  readonly upTo: Seq;
}

/**
 * Versions of the scope in the range. Of a USER table the plus signs make the planner search by user instead of walking every row of the range; all of the user's
 * index entries are read, 0.06 µs each.
 */
export function bufferedUpTo(statements: StatementCache, { table, scope, after, upTo }: Range): number {
  const from = `SELECT count(*) FROM ${hotTableName(table)}`;
  const [row] = isScopedByUser(table.kind)
    ? statements.all(`${from} WHERE _user = ?1 AND +_seq > ?2 AND +_seq <= ?3`, [scope, after, upTo])
    : statements.all(`${from} WHERE _seq > ?1 AND _seq <= ?2`, [after, upTo]);
  return Number(row?.[0] ?? 0);
}

interface Held {
  readonly statements: StatementCache;
  readonly view: CatalogView;
}

/** Whether the scope has a version above the position, buffered or flushed. Looks at what anybody wrote to the table since then. */
export function isWrittenAfter({ statements, view }: Held, { table, scope, after }: Omit<Range, "upTo">): boolean {
  if (view.flushedUpTo(table.id, scope) > after) return true;
  const from = `SELECT 1 FROM ${hotTableName(table)} WHERE _seq > ?1`;
  const rows = isScopedByUser(table.kind)
    ? statements.all(`${from} AND +_user = ?2 LIMIT 1`, [after, scope])
    : statements.all(`${from} LIMIT 1`, [after]);
  return rows.length > 0;
}

/** Whether there is a version of a user's, buffered or flushed. */
export function holdsAny({ statements, view }: Held, table: TableSchema, scope: Scope): boolean {
  if (view.segments(table.id, scope).length > 0) return true;
  const from = `SELECT 1 FROM ${hotTableName(table)} WHERE _user = ?1 AND +_seq > ?2 LIMIT 1`;
  return statements.all(from, [scope, view.flushedUpTo(table.id, scope)]).length > 0;
}

export interface TrimFlushed {
  readonly db: Database;
  readonly statements: StatementCache;
  readonly table: TableSchema;
  readonly leftover: Extract<Leftover, { kind: "flushed" }>;
  readonly upTo: Seq;
  readonly maxRows: number;
}

/** Looks at the scope's next rows and removes those that its segments hold. */
export function trimFlushed(work: TrimFlushed): TrimStep {
  const { db, table, leftover, upTo, maxRows } = work;
  const rows = nextRows(work);
  using remove = db.prepare<never, [bigint]>(`DELETE FROM ${hotTableName(table)} WHERE _seq = ?1`);
  for (const [seq] of rows) {
    assert(typeof seq === "bigint", "_seq is read as bigint");
    if (seq <= upTo) remove.run(seq);
  }
  const last = rows.at(-1);
  const isEnd = last === undefined || rows.length < maxRows;
  return { rest: isEnd ? undefined : { ...leftover, after: last[1] }, rows: rows.length };
}

/**
 * Position and key. A USER table is walked by key, which its index holds by user: newer versions lie between the leftovers, and `after` keeps the walk from passing
 * them again. Of a SHARED table the leftovers are its first rows.
 */
function nextRows({ statements, table, leftover, upTo, maxRows }: TrimFlushed): SqliteValue[][] {
  const name = hotTableName(table);
  const key = `c${keyColumn(table).id}`;
  if (!isScopedByUser(table.kind)) {
    return statements.all(`SELECT _seq, ${key} FROM ${name} WHERE _seq <= ?1 ORDER BY _seq LIMIT ?2`, [upTo, maxRows]);
  }
  const { scope, after } = leftover;
  const from = `SELECT _seq, ${key} FROM ${name} WHERE _user = ?1`;
  return after === undefined
    ? statements.all(`${from} ORDER BY ${key} LIMIT ?2`, [scope, maxRows])
    : statements.all(`${from} AND ${key} > ?3 ORDER BY ${key} LIMIT ?2`, [scope, maxRows, after]);
}

export interface TrimDropped {
  readonly db: Database;
  readonly catalog: CatalogTransaction;
  readonly leftover: Extract<Leftover, { kind: "dropped" }>;
  readonly maxRows: number;
}

/** Rows first, then the rows of its segments, then the table: what is still there at a start says that there is more to do. */
export function trimDropped({ db, catalog, leftover, maxRows }: TrimDropped): TrimStep {
  const name = hotTableName({ id: leftover.table });
  const { changes } = db.run(`DELETE FROM ${name} WHERE _seq IN (SELECT _seq FROM ${name} ORDER BY _seq LIMIT ?1)`, [
    maxRows,
  ]);
  if (changes > 0) return { rest: leftover, rows: changes };
  const segments = catalog.deleteSegmentsOfDropped(leftover.table, maxRows);
  if (segments > 0) return { rest: leftover, rows: segments };
  db.run(`DROP TABLE ${name}`);
  return { rest: undefined, rows: 0 };
}
