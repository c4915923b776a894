// TRUNCATE: every row that is there ends, in one commit, for readers and live queries too. Up to the rows that one statement may write they are deleted, each with its
// tombstone. More are forgotten as a whole: the catalog says that nothing of the scope at or below a position is left, and the rows leave the disk in the background.
import { assert, DbError } from "../base/errors.ts";
import type { Scope, Seq } from "../base/ids.ts";
import { paramShape } from "../model/param.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { TableRef } from "../sql/statement.ts";
import { releaseFiles } from "../storage/files/release-files.ts";
import type { Segment, Slices, WriteTx } from "../storage/seams.ts";
import { bind, prepareWrite, TooManyRows } from "./data.ts";
import { requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { assertMayExecute, assertMayRun } from "./permission.ts";
import type { PlannedData } from "./prepare.ts";
import { retryStale } from "./retry.ts";
import type { Call, Caller } from "./session.ts";
import { applyInSlices, assertFresh, StaleRead, scopeFor } from "./write.ts";
import { WriteBudget } from "./write-budget.ts";

/** Rows are counted again when others were written after the count; then it is said that they were. */
const MAX_COUNTS = 3;

export async function truncate(tables: readonly TableRef[], call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const asWritten = tables.map((ref) => qualifiedName(requireTable(ref, call.session, deps)));
  const named = (): readonly TableSchema[] => [...new Set(tables.map((ref) => requireTable(ref, call.session, deps)))];
  assertMayExecute(call.session, "delete");
  // All of them may be written, or none is.
  for (const table of named()) assertMayRun(deletePlan(table, call, deps).plan, call.session);
  const done = (await truncateRows(named, call, deps)) ?? (await truncateWhole(named, call, deps));
  const { rows, position, note = "" } = done;
  const message = `${truncatedText(asWritten.join(", "), rows)}${note}`;
  return { rowCount: rows, message, asUser: call.session.user, seq: position.toString() };
}

export function truncatedText(names: string, rows: number): string {
  return `Truncated ${names}: ${rows} row(s)`;
}

/** The DELETE that a TRUNCATE inside a transaction is. */
export function truncateAsDelete(
  tables: readonly TableRef[],
  call: Caller,
  deps: EngineDeps,
): { readonly planned: PlannedData; readonly name: string } {
  const [ref, ...others] = tables;
  if (ref === undefined || others.length > 0) {
    throw new DbError("UNSUPPORTED", "TRUNCATE of several tables is not supported inside a transaction", {
      hint: "Write one for each.",
    });
  }
  const table = requireTable(ref, call.session, deps);
  return { planned: deletePlan(table, call, deps), name: qualifiedName(table) };
}

interface Truncated {
  readonly rows: number;
  readonly position: Seq;
  /** Of the number of rows. */
  readonly note?: string;
}

/** Undefined: there are more rows than that, or they keep changing. */
async function truncateRows(
  tables: () => readonly TableSchema[],
  call: Caller,
  deps: EngineDeps,
): Promise<Truncated | undefined> {
  const attempt = async (): Promise<Truncated | undefined> => {
    const preparing = tables().map(async (table) => {
      const { plan, literals } = deletePlan(table, call, deps);
      assert(plan.kind === "delete", "the text is a DELETE");
      return prepareWrite(plan, { ...metered(call, deps), literals }, deps);
    });
    const prepared = await Promise.all(preparing);
    if (prepared.reduce((sum, { rows }) => sum + rows, 0) > deps.limits.maxRowsPerStatement) return undefined;
    const { value, position } = await deps.writer.submitInSlices(function* (tx): Slices<number> {
      let rows = 0;
      for (const each of prepared) rows += (yield* applyInSlices(each, tx)).rowCount;
      return rows;
    });
    return { rows: value, position };
  };
  try {
    return await retryStale(attempt);
  } catch (error) {
    if (error instanceof TooManyRows || (error instanceof DbError && error.code === "WRITE_CONFLICT")) return undefined;
    throw error;
  }
}

function truncateWhole(tables: () => readonly TableSchema[], call: Caller, deps: EngineDeps): Promise<Truncated> {
  let counts = 0;
  return retryStale(async () => {
    counts += 1;
    const mayDiffer = counts >= MAX_COUNTS;
    const counted = await Promise.all(tables().map((table) => countRows(table, call, deps)));
    const { value, position } = await deps.writer.submitInSlices(function* (tx): Slices<Emptied> {
      // First: of a table that is gone there may be nothing left to look at.
      for (const { table, scope } of counted) assertFresh(tx.catalog, table, scope, undefined);
      const isExact = !counted.some(({ table, scope, at }) => tx.isWrittenAfter(table, scope, at));
      if (!isExact && !mayDiffer) throw new StaleRead("rows were written after the count");
      const segments: Segment[] = [];
      for (const each of counted) segments.push(...(yield* empty(each, tx)));
      return { segments, isExact };
    });
    deps.retireFiles(value.segments);
    const rows = counted.reduce((sum, each) => sum + each.rows, 0);
    return { rows, position, note: value.isExact ? "" : ", and what was written while they were counted" };
  });
}

interface Emptied {
  readonly segments: readonly Segment[];
  readonly isExact: boolean;
}

interface CountedScope {
  readonly table: TableSchema;
  readonly scope: Scope;
  readonly rows: number;
  readonly at: Seq;
  readonly nowMs: number;
}

function* empty({ table, scope, nowMs }: CountedScope, tx: WriteTx): Slices<readonly Segment[]> {
  yield* releaseFiles(tx, { table: table.id, scope, nowMs });
  return tx.emptyScope(table, scope);
}

/** Live rows at one position. */
async function countRows(table: TableSchema, caller: Caller, deps: EngineDeps): Promise<CountedScope> {
  const scope = scopeFor(table, caller.session.user);
  const nowMs = Number(caller.nowUs / 1000n);
  const { plan, literals } = planOf(`SELECT count(*) FROM ${quoted(table)}`, caller, deps);
  assert(plan.kind === "query", "the text is a SELECT");
  const query = bind(plan, { ...metered(caller, deps), literals }, deps);
  const { rows, position: at } = await deps.queries.cells(query, caller.signal);
  return { table, scope, rows: Number(rows[0]?.[0] ?? 0), at, nowMs };
}

function metered(caller: Caller, deps: EngineDeps): Omit<Call, "literals"> {
  return { ...caller, params: [], budget: new WriteBudget(deps.limits.maxWriteBytes) };
}

function deletePlan(table: TableSchema, caller: Caller, deps: EngineDeps): PlannedData {
  return planOf(`DELETE FROM ${quoted(table)} WHERE true`, caller, deps);
}

function planOf(text: string, { session }: Caller, deps: EngineDeps): PlannedData {
  const [runnable] = deps.preparer.prepare(text, session, paramShape([]));
  assert(runnable?.kind === "data", "the text is a data statement");
  return runnable.plan(session);
}

/** Names are words of letters, digits and underscores. */
function quoted({ namespace, name }: TableSchema): string {
  return `"${namespace}"."${name}"`;
}
