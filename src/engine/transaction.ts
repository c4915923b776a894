// BEGIN … COMMIT inside one request. Every statement is prepared first, which may ask query processes for rows; then all of them are applied in one savepoint of
// the writer, each checked against what the ones before it wrote. A query process sees committed rows; what a statement of the transaction wrote before is sent along.
import { DbError } from "../base/errors.ts";
import type { Seq, TableId } from "../base/ids.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { DeletePlan, QueryPlan, RelationUse, UpdatePlan, WritePlan } from "../sql/plan.ts";
import type { PointReader, RowTx, Slices } from "../storage/seams.ts";
import { appliedResult, bind, prepareWrite, queryResult } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { failure } from "./failure.ts";
import { messageResult } from "./outcome.ts";
import { ownRowsOf } from "./own-rows.ts";
import { assertMayRun } from "./permission.ts";
import type { PlannedData, Runnable } from "./prepare.ts";
import {
  isBuffered,
  type OwnRows,
  type PointTarget,
  pointTarget,
  type RowsText,
  readBuffered,
  readsInside,
} from "./reads.ts";
import { retryStale } from "./retry.ts";
import type { Call, Caller, Session } from "./session.ts";
import { truncateAsDelete, truncatedText } from "./truncate.ts";
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
type Apply = (tx: RowTx) => StatementResult;
/** Of a statement of many rows. */
interface LargeApply {
  readonly inSlices: (tx: RowTx) => Slices<StatementResult>;
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
      const steps = await prepareSteps(input, call, deps);
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

function* applySteps(steps: readonly Step[], tx: RowTx, input: TransactionInput): Slices<StatementResult[]> {
  const results = yield* applyEach(steps, tx, input);
  if (!input.commits) throw new RolledBack(results);
  return results;
}

function* applyEach(steps: readonly Step[], tx: RowTx, input: TransactionInput): Slices<StatementResult[]> {
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

/** Those that ask query processes do so beside each other, but for what they read of what the ones before them write. */
async function prepareSteps(input: TransactionInput, call: Call, deps: EngineDeps): Promise<readonly Step[]> {
  const steps: Promise<Step>[] = [];
  const written = new Set<TableId>();
  for (const runnable of input.runnables) {
    const before = [...steps];
    const writtenBefore = new Set(written);
    const ownRows: StepDeps["ownRows"] = async (relations) => {
      if (!relations.some((use) => use.kind !== "systemView" && writtenBefore.has(use.schema.id))) return undefined;
      const earlier = await Promise.all(before);
      return ownRowsOf(deps.writer, (tx) => unmetered(applyEach(earlier, tx, input), call.budget));
    };
    const planned = plannedStep(runnable, call, deps);
    if (planned.kind === "planned" && planned.plan.kind !== "query") written.add(planned.plan.table.id);
    steps.push(prepareStep(planned, call, { ...deps, ownRows }));
    if (steps.length % MAX_STATEMENTS_AT_ONCE === 0) await nextTurn();
  }
  return Promise.all(steps);
}

/** What a rehearsal takes of the budget is taken again at the commit. */
function* unmetered<T>(slices: Slices<T>, budget: WriteBudget): Slices<T> {
  for (;;) {
    const step = budget.rehearse(() => slices.next());
    if (step.done === true) return step.value;
    yield;
  }
}

interface StepDeps extends EngineDeps {
  /** What the statements before it wrote, if the relations could show any of it. */
  readonly ownRows: (relations: readonly RelationUse[]) => Promise<OwnRows | undefined>;
}

/** After sockets and timers had theirs. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type PlannedStep =
  | ({ readonly kind: "planned" /** The table that a TRUNCATE names. */; readonly truncated?: string } & PlannedData)
  | { readonly kind: "refused"; readonly error: unknown };

function plannedStep(runnable: Runnable, call: Call, deps: EngineDeps): PlannedStep {
  try {
    if (runnable.kind === "statement" && runnable.statement.kind === "truncate") {
      const { planned, name } = truncateAsDelete(runnable.statement.tables, call, deps);
      assertMayRun(planned.plan, call.session);
      return { kind: "planned", ...planned, truncated: name };
    }
    if (runnable.kind !== "data") throw new DbError("UNSUPPORTED", "only data statements can run inside a transaction");
    const planned = runnable.plan(call.session);
    assertMayRun(planned.plan, call.session);
    return { kind: "planned", ...planned };
  } catch (error) {
    return { kind: "refused", error };
  }
}

