// Runs a data plan: a SELECT wherever it belongs, a write through its two halves, again if what it read went stale.
import { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Cell } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { resolveSlots } from "../sql/bind/slots.ts";
import type { DataPlan, InsertPlan, QueryPlan, Slot, WritePlan } from "../sql/plan.ts";
import type { WriteTx } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";
import { prepareInsert } from "./insert.ts";
import { prepareModify } from "./modify.ts";
import { assertMayRun } from "./permission.ts";
import { type BoundQuery, type ReadDeps, readBuffered, rowsToJson } from "./reads.ts";
import type { Call } from "./session.ts";
import { SYSTEM_VIEWS, viewRowsJson } from "./views/registry.ts";
import { type Applied, type PreparedWrite, StaleRead } from "./write.ts";

const MAX_ATTEMPTS = 8;

export async function runData(plan: DataPlan, call: Call, deps: EngineDeps): Promise<StatementResult> {
  assertMayRun(plan, call.session);
  if (plan.kind === "query") return runQuery(plan, call, deps);
  return runWrite(plan, call, deps);
}

async function runQuery(plan: QueryPlan, call: Call, deps: EngineDeps): Promise<StatementResult> {
  const query = bind(plan, call, deps);
  const rows = readBuffered(query, deps) ?? (await deps.queries.json(query, call.signal));
  return { schema: plan.output, rowsJson: rows.rowsJson, rowCount: rows.rowCount, asUser: call.session.user };
}

function bind(plan: QueryPlan, call: Call, deps: Pick<EngineDeps, "views">): BoundQuery {
  return { plan, slots: slotsOf(plan.slots, call, deps) };
}

export function slotsOf(slots: readonly Slot[], call: Call, deps: Pick<EngineDeps, "views">): Cell[] {
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
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const preparing = prepareWrite(plan, call, deps);
    const prepared = preparing instanceof Promise ? await preparing : preparing;
    try {
      const { value, position } = await deps.writer.submit(prepared.apply);
      return appliedResult(value, call, position);
    } catch (error) {
      if (!(error instanceof StaleRead)) throw error;
    }
  }
  throw new DbError("WRITE_CONFLICT", "could not serialize access due to concurrent update", {
    hint: "Run the statement again.",
  });
}

/** The first half of a write. Synchronous unless it needs a query process. */
export function prepareWrite(
  plan: WritePlan,
  call: Call,
  deps: ReadDeps & Pick<EngineDeps, "views" | "defaults" | "limits">,
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
      tooManyRows: (rows) => tooManyRows(rows, deps.limits.maxRowsPerStatement),
      signal: call.signal,
    },
    deps,
  );
}

function tooManyRows(rows: number, limit: number): DbError {
  return new DbError("UNSUPPORTED", `the statement would write ${rows} rows; one statement may write ${limit}`, {
    hint: "Split it, for example by ranges of the primary key.",
  });
}

function prepareInsertPlan(
  plan: InsertPlan,
  slots: readonly Cell[],
  context: { readonly call: Call; readonly deps: ReadDeps & Pick<EngineDeps, "views" | "defaults" | "limits"> },
): PreparedWrite | Promise<PreparedWrite> {
  const { call, deps } = context;
  const insert = (queried: readonly (readonly Cell[])[] | undefined): PreparedWrite | Promise<PreparedWrite> => {
    const rows = queried?.length ?? (plan.source.kind === "values" ? plan.source.rows.length : 0);
    if (rows > deps.limits.maxRowsPerStatement) throw tooManyRows(rows, deps.limits.maxRowsPerStatement);
    const generateDefault = deps.defaults.forStatement(call.session.user, call.nowUs);
    return prepareInsert({ plan, slots, session: call.session, queried, generateDefault }, deps);
  };
  if (plan.source.kind === "values") return insert(undefined);
  return deps.queries.cells(bind(plan.source.query, call, deps), call.signal).then(({ rows }) => insert(rows));
}

export function appliedResult(applied: Applied, call: Call, position: Seq | undefined): StatementResult {
  const seq = position === undefined ? {} : { seq: position.toString() };
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

/** A SELECT inside a transaction: by key alone, on the writer's connection, so that it sees what the transaction wrote. */
export function runQueryInside(
  plan: QueryPlan,
  call: Call,
  deps: ReadDeps & Pick<EngineDeps, "views">,
): StatementResult {
  const rows = readBuffered(bind(plan, call, deps), deps);
  if (rows === undefined)
    throw new DbError("UNSUPPORTED", "inside a transaction, rows can be read by primary key only");
  return { schema: plan.output, rowsJson: rows.rowsJson, rowCount: rows.rowCount, asUser: call.session.user };
}

/** Runs one write of a transaction on the writer's connection; refuses what would need to wait. */
export function runWriteInside(
  tx: WriteTx,
  plan: WritePlan,
  context: { readonly call: Call; readonly deps: ReadDeps & Pick<EngineDeps, "views" | "defaults" | "limits"> },
): StatementResult {
  const prepared = prepareWrite(plan, context.call, context.deps);
  if (prepared instanceof Promise) {
    // The refusal below is the answer; what the abandoned look-up says does not matter.
    prepared.catch(() => undefined);
    throw new DbError(
      "UNSUPPORTED",
      "inside a transaction, rows can be inserted by VALUES and changed by primary key only",
    );
  }
  return appliedResult(prepared.apply(tx), context.call, undefined);
}
