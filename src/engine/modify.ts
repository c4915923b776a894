// UPDATE and DELETE: find the rows (on the writer's own connection when the keys are known and buffered, else in a query process), then write new
// versions of exactly those, each checked to be still the version that was found.
import { assert } from "../base/errors.ts";
import { type Scope, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import { evaluationRow } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import type { DeletePlan, UpdatePlan } from "../sql/plan.ts";
import type { RowTx } from "../storage/seams.ts";
import {
  type BoundQuery,
  bufferedRows,
  cellsOf,
  isBuffered,
  pointTarget,
  type ReadDeps,
  readsInside,
} from "./reads.ts";
import type { Session } from "./session.ts";
import {
  type Application,
  assertFresh,
  type ColdEvidence,
  checkRow,
  type FoundRow,
  keyOf,
  keyText,
  newestVersion,
  type PreparedWrite,
  StaleRead,
  sameCells,
  scopeFor,
} from "./write.ts";
import type { WriteBudget } from "./write-budget.ts";

export interface ModifyInput {
  readonly plan: UpdatePlan | DeletePlan;
  /** The find query with its values; the same slots serve RETURNING. */
  readonly find: BoundQuery;
  readonly slots: readonly Cell[];
  readonly session: Session;
  /** A statement that would change more rows is refused: one writer serves everybody. */
  readonly maxRows: number;
  readonly tooManyRows: (rows: number) => Error;
  readonly budget: WriteBudget;
  readonly signal: AbortSignal | undefined;
}

/** Synchronous when the writer's connection alone can find the rows. */
export function prepareModify(input: ModifyInput, deps: ReadDeps): PreparedWrite | Promise<PreparedWrite> {
  const { table } = input.plan;
  const scope = scopeFor(table, input.session.user);
  const target = pointTarget(input.find);
  if (target !== undefined && isBuffered(target, deps)) {
    return {
      rows: target.keys.length,
      begin: (tx) => {
        assertFresh(tx.catalog, table, scope, undefined);
        // A key that is not buffered in this transaction could be in Parquet if the scope was flushed since.
        if (!isBuffered(target, readsInside(tx))) throw new StaleRead("key flushed");
        const rows = bufferedRows(input.find, target, readsInside(tx)).map((row) => cellsOf(input.find.plan, row));
        return beginModify(tx, input, { scope, found: rows.map((row) => foundRow(input, row)), cold: undefined });
      },
    };
  }
  return findElsewhere(input, scope, deps);
}

async function findElsewhere(input: ModifyInput, scope: Scope, deps: ReadDeps): Promise<PreparedWrite> {
  const { table } = input.plan;
  const segmentsVersion = deps.catalog.segmentsVersion(table.id, scope);
  const { rows, rowCount } = await deps.queries.cells({ ...input.find, maxRows: input.maxRows }, input.signal);
  if (rowCount > input.maxRows) throw input.tooManyRows(rowCount);
  const found = rows.map((row) => foundRow(input, row));
  // Every found row counts as evidence: if it is not buffered, this is the version Parquet holds. Without a file it was buffered, and is gone if it no longer is.
  const stored = segmentsVersion === 0 ? [] : found;
  const committed = stored.filter(({ seq }) => input.find.own?.isProvisional(seq) !== true);
  const versions = new Map(
    committed.map((row) => [keyText(keyOf(table, row.cells)), { seq: row.seq, deleted: false, cells: row.cells }]),
  );
  // A row of a STREAM table that memory does not have is gone, whatever was found.
  const cold = table.kind === "stream" ? undefined : { segmentsVersion, versions };
  return { rows: found.length, begin: (tx) => beginModify(tx, input, { scope, found, cold }) };
}

function foundRow(input: ModifyInput, row: readonly Cell[]): FoundRow {
  const width = input.plan.table.columns.length;
  const [seq] = row;
  assert(typeof seq === "bigint", "a find query starts with _seq");
  return { seq: seqOf(seq), cells: row.slice(1, 1 + width), computed: row.slice(1 + width) };
}

function beginModify(
  tx: RowTx,
  input: ModifyInput,
  work: { readonly scope: Scope; readonly found: readonly FoundRow[]; readonly cold: ColdEvidence | undefined },
): Application {
  const { plan } = input;
  const { table, returning } = plan;
  const { found } = work;
  // What follows them is of other tables.
  const assigned = plan.kind === "update" ? plan.assigned.length : 0;
  if (found.length > input.maxRows) throw input.tooManyRows(found.length);
  assertFresh(tx.catalog, table, work.scope, work.cold);
  const target = { table, scope: work.scope, cold: work.cold };
  const returned: (readonly Cell[])[] = [];
  const write = (row: FoundRow, number: number): RowVersion => {
    if (plan.kind === "update") return update(tx, target, { input, plan, row, number });
    replaceFound(tx, target, { input, row, version: { cells: row.cells, deleted: true } });
    return { seq: row.seq, deleted: false, cells: row.cells };
  };
  return {
    rows: found.length,
    applyRow(index) {
      const row = found[index];
      assert(row !== undefined, "a row of the statement");
      const version = write(row, index + 1);
      if (returning === undefined) return;
      const cells = [...evaluationRow(version), ...row.computed.slice(assigned)];
      const values = returning.values.map((value) => value(cells, input.slots));
      input.budget.take(values);
      returned.push(values);
    },
    finish: () => ({
      verb: plan.kind === "delete" ? "Deleted" : "Updated",
      rowCount: found.length,
      returning: returning && { output: returning.output, rows: returned },
    }),
  };
}

type Target = { readonly table: TableSchema; readonly scope: Scope; readonly cold: ColdEvidence | undefined };

interface RowUpdate {
  readonly input: ModifyInput;
  readonly plan: UpdatePlan;
  readonly row: FoundRow;
  readonly number: number;
}

function updatedCells(table: TableSchema, { input, plan, row, number }: RowUpdate): readonly Cell[] {
  const cells = [...row.cells];
  for (const [place, column] of plan.assigned.entries()) cells[column] = row.computed[place] ?? null;
  input.budget.take(cells);
  return checkRow(table, cells, number);
}

function update(tx: RowTx, target: Target, work: RowUpdate): RowVersion {
  const { input, row } = work;
  let cells: readonly Cell[];
  try {
    cells = updatedCells(target.table, work);
  } catch (error) {
    // What would be wrong with a row that has changed says nothing of the row there is.
    currentVersion(tx, target, { input, row });
    throw error;
  }
  // Counted, as in PostgreSQL, but not written: a version that says nothing new would only cost every subscriber a frame.
  if (sameCells(cells, row.cells)) return currentVersion(tx, target, { input, row });
  return replaceFound(tx, target, { input, row, version: { cells, deleted: false } });
}

/** Most rows are still what they were found to be, and in the buffer. */
function replaceFound(
  tx: RowTx,
  target: Target,
  work: {
    readonly input: ModifyInput;
    readonly row: FoundRow;
    readonly version: Pick<RowVersion, "cells" | "deleted">;
  },
): RowVersion {
  const { input, row, version } = work;
  const { table, scope } = target;
  const isOwn = input.find.own?.isProvisional(row.seq) === true;
  const replaced = isOwn ? undefined : tx.replace(table, scope, row, version);
  if (replaced !== undefined) return replaced;
  const before = currentVersion(tx, target, { input, row });
  return tx.put(table, scope, version.cells, { deleted: version.deleted, before });
}

/** Of the key of a row that was found. A row that the transaction wrote itself was found under another `_seq` than it has now. */
function currentVersion(
  tx: RowTx,
  target: Target,
  { input, row }: { readonly input: ModifyInput; readonly row: FoundRow },
): RowVersion {
  const current = newestVersion(tx, target, keyOf(target.table, row.cells));
  if (current === undefined || current.deleted) throw new StaleRead("the row is gone");
  const isOwn = input.find.own?.isProvisional(row.seq) === true;
  const isAsFound = isOwn ? sameCells(current.cells, row.cells) : current.seq === row.seq;
  if (!isAsFound) throw new StaleRead("the row changed");
  return current;
}
