// Counts, sums and extremes of the newest flushed rows of a scope, by groups, from decoded columns: no row is made. Exact or nothing: what is not, and more groups
// than are worth holding, is left to SQLite.
import { assert } from "../../base/errors.ts";
import type { TableSchema } from "../../model/schema.ts";
import { TYPES } from "../../model/types.ts";
import { type ColumnTotal, columnTotal } from "./column-totals.ts";
import type { ColumnVector } from "./column-vector.ts";
import { addCounts, RowGroups } from "./row-groups.ts";
import { type ScanChunk, type ScanOutcome, type ScopeScan, scanScope } from "./scope-scan.ts";
import type { ColumnTotalOf, SummaryRow } from "./scope-summary.ts";
import { type SegmentCache, typeAt } from "./segment-cache.ts";

export interface ScopeGroups extends Omit<ScopeScan, "places" | "top" | "includeDeleted"> {
  /** Places of the columns that rows are grouped by; without any, all rows are one group. */
  readonly groups: readonly number[];
  readonly columns: readonly ColumnTotalOf[];
}

export interface GroupedRows {
  readonly rows: readonly SummaryRow[];
  readonly outcome: ScanOutcome;
}

/** Each is a key in a map and a row in SQLite; beyond, SQLite's own sorting costs no more. */
const MAX_GROUPS = 50_000;

/** Rows: the number of rows of a group, the values it is grouped by, then one for each column asked for. Undefined when they would not be exact. */
export async function groupScope(query: ScopeGroups, cache: SegmentCache): Promise<GroupedRows | undefined> {
  if (!query.columns.every((column) => isExact(query.schema, column))) return undefined;
  const table = new GroupTable(query);
  const scan = { ...query, places: table.places, includeDeleted: false, top: undefined };
  const outcome = await scanScope(scan, cache, (chunk) => table.add(chunk));
  const rows = table.rows();
  return rows === undefined ? undefined : { rows, outcome };
}

/** Of zero and its negative, either may be the extreme of doubles. */
function isExact(schema: TableSchema, { kind, column }: ColumnTotalOf): boolean {
  const { sqlite } = TYPES[typeAt(schema, column).kind];
  return kind === "count" || sqlite === "INTEGER" || (sqlite === "TEXT" && kind !== "sum");
}

class GroupTable {
  readonly places: readonly number[];
  readonly #groups: RowGroups;
  readonly #counts: number[] = [];
  readonly #columns: readonly { readonly place: number; readonly total: ColumnTotal }[];
  #isTooLarge = false;

  constructor({ groups, columns }: Pick<ScopeGroups, "groups" | "columns">) {
    this.places = [...new Set([...groups, ...columns.map(({ column }) => column)])];
    this.#groups = new RowGroups(groups);
    this.#columns = columns.map(({ kind, column }) => ({ place: column, total: columnTotal(kind) }));
  }

  add({ vectors, positions }: ScanChunk): void {
    if (this.#isTooLarge) return;
    const vectorOf = (place: number): ColumnVector => {
      const vector = vectors[this.places.indexOf(place)];
      assert(vector !== undefined, "a column asked for is read");
      return vector;
    };
    if (this.#columns.length === 0) {
      this.#groups.count(positions, vectorOf, this.#counts);
      this.#isTooLarge = this.#groups.size > MAX_GROUPS || !this.#groups.isWithinBounds;
      return;
    }
    const groups = this.#groups.groupsOf(positions, vectorOf);
    this.#isTooLarge = this.#groups.size > MAX_GROUPS || !this.#groups.isWithinBounds;
    if (this.#isTooLarge) return;
    addCounts(this.#counts, groups);
    for (const { place, total } of this.#columns) total.add(vectorOf(place), positions, groups);
  }

  rows(): readonly SummaryRow[] | undefined {
    if (this.#isTooLarge) return undefined;
    const rows: SummaryRow[] = [];
    for (const [group, count] of this.#counts.entries()) {
      const totals = this.#columns.map(({ total }) => total.of(group));
      if (!totals.every((total) => total !== undefined)) return undefined;
      rows.push([count, ...this.#groups.valuesOf(group), ...totals]);
    }
    return rows;
  }
}
