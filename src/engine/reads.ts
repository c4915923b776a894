// Where a SELECT runs. A point plan whose keys are all in the buffer (or whose scope was never flushed) is answered on the main thread; everything else goes
// to a query process, which can be killed.
import { assert } from "../base/errors.ts";
import { type Scope, type Seq, SHARED_SCOPE, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { Cell, SqliteValue } from "../model/sql-type.ts";
import { cellFromSqlite, cellToJson, cellToSqlite } from "../model/types.ts";
import { keyLookupPlan } from "../sql/key-lookup.ts";
import type { QueryPlan, RelationUse, ValueSource } from "../sql/plan.ts";
import { hotRelation } from "../storage/hot/relation.ts";
import type { CatalogView, PointReader } from "../storage/seams.ts";
import { keyText } from "./write.ts";

/** A plan with the values of one call, one for each slot. */
export interface BoundQuery {
  readonly plan: QueryPlan;
  readonly slots: readonly Cell[];
}

export interface RowsText {
  /** `[[…],[…]]`, cells as wire.md encodes them. */
  readonly rowsJson: string;
  readonly rowCount: number;
}

export interface RowsCells {
  readonly rows: readonly (readonly Cell[])[];
  /** Last committed position when the rows were read. */
  readonly position: Seq;
}

/** The pool of query processes, as the engine sees it. */
export interface QueryRunner {
  json(query: BoundQuery, signal: AbortSignal | undefined): Promise<RowsText>;
  cells(query: BoundQuery, signal: AbortSignal | undefined): Promise<RowsCells>;
}

export interface ReadDeps {
  readonly catalog: CatalogView;
  readonly reader: PointReader;
  readonly queries: QueryRunner;
}

/** SQLite text of a plan over buffered rows alone. The scope is bound by the same slot the plan names. */
export function hotSql(plan: QueryPlan): string {
  return plan.sql
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const use = plan.relations[piece];
      assert(use !== undefined && use.kind !== "systemView", "a point plan reads one table");
      return hotRelation({
        schema: use.schema,
        scopeParameter: scopeParameter(use),
        includeDeleted: use.includeDeleted,
      });
    })
    .join("");
}

function scopeParameter(use: RelationUse): string | undefined {
  return use.kind === "userTable" ? `?${use.scopeSlot + 1}` : undefined;
}

export function slotValues(query: BoundQuery): SqliteValue[] {
  return query.plan.slots.map((slot, index) => cellToSqlite(query.slots[index] ?? null, slot.type));
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

/** The table, scope and keys of a point plan that buffered rows can answer alone; undefined when Parquet might hold a part of the answer. */
function answerableFromBuffer(query: BoundQuery, deps: ReadDeps): boolean {
  const { plan, slots } = query;
  const use = plan.relations[0];
  if (plan.strategy.kind !== "point" || plan.relations.length !== 1 || use === undefined || use.kind === "systemView")
    return false;
  const scope = scopeOf(use, slots);
  if (deps.catalog.segmentsVersion(use.schema.id, scope) === 0) return true;
  return plan.strategy.keys.every((key) => deps.reader.get(use.schema, scope, sourceValue(key, slots)) !== undefined);
}

export function cellsOf(plan: QueryPlan, values: readonly SqliteValue[]): Cell[] {
  return plan.output.map((column, index) => cellFromSqlite(values[index] ?? null, column.type));
}

/** The rows when the buffer alone holds the answer; undefined when a query process has to be asked. */
export function readBuffered(query: BoundQuery, deps: ReadDeps): RowsText | undefined {
  if (!answerableFromBuffer(query, deps)) return undefined;
  const rows = deps.reader.all(hotSql(query.plan), slotValues(query));
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
