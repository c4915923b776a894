// Where a SELECT runs. A point plan whose keys are all in the buffer (or whose scope was never flushed) is answered on the main thread; everything else goes
// to a query process, which can be killed.
import { assert } from "../base/errors.ts";
import { type Scope, type Seq, SHARED_SCOPE, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { Cell, SqliteValue } from "../model/sql-type.ts";
import { cellFromSqlite, cellToJson } from "../model/types.ts";
import { slotsToSqlite } from "../sql/bind/slots.ts";
import { keyLookupPlan } from "../sql/key-lookup.ts";
import type { QueryPlan, RelationUse, ValueSource } from "../sql/plan.ts";
import { hotRelation } from "../storage/hot/relation.ts";
import type { CatalogView, PointReader, RowTx } from "../storage/seams.ts";
import { keyText } from "./write.ts";

/** A plan with the values of one call, one for each slot. */
export interface BoundQuery {
  readonly plan: QueryPlan;
  readonly slots: readonly Cell[];
  /** As cells: rows beyond it are counted and not handed over. */
  readonly maxRows?: number;
  /** Inside a transaction: what it has written, which the query shall see and nobody else can. */
  readonly own?: OwnRows;
  /** Whether the rows may be read of tables that have another definition by now; otherwise that rejects with StaleRead. */
  readonly isAnyVersion?: boolean;
}

/** Rows that an open transaction has written, the newest version of each key, ends of rows included. */
export interface OwnRows {
  versions(table: TableSchema, scope: Scope): readonly RowVersion[];
  /** Whether the `_seq` is one that such a row will not keep. */
  isProvisional(seq: Seq): boolean;
}

export interface RowsText {
  /** `[[…],[…]]`, cells as wire.md encodes them. */
  readonly rowsJson: string;
  readonly rowCount: number;
}

export interface RowsCells {
  readonly rows: readonly (readonly Cell[])[];
  readonly rowCount: number;
  /** Last committed position when the rows were read. */
  readonly position: Seq;
}

/** The pool of query processes, as the engine sees it. */
export interface QueryRunner {
  json(query: BoundQuery, signal: AbortSignal | undefined): Promise<RowsText>;
  cells(query: BoundQuery, signal: AbortSignal | undefined): Promise<RowsCells>;
  /** How the flushed rows are had, table by table: by statistics alone, or (`analyze`) by running the query. */
  explain(query: BoundQuery, options: ExplainOptions): Promise<Explained>;
  /** Forgets what is kept of flushed rows, and says how much there was. */
  clearCaches(): Promise<{ readonly columns: number; readonly tables: number }>;
}

export interface ExplainOptions {
  readonly analyze: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Of the flushed rows of one table. */
export interface FlushedRead {
  readonly segments: number;
  readonly segmentsRead: number;
  readonly rowGroups: number;
  readonly rowGroupsRead: number;
  /** Newest versions that the query was given. */
  readonly rows: number;
  /** What was made of them: rows, counts and extremes of columns, or nothing as metadata says it all. */
  readonly by: "rows" | "columns" | "metadata";
  /** A query before had them loaded. */
  readonly isCached: boolean;
  /** Names of the buffer's indexes that are used. */
  readonly indexes: readonly string[];
  /** As text, for people. */
  readonly conditions: readonly string[];
}

export interface Explained {
  readonly rowCount: number;
  /** In the order of the plan's tables; system views and STREAM tables have none. */
  readonly reads: readonly FlushedRead[];
}

export interface ReadDeps {
  readonly catalog: CatalogView;
  readonly reader: Pick<PointReader, "get" | "all">;
  readonly queries: QueryRunner;
}

/** Buffered rows and catalog as the open transaction sees them. */
export function readsInside(tx: RowTx): Pick<ReadDeps, "catalog" | "reader"> {
  return {
    catalog: tx.catalog,
    reader: { get: (table, scope, key) => tx.get(table, scope, key), all: (sql, values) => tx.all(sql, values) },
  };
}

/** What a query by keys finds in the buffer. */
export function bufferedRows(
  query: BoundQuery,
  { table, scope }: PointTarget,
  { catalog, reader }: Pick<ReadDeps, "catalog" | "reader">,
): SqliteValue[][] {
  const values = slotValues(query);
  const startsAt = catalog.historyStartsAt(table.id, scope);
  if (startsAt === 0n) return reader.all(hotSql(query.plan), values);
  return reader.all(hotSql(query.plan, `?${values.length + 1}`), [...values, startsAt]);
}

/** SQLite text of a plan over buffered rows alone. The scope is bound by the same slot the plan names; `startsAt`: see `HotRelation`. */
function hotSql(plan: QueryPlan, startsAt?: string): string {
  return plan.sql
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const use = plan.relations[piece];
      assert(use !== undefined && use.kind !== "systemView", "a point plan reads one table");
      return hotRelation({
        schema: use.schema,
        scopeParameter: scopeParameter(use),
        includeDeleted: use.includeDeleted,
        startsAt,
      });
    })
    .join("");
}

