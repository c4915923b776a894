// TRUNCATE: every row that was there when it began is deleted, in slices by key, each a commit of its own, so that a table of any size stops nobody else.
import { assert } from "../base/errors.ts";
import { type Param, paramShape } from "../model/param.ts";
import { keyColumn, qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { TableRef } from "../sql/statement.ts";
import { runData } from "./data.ts";
import { requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { assertMayExecute, assertMayRun } from "./permission.ts";
import type { PlannedData } from "./prepare.ts";
import type { Caller } from "./session.ts";

/** About the time a slice may hold the writer: a few milliseconds. */
const ROWS_PER_SLICE = 1_000;

export async function truncate(tables: readonly TableRef[], call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const named = tables.map((ref) => requireTable(ref, call.session, deps));
  assertMayExecute(call.session, "delete");
  // All of them may be written, or none is.
  for (const table of named) assertMayRun(slicePlan(table, "true", { call, params: [] }, deps)().plan, call.session);
  let rowCount = 0;
  for (const table of named) rowCount += await truncateTable(table, call, deps);
  const names = named.map(qualifiedName).join(", ");
  return { rowCount, message: `Truncated ${names}: ${rowCount} row(s)`, asUser: call.session.user };
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
