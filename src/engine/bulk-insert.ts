// A long INSERT … VALUES, read in parts between which the loop serves everybody else, and written as one statement. Parts of equal shape have one plan, so most of
// them are not even parsed.
import { DbError } from "../base/errors.ts";
import { paramShape } from "../model/param.ts";
import type { Cell } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { assertParameterCount } from "../sql/bind/slots.ts";
import { type InsertPart, type InsertParts, insertParts, splitInsert } from "../sql/parse/split-insert.ts";
import type { InsertPlan } from "../sql/plan.ts";
import { appliedResult, contentionKey, slotsOf, TooManyRows } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { type InsertInput, insertedRows, keysPerhapsFlushed, prepareRows } from "./insert.ts";
import { assertMayRun } from "./permission.ts";
import { retryStale } from "./retry.ts";
import type { Call, Caller } from "./session.ts";
import { applyInSlices, StaleRead, scopeFor } from "./write.ts";
import { WriteBudget } from "./write-budget.ts";

/** Read in one or two milliseconds if the part has to be parsed. */
const ROWS_PER_PART = 100;
/** Of the loop's time, before it is left to everybody else. */
const SLICE_MS = 4;

interface BulkInsert {
  readonly sql: string;
  readonly caller: Caller;
  /** Throws what is wrong with writing so. */
  readonly assertAllowed?: (plan: InsertPlan) => void;
}

/** Undefined: the text is none, or one whose values need a query. Nothing was done. */
export async function runBulkInsert(
  { sql, caller, assertAllowed = () => undefined }: BulkInsert,
  deps: EngineDeps,
): Promise<StatementResult | undefined> {
  const pacer = new LoopPacer(deps);
  const parts = await pacer.finish(splitInsert(sql));
  if (parts === undefined) return undefined;
  const { maxRowsPerStatement } = deps.limits;
  if (parts.rows.length > maxRowsPerStatement) throw new TooManyRows(parts.rows.length, maxRowsPerStatement);
  const run: Run = { caller, pacer, assertAllowed, contentionKey: "" };
  const attempt = (): Promise<StatementResult | undefined> => runParts(parts, run, deps);
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof StaleRead)) throw error;
  }
  // As every statement that lost to a concurrent write.
  return deps.contended.run(run.contentionKey, () => retryStale(attempt));
}

interface Run {
  readonly caller: Caller;
  readonly pacer: LoopPacer;
  readonly assertAllowed: (plan: InsertPlan) => void;
  /** Known when the first part has been read. */
  contentionKey: string;
}

/** The first part stands for the statement: its plan says what becomes of conflicts, and what is returned. */
interface Reading {
  readonly first: InsertInput;
  readonly call: Call;
  readonly segmentsVersion: number;
  readonly rows: Cell[][];
  readonly doubtful: Cell[];
}

async function runParts(parts: InsertParts, run: Run, deps: EngineDeps): Promise<StatementResult | undefined> {
  const budget = new WriteBudget(deps.limits.maxWriteBytes);
  const generateDefault = deps.defaults.forStatement(run.caller.session.user, run.caller.nowUs);
  let reading: Reading | undefined;
  let parameterCount = 0;
  for (const part of insertParts(parts, ROWS_PER_PART)) {
    const call: Call = { ...run.caller, literals: [], budget };
    const input = positioned(part, () => inputOf(part, { call, run }, deps));
    if (input === undefined) return undefined;
    parameterCount = Math.max(parameterCount, input.parameterCount);
    reading ??= beginReading({ ...input.input, generateDefault }, input.call, deps);
    if (!isAlike(input.input.plan, reading.first.plan)) return undefined;
    const { first, rows, doubtful } = reading;
    run.contentionKey = contentionKey(first.plan, run.caller);
    const inserted = positioned(part, () => insertedRows({ ...input.input, generateDefault }, part.firstRow));
    const target = { table: first.plan.table, scope: scopeFor(first.plan.table, first.session.user) };
    if (reading.segmentsVersion > 0) doubtful.push(...keysPerhapsFlushed(target, inserted, deps));
    rows.push(...inserted);
    await run.pacer.giveWay();
  }
  if (reading === undefined) return undefined;
  assertParameterCount(parameterCount, run.caller.params.length);
  const prepared = await prepareRows(reading.first, reading, deps);
  const { value, position } = await deps.writer.submitInSlices((tx) => applyInSlices(prepared, tx));
  return appliedResult(value, reading.call, position);
}

function beginReading(first: InsertInput, call: Call, deps: EngineDeps): Reading {
  const { table } = first.plan;
  const segmentsVersion = deps.catalog.segmentsVersion(table.id, scopeFor(table, first.session.user));
  return { first, call, segmentsVersion, rows: [], doubtful: [] };
}

interface Input {
  readonly input: Omit<InsertInput, "generateDefault">;
  readonly call: Call;
  readonly parameterCount: number;
}

/** Undefined: its values need a query. */
function inputOf(
  part: InsertPart,
  { call, run }: { readonly call: Call; readonly run: Run },
  deps: EngineDeps,
): Input | undefined {
  const planned = deps.preparer.planPart(part.text, call.session, paramShape(call.params));
  if (planned?.plan.kind !== "insert") return undefined;
  const { plan, literals, parameterCount } = planned;
  run.assertAllowed(plan);
  assertMayRun(plan, call.session);
  if (plan.source.kind !== "values" || plan.source.rows.length !== part.rows) return undefined;
  const own = { ...call, literals };
  const slots = slotsOf(plan.slots, own, deps);
  const input = { plan, slots, session: call.session, queried: undefined, budget: call.budget };
  return { input, call: own, parameterCount };
}

/** A part of another width is the parser's to word; a table that was altered meanwhile is read anew. */
function isAlike(plan: InsertPlan, first: InsertPlan): boolean {
  if (plan.table.id !== first.table.id || plan.table.version !== first.table.version) {
    throw new StaleRead("the table changed");
  }
  return plan.columns.length === first.columns.length;
}

/** An error in a part is one in the whole. */
function positioned<T>(part: InsertPart, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DbError) || error.position === undefined) throw error;
    const { code, message, hint, cause, position } = error;
    const options = hint === undefined ? {} : { hint };
    throw new DbError(code, message, { ...options, cause, position: part.toSource(position) });
  }
}

/** Leaves the loop to others when the work has had its time. */
class LoopPacer {
  readonly #clock: EngineDeps["clock"];
  #untilMs: number;

  constructor({ clock }: Pick<EngineDeps, "clock">) {
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + SLICE_MS;
  }

  async giveWay(): Promise<void> {
    if (this.#clock.monotonicMs() < this.#untilMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#untilMs = this.#clock.monotonicMs() + SLICE_MS;
  }

  async finish<T>(slices: Generator<undefined, T, undefined>): Promise<T> {
    for (;;) {
      const step = slices.next();
      if (step.done === true) return step.value;
      await this.giveWay();
    }
  }
}
