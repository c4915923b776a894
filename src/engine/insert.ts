// INSERT: rows are evaluated, checked and given their defaults before anything is written; keys that Parquet may hold are looked up first.
import { DbError } from "../base/errors.ts";
import type { Scope } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import { evaluationRow } from "../model/change.ts";
import { keyColumn, type TableSchema } from "../model/schema.ts";
import type { Cell, SqliteValue } from "../model/sql-type.ts";
import { cellToSqlite } from "../model/types.ts";
import type { InsertPlan, SlotValues } from "../sql/plan.ts";
import { compareSqlite } from "../storage/cold/sqlite-order.ts";
import type { RowTx, Segment } from "../storage/seams.ts";
import { lookUpKeys, type ReadDeps } from "./reads.ts";
import type { Session } from "./session.ts";
import {
  type Application,
  assertFresh,
  type ColdEvidence,
  checkRow,
  duplicateKey,
  keyOf,
  keyText,
  newestVersion,
  type PreparedWrite,
  sameCells,
  scopeFor,
} from "./write.ts";
import type { WriteBudget } from "./write-budget.ts";

export interface InsertInput {
  readonly plan: InsertPlan;
  readonly slots: SlotValues;
  readonly session: Session;
  /** Rows of the source query, when the plan has one. */
  readonly queried: readonly (readonly Cell[])[] | undefined;
  readonly generateDefault: (column: TableSchema["columns"][number]) => Cell;
  readonly budget: WriteBudget;
}

interface Target {
  readonly table: TableSchema;
  readonly scope: Scope;
  readonly cold: ColdEvidence | undefined;
}

/** Synchronous unless a key might be in Parquet. */
export function prepareInsert(input: InsertInput, deps: ReadDeps): PreparedWrite | Promise<PreparedWrite> {
  const { table } = input.plan;
  const scope = scopeFor(table, input.session.user);
  const rows = insertedRows(input, 0);
  const segmentsVersion = deps.catalog.segmentsVersion(table.id, scope);
  const doubtful = segmentsVersion === 0 ? [] : keysPerhapsFlushed({ table, scope }, rows, deps);
  return prepareRows(input, { rows, segmentsVersion, doubtful }, deps);
}

/** What a statement inserts, complete and checked. `before`: how many rows of it stand before these. */
export function insertedRows(input: InsertInput, before: number): Cell[][] {
  return sourceRows(input).map((row, index) => checkRow(input.plan.table, row, before + index + 1));
}

export interface RowsToInsert {
  readonly rows: readonly (readonly Cell[])[];
  /** As it was before the first of the doubtful keys was looked at. */
  readonly segmentsVersion: number;
  /** Keys that Parquet may hold. */
  readonly doubtful: readonly Cell[];
}

export function prepareRows(
  input: InsertInput,
  { rows, segmentsVersion, doubtful }: RowsToInsert,
  deps: Pick<ReadDeps, "queries">,
): PreparedWrite | Promise<PreparedWrite> {
  const { table } = input.plan;
  const scope = scopeFor(table, input.session.user);
  const prepared = (cold: ColdEvidence | undefined): PreparedWrite => ({
    rows: rows.length,
    begin: (tx) => beginInsert(tx, input, { rows, target: { table, scope, cold } }),
  });
  if (doubtful.length === 0)
    return prepared(segmentsVersion === 0 ? NONE_FLUSHED : { segmentsVersion, versions: new Map() });
  return lookUpKeys({ table, scope }, doubtful, deps.queries).then((versions) =>
    prepared({ segmentsVersion, versions }),
  );
}

/** The scope had no segments: still evidence, because the first flush would make it false. */
const NONE_FLUSHED: ColdEvidence = { segmentsVersion: 0, versions: new Map() };

