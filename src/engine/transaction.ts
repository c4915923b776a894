// BEGIN … COMMIT inside one request. Every statement is prepared first, which may ask query processes about flushed keys; then all of them are applied in one
// savepoint of the writer, each checked against what the ones before it wrote. Rows are reached by key: a filter would have to see those writes in another process.
import { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { DeletePlan, QueryPlan, UpdatePlan, WritePlan } from "../sql/plan.ts";
import type { PointReader, Slices, WriteTx } from "../storage/seams.ts";
import { appliedResult, bind, prepareWrite, queryResult } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { failure } from "./failure.ts";
import { messageResult } from "./outcome.ts";
import { assertMayRun } from "./permission.ts";
import type { Runnable } from "./prepare.ts";
import { isBuffered, type PointTarget, pointTarget, type RowsText, readBuffered, readsInside } from "./reads.ts";
import { retryStale } from "./retry.ts";
import type { Call, Caller, Session } from "./session.ts";
import { applyAll, applyInSlices, assertFresh, MAX_ROWS_AT_ONCE, type PreparedWrite, StaleRead } from "./write.ts";
import { WriteBudget } from "./write-budget.ts";

export interface TransactionInput {
  /** Between BEGIN and its end. */
  readonly runnables: readonly Runnable[];
  readonly commits: boolean;
  /** Place of the first of them in the request. */
  readonly firstIndex: number;
  /** One instant for every statement. */
  readonly caller: Caller;
}

/** The second half of a statement. */
type Apply = (tx: WriteTx) => StatementResult;
/** Of a statement of many rows. */
interface LargeApply {
  readonly inSlices: (tx: WriteTx) => Slices<StatementResult>;
}
type Step = Apply | LargeApply;

/** More statements are applied in slices, between which the loop serves everybody else. */
const MAX_STATEMENTS_AT_ONCE = 100;

/** Undoes the savepoint of a transaction that ends in ROLLBACK, carrying its results out. */
class RolledBack extends Error {
  override readonly name = "RolledBack";
  readonly results: StatementResult[];

  constructor(results: StatementResult[]) {
    super("rolled back");
    this.results = results;
  }
}

export async function runTransaction(input: TransactionInput, deps: EngineDeps): Promise<StatementResult[]> {
  const { session } = input.caller;
  try {
    const { value, position } = await retryStale(async () => {
      const call = { ...input.caller, literals: [], budget: new WriteBudget(deps.limits.maxWriteBytes) };
      const steps = await prepareSteps(input.runnables, call, deps);
      const isLarge = steps.length > MAX_STATEMENTS_AT_ONCE || steps.some((step) => typeof step !== "function");
      if (isLarge) return deps.writer.submitInSlices((tx) => applySteps(steps, tx, input));
      return deps.writer.submit((tx) => toTheEnd(applySteps(steps, tx, input)));
    });
    return wrap(value, session, { ended: "committed", position });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
    return wrap(error.results, session, { ended: "rolled back", position: undefined });
  }
}

function* applySteps(steps: readonly Step[], tx: WriteTx, input: TransactionInput): Slices<StatementResult[]> {
  const results: StatementResult[] = [];
  for (const [index, step] of steps.entries()) {
    try {
      results.push(typeof step === "function" ? step(tx) : yield* step.inSlices(tx));
    } catch (error) {
      const runnable = input.runnables[index];
      const at = { index: input.firstIndex + index, isBatch: true };
      throw runnable === undefined ? error : failure(error, runnable, at);
    }
    yield;
  }
  if (!input.commits) throw new RolledBack(results);
  return results;
}

function toTheEnd<T>(slices: Slices<T>): T {
  for (;;) {
    const step = slices.next();
    if (step.done === true) return step.value;
  }
}

function wrap(
  inner: readonly StatementResult[],
  session: Session,
  end: { readonly ended: "committed" | "rolled back"; readonly position: Seq | undefined },
): StatementResult[] {
  const seq = end.position === undefined ? {} : { seq: end.position.toString() };
  return [
    messageResult(session, "Transaction started"),
    ...inner.map((result) => (result.message === undefined ? result : { ...result, ...seq })),
    { ...messageResult(session, `Transaction ${end.ended}`), ...seq },
  ];
}

/** Those that ask query processes do so beside each other. */
async function prepareSteps(runnables: readonly Runnable[], call: Call, deps: EngineDeps): Promise<readonly Step[]> {
  const steps: Promise<Step>[] = [];
  for (const runnable of runnables) {
    steps.push(prepareStep(runnable, call, deps));
    if (steps.length % MAX_STATEMENTS_AT_ONCE === 0) await nextTurn();
  }
  return Promise.all(steps);
}

/** After sockets and timers had theirs. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is wrong with a statement is told when its turn comes: one before it may fail first. */
async function prepareStep(runnable: Runnable, call: Call, deps: EngineDeps): Promise<Step> {
  try {
    return await prepared(runnable, call, deps);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function prepared(runnable: Runnable, call: Call, deps: EngineDeps): Step | Promise<Step> {
  if (runnable.kind !== "data") throw new DbError("UNSUPPORTED", "only data statements can run inside a transaction");
  const { plan, literals } = runnable.plan(call.session);
  const own = { ...call, literals };
  assertMayRun(plan, call.session);
  if (plan.kind === "query") return preparedRead(plan, own, deps);
  return plan.kind === "insert" ? preparedInsert(plan, own, deps) : preparedModify(plan, own, deps);
}

function preparedRead(plan: QueryPlan, call: Call, deps: EngineDeps): Step | Promise<Step> {
  const query = bind(plan, call, deps);
  const target = pointTarget(query);
  if (target === undefined) {
    throw new DbError("UNSUPPORTED", "inside a transaction, rows can be read by primary key only");
  }
  const result = (rows: RowsText): StatementResult => {
    call.budget.take([rows.rowsJson]);
    return queryResult(plan, call, rows);
  };
  const inside = (tx: WriteTx): StatementResult | undefined => {
    const rows = readBuffered(query, readsInside(tx));
    return rows && result(rows);
  };
  if (isBuffered(target, deps)) {
    return (tx) => inside(tx) ?? stale("a key was flushed");
  }
  const segmentsVersion = deps.catalog.segmentsVersion(target.table.id, target.scope);
  return deps.queries.json(query, call.signal).then((rows) => (tx) => {
    assertFresh(tx.catalog, target.table, target.scope, { segmentsVersion, versions: new Map() });
    if (isUntouched(tx, target, deps.reader)) return result(rows);
    return inside(tx) ?? stale("some keys are flushed and some were written");
  });
}

function preparedInsert(
  plan: Extract<WritePlan, { kind: "insert" }>,
  call: Call,
  deps: EngineDeps,
): Step | Promise<Step> {
  if (plan.source.kind !== "values") {
    throw new DbError("UNSUPPORTED", "inside a transaction, rows can be inserted by VALUES only");
  }
  return preparedWrite(plan, call, deps);
}

function preparedModify(plan: UpdatePlan | DeletePlan, call: Call, deps: EngineDeps): Step | Promise<Step> {
  const target = pointTarget(bind(plan.find, call, deps));
  if (target === undefined) {
    throw new DbError("UNSUPPORTED", "inside a transaction, rows can be changed by primary key only");
  }
  const outside = preparedWrite(plan, call, deps);
  if (!(outside instanceof Promise)) return outside;
  // The rows were found as they are committed: true for the transaction unless it wrote one of them itself.
  return outside.then((step) => (tx) => {
    if (isUntouched(tx, target, deps.reader)) return applyWhole(step, tx);
    if (!isBuffered(target, readsInside(tx))) return stale("some keys are flushed and some were written");
    const again = preparedWrite(plan, call, { ...deps, ...readsInside(tx) });
    return again instanceof Promise ? stale("a key was flushed") : applyWhole(again, tx);
  });
}

function applyWhole(step: Step, tx: WriteTx): StatementResult {
  return typeof step === "function" ? step(tx) : toTheEnd(step.inSlices(tx));
}

function preparedWrite(plan: WritePlan, call: Call, deps: EngineDeps): Step | Promise<Step> {
  const writing = prepareWrite(plan, call, deps);
  const applied = (prepared: PreparedWrite): Step => {
    if (prepared.rows <= MAX_ROWS_AT_ONCE) return (tx) => appliedResult(applyAll(prepared, tx), call, undefined);
    return {
      *inSlices(tx) {
        return appliedResult(yield* applyInSlices(prepared, tx), call, undefined);
      },
    };
  };
  return writing instanceof Promise ? writing.then(applied) : applied(writing);
}

/** Whether the keys are, for the open transaction, what they are for everybody else. */
function isUntouched(tx: WriteTx, { table, scope, keys }: PointTarget, committed: Pick<PointReader, "get">): boolean {
  return keys.every((key) => tx.get(table, scope, key)?.seq === committed.get(table, scope, key)?.seq);
}

function stale(why: string): never {
  throw new StaleRead(why);
}
