// Runs a data plan: a SELECT wherever it belongs, a write through its two halves, again if what it read went stale.
import { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Cell } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { resolveSlots } from "../sql/bind/slots.ts";
import type { InsertPlan, QueryPlan, Slot, WritePlan } from "../sql/plan.ts";
import { readCounted } from "./counted-rows.ts";
import type { EngineDeps } from "./deps.ts";
import { prepareInsert } from "./insert.ts";
import { prepareModify } from "./modify.ts";
import { assertMayRun } from "./permission.ts";
import type { PlannedData } from "./prepare.ts";
import { type BoundQuery, type OwnRows, type ReadDeps, type RowsText, readBuffered, rowsToJson } from "./reads.ts";
import { retryStale } from "./retry.ts";
import type { Call, Caller } from "./session.ts";
import { SYSTEM_VIEWS, viewRowsJson } from "./views/registry.ts";
import {
  type Applied,
  applyAll,
  applyInSlices,
  assertFresh,
  MAX_ROWS_AT_ONCE,
  type PreparedWrite,
  StaleRead,
  scopeFor,
} from "./write.ts";
import { WriteBudget } from "./write-budget.ts";

/** `plan` is asked again for each attempt: what went stale may be the table itself. Synchronous where nothing has to be waited for: a point read. */
export function runData(
  plan: () => PlannedData,
  caller: Caller,
  deps: EngineDeps,
): StatementResult | Promise<StatementResult> {
  // Statements that lost to a concurrent write take turns: beside each other all but one would lose again.
  const again = (error: unknown): Promise<StatementResult> => {
    if (!(error instanceof StaleRead)) throw error;
    const retried = (): Promise<StatementResult> => retryStale(async () => attempt(plan, caller, deps));
    const { plan: now } = plan();
    return now.kind === "query" ? retried() : deps.contended.run(contentionKey(now, caller), retried);
  };
  const first = attempt(plan, caller, deps);
  return first instanceof Promise ? first.catch(again) : first;
}

function attempt(
  plan: () => PlannedData,
  caller: Caller,
  deps: EngineDeps,
): StatementResult | Promise<StatementResult> {
  const planned = plan();
  assertMayRun(planned.plan, caller.session);
  const budget = new WriteBudget(deps.limits.maxWriteBytes);
  const call = { ...caller, literals: planned.literals, isPlanKnown: planned.isKnown, budget };
  return planned.plan.kind === "query" ? runQuery(planned.plan, call, deps) : runWrite(planned.plan, call, deps);
}

/** Statements that can make each other's reads stale. */
export function contentionKey(plan: WritePlan, { session }: Caller): string {
  return `${plan.table.id}/${scopeFor(plan.table, session.user)}`;
}

function runQuery(plan: QueryPlan, call: Call, deps: EngineDeps): StatementResult | Promise<StatementResult> {
  const query = bind(plan, call, deps);
  const buffered = readBuffered(query, deps) ?? readCounted(query, deps);
  if (buffered !== undefined) return queryResult(plan, call, buffered);
  return deps.queries.json(query, call.signal).then((rows) => queryResult(plan, call, rows));
}

export function queryResult(plan: QueryPlan, call: Call, { rowsJson, rowCount }: RowsText): StatementResult {
  return { schema: plan.output, rowsJson, rowCount, asUser: call.session.user, isPlanKnown: call.isPlanKnown };
}

export function bind(
  plan: QueryPlan,
  call: Call,
  deps: Pick<EngineDeps, "views"> & { readonly own?: OwnRows | undefined },
): BoundQuery {
  return { plan, slots: slotsOf(plan.slots, call, deps), ...(deps.own === undefined ? {} : { own: deps.own }) };
}

export function slotsOf(slots: readonly Slot[], call: Omit<Call, "budget">, deps: Pick<EngineDeps, "views">): Cell[] {
  return resolveSlots(slots, {
    params: call.params,
    literals: call.literals,
    user: call.session.user,
    role: call.session.role,
    nowUs: call.nowUs,
    viewRows: (name) => {
      const view = SYSTEM_VIEWS.get(name);
      if (view === undefined) throw new Error(`no system view ${name}`);
      return viewRowsJson(view, deps.views);
    },
  });
}

async function runWrite(plan: WritePlan, call: Call, deps: EngineDeps): Promise<StatementResult> {
  const preparing = prepareWrite(plan, call, deps);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  const { value, position } = await (prepared.rows > MAX_ROWS_AT_ONCE
    ? deps.writer.submitInSlices((tx) => applyInSlices(prepared, tx))
    : deps.writer.submit((tx) => applyAll(prepared, tx)));
  return appliedResult(value, call, position);
}

/** The first half of a write. Synchronous unless it needs a query process. `own`: what its transaction has written. */
export function prepareWrite(
  plan: WritePlan,
  call: Call,
  deps: ReadDeps & Pick<EngineDeps, "views" | "defaults" | "limits"> & { readonly own?: OwnRows | undefined },
): PreparedWrite | Promise<PreparedWrite> {
  const slots = slotsOf(plan.slots, call, deps);
  if (plan.kind === "insert") return prepareInsertPlan(plan, slots, { call, deps });
  return prepareModify(
    {
      plan,
      find: bind(plan.find, call, deps),
      slots,
      session: call.session,
      maxRows: deps.limits.maxRowsPerStatement,
      tooManyRows: (rows) => new TooManyRows(rows, deps.limits.maxRowsPerStatement),
      signal: call.signal,
      budget: call.budget,
    },
    deps,
  );
}

export class TooManyRows extends DbError {
  constructor(rows: number, limit: number) {
    super("UNSUPPORTED", `the statement would write ${rows} rows; one statement may write ${limit}`, {
      hint: "Split it, for example by ranges of the primary key.",
    });
  }
}

function prepareInsertPlan(
  plan: InsertPlan,
  slots: readonly Cell[],
  context: { readonly call: Call; readonly deps: Parameters<typeof prepareWrite>[2] },
): PreparedWrite | Promise<PreparedWrite> {
  const { call, deps } = context;
  const maxRows = deps.limits.maxRowsPerStatement;
  const insert = (
    queried: readonly (readonly Cell[])[] | undefined,
    rows: number,
  ): PreparedWrite | Promise<PreparedWrite> => {
    if (rows > maxRows) throw new TooManyRows(rows, maxRows);
    const generateDefault = deps.defaults.forStatement(call.session.user, call.nowUs);
    return prepareInsert({ plan, slots, session: call.session, queried, generateDefault, budget: call.budget }, deps);
  };
  if (plan.source.kind === "values") return insert(undefined, plan.source.rows.length);
  const query = { ...bind(plan.source.query, call, deps), maxRows };
  return deps.queries.cells(query, call.signal).then(({ rows, rowCount }) => {
    assertFresh(deps.catalog, plan.table, scopeFor(plan.table, call.session.user), undefined);
    return insert(rows, rowCount);
  });
}

export function appliedResult(applied: Applied, call: Call, position: Seq | undefined): StatementResult {
  const { isPlanKnown } = call;
  const seq = position === undefined ? { isPlanKnown } : { isPlanKnown, seq: position.toString() };
  if (applied.returning !== undefined) {
    return {
      schema: applied.returning.output,
      rowsJson: rowsToJson({ output: applied.returning.output }, applied.returning.rows),
      rowCount: applied.rowCount,
      asUser: call.session.user,
      ...seq,
    };
  }
  const message = `${applied.verb} ${applied.rowCount} row(s)`;
  return { rowCount: applied.rowCount, message, asUser: call.session.user, ...seq };
}