function sourceRows(input: InsertInput): Cell[][] {
  const { plan, slots, queried, generateDefault, budget } = input;
  const placeOf = new Map(plan.columns.map((column, place) => [column, place]));
  const complete = (given: readonly (Cell | undefined)[]): Cell[] => {
    const row = plan.table.columns.map((column, index) => {
      const place = placeOf.get(index);
      const value = place === undefined ? undefined : given[place];
      return value === undefined ? generateDefault(column) : value;
    });
    // Row by row: a function may make a long text from a short statement, and do so for every row.
    budget.take(row);
    return row;
  };
  if (plan.source.kind === "query") return (queried ?? []).map(complete);
  return plan.source.rows.map((row) => complete(row.map((value) => value?.([], slots))));
}

export function keysPerhapsFlushed(
  target: { readonly table: TableSchema; readonly scope: Scope },
  rows: readonly (readonly Cell[])[],
  deps: ReadDeps,
): Cell[] {
  const segments = deps.catalog.segments(target.table.id, target.scope);
  const type = keyColumn(target.table).type;
  return rows
    .map((row) => keyOf(target.table, row))
    .filter((key) => {
      const stored = cellToSqlite(key, type);
      // A buffered version is newer than any file's; the writer will see it.
      return (
        segments.some((segment) => mayHold(segment, stored)) &&
        deps.reader.get(target.table, target.scope, key) === undefined
      );
    });
}

export function mayHold(segment: Pick<Segment, "minKey" | "maxKey">, key: SqliteValue): boolean {
  return compareSqlite(segment.minKey, key) <= 0 && compareSqlite(key, segment.maxKey) <= 0;
}

function beginInsert(
  tx: RowTx,
  input: InsertInput,
  work: { readonly rows: readonly (readonly Cell[])[]; readonly target: Target },
): Application {
  const { target, rows } = work;
  assertFresh(tx.catalog, target.table, target.scope, target.cold);
  const touched = new Set<string>();
  const returned: (readonly Cell[])[] = [];
  let written = 0;
  const write = (row: readonly Cell[]): RowVersion | undefined => {
    const key = keyOf(target.table, row);
    const existing = newestVersion(tx, target, key);
    if (existing === undefined || existing.deleted) {
      touched.add(keyText(key));
      return tx.put(target.table, target.scope, row, { deleted: false, before: undefined });
    }
    const merged = resolveConflict(input, { existing, row, again: touched.has(keyText(key)) });
    if (merged === undefined) return undefined;
    touched.add(keyText(key));
    if (sameCells(merged, existing.cells)) return existing;
    return tx.put(target.table, target.scope, merged, { deleted: false, before: existing });
  };
  return {
    rows: rows.length,
    applyRow(index) {
      const version = write(rows[index] ?? []);
      if (version === undefined) return;
      written += 1;
      if (input.plan.returning !== undefined) returned.push(returningRow(input, version));
    },
    finish: () => ({
      verb: "Inserted",
      rowCount: written,
      returning: input.plan.returning && { output: input.plan.returning.output, rows: returned },
    }),
  };
}

/** The merged row, or undefined to leave the existing one alone. */
function resolveConflict(
  input: InsertInput,
  conflict: { readonly existing: RowVersion; readonly row: readonly Cell[]; readonly again: boolean },
): readonly Cell[] | undefined {
  const { plan, slots } = input;
  const { existing, row } = conflict;
  if (plan.onConflict === undefined) throw duplicateKey(plan.table, keyOf(plan.table, row));
  if (plan.onConflict.kind === "nothing") return undefined;
  if (conflict.again) {
    throw new DbError("INVALID_SQL", "ON CONFLICT DO UPDATE command cannot affect row a second time");
  }
  const scope = [...evaluationRow(existing), ...row, null, false];
  if (plan.onConflict.where !== undefined && plan.onConflict.where(scope, slots) !== true) return undefined;
  const merged = [...existing.cells];
  for (const { column, value } of plan.onConflict.assignments) merged[column] = value(scope, slots);
  input.budget.take(merged);
  return checkRow(plan.table, merged, 1);
}

function returningRow({ plan, slots, budget }: InsertInput, version: RowVersion): readonly Cell[] {
  const row = evaluationRow(version);
  const values = (plan.returning?.values ?? []).map((value) => value(row, slots));
  budget.take(values);
  return values;
}