function scopeParameter(use: RelationUse): string | undefined {
  return use.kind === "userTable" ? `?${use.scopeSlot + 1}` : undefined;
}

export function slotValues(query: BoundQuery): SqliteValue[] {
  return slotsToSqlite(query.plan.slots, query.slots);
}

export function scopeOf(use: RelationUse, slots: readonly Cell[]): Scope {
  if (use.kind !== "userTable") return SHARED_SCOPE;
  const user = slots[use.scopeSlot];
  assert(typeof user === "string" && user !== "", "a USER table is read with its owner's id");
  return user as Scope;
}

export function sourceValue(source: ValueSource, slots: readonly Cell[]): Cell {
  return source.kind === "constant" ? source.value : (slots[source.slot] ?? null);
}

/** What a query by primary key reads. */
export interface PointTarget {
  readonly table: TableSchema;
  readonly scope: Scope;
  readonly keys: readonly Cell[];
}

/** Values beside the columns and their new values that a read on the main thread may compute; a query process bounds what the rest may take. */
const MAX_COMPUTED_COLUMNS = 16;

/** Undefined unless the query's rows are bound by keys of the one table it reads, and few values are made of each. */
export function pointTarget({ plan, slots }: BoundQuery): PointTarget | undefined {
  const [use] = plan.relations;
  if (plan.strategy.kind !== "point" || plan.relations.length !== 1) return undefined;
  if (use === undefined || use.kind === "systemView") return undefined;
  // The rows of a STREAM table are in no buffer that SQL text could read.
  if (use.schema.kind === "stream") return undefined;
  if (plan.output.length > 2 * use.schema.columns.length + MAX_COMPUTED_COLUMNS) return undefined;
  const keys = plan.strategy.keys.map((key) => sourceValue(key, slots));
  return { table: use.schema, scope: scopeOf(use, slots), keys };
}

/** False when Parquet might hold a part of the answer. */
export function isBuffered({ table, scope, keys }: PointTarget, deps: Pick<ReadDeps, "catalog" | "reader">): boolean {
  if (deps.catalog.segmentsVersion(table.id, scope) === 0) return true;
  return keys.every((key) => deps.reader.get(table, scope, key) !== undefined);
}

export function cellsOf(plan: QueryPlan, values: readonly SqliteValue[]): Cell[] {
  return plan.output.map((column, index) => cellFromSqlite(values[index] ?? null, column.type));
}

/** The rows when the buffer alone holds the answer; undefined when a query process has to be asked. */
export function readBuffered(query: BoundQuery, deps: Pick<ReadDeps, "catalog" | "reader">): RowsText | undefined {
  const target = pointTarget(query);
  if (target === undefined || !isBuffered(target, deps)) return undefined;
  const rows = bufferedRows(query, target, deps);
  const cells = rows.map((row) => cellsOf(query.plan, row));
  return { rowsJson: rowsToJson(query.plan, cells), rowCount: rows.length };
}

export function rowsToJson(plan: { readonly output: QueryPlan["output"] }, rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map(
    (row) => `[${plan.output.map((column, i) => cellToJson(row[i] ?? null, column.type)).join(",")}]`,
  );
  return `[${texts.join(",")}]`;
}

const KEYS_PER_LOOKUP = 500;

/** Newest versions of keys in a scope, tombstones included, by key text. */
export async function lookUpKeys(
  target: { readonly table: TableSchema; readonly scope: Scope },
  keys: readonly Cell[],
  queries: QueryRunner,
): Promise<Map<string, RowVersion>> {
  const found = new Map<string, RowVersion>();
  for (let start = 0; start < keys.length; start += KEYS_PER_LOOKUP) {
    const some = keys.slice(start, start + KEYS_PER_LOOKUP);
    const plan = keyLookupPlan(target.table, some.length);
    const slots = target.table.kind === "shared" ? some : [...some, target.scope];
    const { rows } = await queries.cells({ plan, slots }, undefined);
    for (const row of rows) {
      const version = versionOf(row);
      found.set(keyText(version.cells[target.table.keyIndex] ?? null), version);
    }
  }
  return found;
}

/** A row of `_seq`, `_deleted`, columns. */
export function versionOf(row: readonly Cell[]): RowVersion {
  const [seq, deleted, ...cells] = row;
  assert(typeof seq === "bigint" && typeof deleted === "boolean", "a version row starts with _seq and _deleted");
  return { seq: seqOf(seq), deleted, cells };
}