/** What is wrong with a statement is told when its turn comes: one before it may fail first. */
async function prepareStep(step: PlannedStep, call: Call, deps: StepDeps): Promise<Step> {
  try {
    if (step.kind === "refused") throw step.error;
    const own = { ...call, literals: step.literals, isPlanKnown: step.isKnown };
    const { plan } = step;
    if (plan.kind === "query") return await preparedRead(plan, own, deps);
    if (plan.kind === "insert") return await preparedInsert(plan, own, deps);
    const modify = await preparedModify(plan, own, deps);
    return step.truncated === undefined ? modify : saying(modify, step.truncated);
  } catch (error) {
    // Thrown by a rehearsal, it is about what the statements before found.
    if (error instanceof StaleRead) throw error;
    return () => {
      throw error;
    };
  }
}

function saying(step: Step, table: string): Step {
  const said = (result: StatementResult): StatementResult => ({
    ...result,
    message: truncatedText(table, result.rowCount),
  });
  if (typeof step === "function") return (tx) => said(step(tx));
  return {
    *inSlices(tx) {
      return said(yield* step.inSlices(tx));
    },
  };
}

/** Their rows are in memory, where a query process cannot be told what the transaction did to them. */
function refuseStreams(relations: readonly RelationUse[]): void {
  if (!relations.some((use) => use.kind !== "systemView" && use.schema.kind === "stream")) return;
  throw new DbError("UNSUPPORTED", "inside a transaction, rows of STREAM tables can be inserted only");
}

async function preparedRead(plan: QueryPlan, call: Call, deps: StepDeps): Promise<Step> {
  refuseStreams(plan.relations);
  const query = bind(plan, call, deps);
  const target = pointTarget(query);
  if (target === undefined) {
    const own = await deps.ownRows(plan.relations);
    const rows = await deps.queries.json(bind(plan, call, { ...deps, own }), call.signal);
    return () => {
      call.budget.take([rows.rowsJson]);
      return queryResult(plan, call, rows);
    };
  }
  const result = (rows: RowsText): StatementResult => {
    call.budget.take([rows.rowsJson]);
    return queryResult(plan, call, rows);
  };
  const inside = (tx: RowTx): StatementResult | undefined => {
    assertFresh(tx.catalog, target.table, target.scope, undefined);
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

async function preparedInsert(plan: Extract<WritePlan, { kind: "insert" }>, call: Call, deps: StepDeps): Promise<Step> {
  if (plan.source.kind === "values") return preparedWrite(plan, call, deps);
  const { relations } = plan.source.query;
  refuseStreams(relations);
  return preparedWrite(plan, call, { ...deps, own: await deps.ownRows(relations) });
}

async function preparedModify(plan: UpdatePlan | DeletePlan, call: Call, deps: StepDeps): Promise<Step> {
  refuseStreams(plan.find.relations);
  const target = pointTarget(bind(plan.find, call, deps));
  if (target === undefined) {
    return preparedWrite(plan, call, { ...deps, own: await deps.ownRows(plan.find.relations) });
  }
  const outside = preparedWrite(plan, call, deps);
  if (!(outside instanceof Promise)) return outside;
  // The rows were found as they are committed: true for the transaction unless it wrote one of them itself.
  return outside.then((step) => (tx) => {
    assertFresh(tx.catalog, target.table, target.scope, undefined);
    if (isUntouched(tx, target, deps.reader)) return applyWhole(step, tx);
    if (!isBuffered(target, readsInside(tx))) return stale("some keys are flushed and some were written");
    const again = preparedWrite(plan, call, { ...deps, ...readsInside(tx) });
    return again instanceof Promise ? stale("a key was flushed") : applyWhole(again, tx);
  });
}

function applyWhole(step: Step, tx: RowTx): StatementResult {
  return typeof step === "function" ? step(tx) : toTheEnd(step.inSlices(tx));
}

function preparedWrite(plan: WritePlan, call: Call, deps: Parameters<typeof prepareWrite>[2]): Step | Promise<Step> {
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
function isUntouched(tx: RowTx, { table, scope, keys }: PointTarget, committed: Pick<PointReader, "get">): boolean {
  return keys.every((key) => tx.get(table, scope, key)?.seq === committed.get(table, scope, key)?.seq);
}

function stale(why: string): never {
  throw new StaleRead(why);
}
