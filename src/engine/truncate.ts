// TRUNCATE: every row that was there when it began is deleted. Up to the rows that one statement may write it is one commit, for readers and live queries too; beyond
// that it goes on in slices by key, each a commit of its own, so that a table of any size stops nobody else.
import { assert, DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import { type Param, paramShape } from "../model/param.ts";
import { keyColumn, qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { TableRef } from "../sql/statement.ts";
import type { Slices } from "../storage/seams.ts";
import { prepareWrite, runData, TooManyRows } from "./data.ts";
import { requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { assertMayExecute, assertMayRun } from "./permission.ts";
import type { PlannedData } from "./prepare.ts";
import { retryStale } from "./retry.ts";
import type { Caller } from "./session.ts";
import { applyInSlices } from "./write.ts";
import { WriteBudget } from "./write-budget.ts";

/** About the time a slice may hold the writer: a few milliseconds. */
const ROWS_PER_SLICE = 1_000;

export async function truncate(tables: readonly TableRef[], call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const named = tables.map((ref) => requireTable(ref, call.session, deps));
  assertMayExecute(call.session, "delete");
  const plans = [...new Set(named)].map((table) => slicePlan(table, "true", { call, params: [] }, deps));
  // All of them may be written, or none is.
  for (const plan of plans) assertMayRun(plan().plan, call.session);
  const names = named.map(qualifiedName).join(", ");
  const done = await truncateAtOnce(plans, call, deps);
  if (done !== undefined) {
    const { rows, position } = done;
    return { rowCount: rows, message: truncatedText(names, rows), asUser: call.session.user, seq: position.toString() };
  }
  let rowCount = 0;
  for (const table of named) rowCount += await truncateTable(table, call, deps);
  const message = `${truncatedText(names, rowCount)}, in several commits`;
  return { rowCount, message, asUser: call.session.user };
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
  const planned = slicePlan(table, "true", { call, params: [] }, deps)();
  return { planned, name: qualifiedName(table) };
}

/** Undefined: there are more rows than that. */
async function truncateAtOnce(
  plans: readonly (() => PlannedData)[],
  call: Caller,
  deps: EngineDeps,
): Promise<{ readonly rows: number; readonly position: Seq } | undefined> {
  const attempt = async (): Promise<{ readonly rows: number; readonly position: Seq } | undefined> => {
    const preparing = plans.map(async (plan) => {
      const { plan: found, literals } = plan();
      assert(found.kind === "delete", "the text is a DELETE");
      return prepareWrite(found, { ...call, literals, budget: new WriteBudget(deps.limits.maxWriteBytes) }, deps);
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
    if (error instanceof TooManyRows) return undefined;
    throw error;
  }
}

async function truncateTable(table: TableSchema, call: Caller, deps: EngineDeps): Promise<number> {
  const upTo = deps.writer.position;
  const key = `"${keyColumn(table).name}"`;
  let count = 0;
  for (let after: Param | undefined; ; ) {
    const bounds: readonly Param[] = after === undefined ? [upTo] : [upTo, after];
    const rest = `_seq <= $1${after === undefined ? "" : ` AND ${key} > $2`}`;
    const last = await lastKey(table, { rest, bounds }, { call, deps });
    if (last === undefined) return count;
    const slice = `${rest} AND ${key} <= $${bounds.length + 1}`;
    const params = [...bounds, last];
    const result = await runData(slicePlan(table, slice, { call, params }, deps), { ...call, params }, deps);
    count += result.rowCount;
    after = last;
  }
}

function slicePlan(
  table: TableSchema,
  condition: string,
  { call, params }: { readonly call: Caller; readonly params: readonly Param[] },
  deps: EngineDeps,
): () => PlannedData {
  return planOf(`DELETE FROM ${quoted(table)} WHERE ${condition}`, { ...call, params }, deps);
}

function planOf(text: string, call: Caller, deps: EngineDeps): () => PlannedData {
  const [runnable] = deps.preparer.prepare(text, call.session, paramShape(call.params));
  assert(runnable?.kind === "data", "the text is a data statement");
  return () => runnable.plan(call.session);
}

/** Names are words of letters, digits and underscores. */
function quoted({ namespace, name }: TableSchema): string {
  return `"${namespace}"."${name}"`;
}

/** The key that ends the next slice, as the wire has it; undefined when no row is left. */
async function lastKey(
  table: TableSchema,
  { rest, bounds }: { readonly rest: string; readonly bounds: readonly Param[] },
  { call, deps }: { readonly call: Caller; readonly deps: EngineDeps },
): Promise<Param | undefined> {
  const key = `"${keyColumn(table).name}"`;
  const slice = `SELECT ${key} AS k FROM ${quoted(table)} WHERE ${rest} ORDER BY ${key} LIMIT ${ROWS_PER_SLICE}`;
  const text = `SELECT k FROM (${slice}) AS slice ORDER BY k DESC LIMIT 1`;
  const own = { ...call, params: bounds };
  const { rowsJson = "[]" } = await runData(planOf(text, own, deps), own, deps);
  const rows: unknown = JSON.parse(rowsJson);
  const last: unknown = Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0][0] : undefined;
  return typeof last === "string" || typeof last === "number" ? last : undefined;
}
