// One request: its statements in order, each committing on its own, stopping at the first failure; BEGIN … COMMIT makes one atomic unit.
import { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Cell } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import type { PointReader, WriteTx } from "../storage/seams.ts";
import { runQueryInside, runWriteInside } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult } from "./outcome.ts";
import { assertMayRun } from "./permission.ts";
import type { Runnable } from "./prepare.ts";
import type { QueryRunner, ReadDeps } from "./reads.ts";
import type { Call, Session } from "./session.ts";
import { runRunnable } from "./statements.ts";
import { StaleRead } from "./write.ts";

export interface SqlRequest {
  readonly sql: string;
  readonly params: readonly Cell[];
  readonly session: Session;
  readonly signal: AbortSignal | undefined;
}

/** A statement that failed, with its place in the request. What ran before it stays. */
export class StatementFailure extends Error {
  override readonly name = "StatementFailure";
  readonly error: DbError;
  readonly statementText: string;

  constructor(error: DbError, statementText: string) {
    super(error.message, { cause: error });
    this.error = error;
    this.statementText = statementText;
  }
}

const REQUEST_LEFT_OPEN = "Request completed with an open explicit transaction; rolled back automatically";
const MAX_STALE_RETRIES = 8;

export async function runRequest(request: SqlRequest, deps: EngineDeps): Promise<StatementResult[]> {
  let session = request.session;
  const runnables = deps.preparer.prepare(request.sql, session, request.params.length);
  const results: StatementResult[] = [];
  for (let index = 0; index < runnables.length; index += 1) {
    const runnable = runnables[index];
    if (runnable === undefined) break;
    try {
      if (statementKind(runnable) === "begin") {
        const end = endOfTransaction(runnables, index);
        results.push(...(await runTransaction(runnables.slice(index, end + 1), { ...request, session }, deps)));
        index = end;
        continue;
      }
      const ran = await runRunnable(runnable, callOf({ ...request, session }, [], deps), deps);
      session = ran.session;
      results.push(ran.result);
    } catch (error) {
      throw failure(error, runnable, { index, isBatch: runnables.length > 1 });
    }
  }
  return results;
}

function statementKind(runnable: Runnable): Statement["kind"] | "data" {
  return runnable.kind === "data" ? "data" : runnable.statement.kind;
}

function callOf(request: SqlRequest, literals: Call["literals"], deps: Pick<EngineDeps, "clock">): Call {
  return {
    session: request.session,
    params: request.params,
    literals,
    nowUs: BigInt(Math.floor(deps.clock.nowMs())) * 1000n,
    signal: request.signal,
  };
}

/** Keeps code, position and hint; the message names the statement. A bug of ours passes through and is reported as one. */
function failure(
  error: unknown,
  runnable: Runnable,
  at: { readonly index: number; readonly isBatch: boolean },
): unknown {
  if (error instanceof StatementFailure || !(error instanceof DbError)) return error;
  const position = error.position === undefined ? {} : { position: error.position + runnable.offset };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  // A lone statement that does not even parse never ran: PostgreSQL's text stands alone.
  const prefix = error.code === "INVALID_SQL" && !at.isBatch ? "" : `Statement ${at.index + 1} failed: `;
  const named = new DbError(error.code, `${prefix}${error.message}`, {
    cause: error,
    ...position,
    ...hint,
  });
  return new StatementFailure(named, runnable.text);
}

/** Index of the COMMIT or ROLLBACK that ends the transaction begun at `start`. */
function endOfTransaction(runnables: readonly Runnable[], start: number): number {
  for (let index = start + 1; index < runnables.length; index += 1) {
    const kind = statementKind(runnables[index] ?? runnables[start] ?? assertPresent());
    if (kind === "commit" || kind === "rollback") return index;
    if (kind === "begin") throw new DbError("SQL_EXECUTION_ERROR", "there is already a transaction in progress");
  }
  throw new DbError("SQL_EXECUTION_ERROR", REQUEST_LEFT_OPEN);
}

function assertPresent(): never {
  throw new Error("a transaction has a first statement");
}

/** Undoes the savepoint of a transaction that ends in ROLLBACK, carrying its results out. */
class RolledBack extends Error {
  override readonly name = "RolledBack";
  readonly results: StatementResult[];

  constructor(results: StatementResult[]) {
    super("rolled back");
    this.results = results;
  }
}

async function runTransaction(
  runnables: readonly Runnable[],
  request: SqlRequest,
  deps: EngineDeps,
): Promise<StatementResult[]> {
  const commits = statementKind(runnables.at(-1) ?? assertPresent()) === "commit";
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { value, position } = await deps.writer.submit((tx) => {
        const results = runInside(tx, runnables.slice(1, -1), { request, deps });
        if (!commits) throw new RolledBack(results);
        return results;
      });
      return wrap(value, request.session, { ended: "committed", position });
    } catch (error) {
      if (error instanceof RolledBack)
        return wrap(error.results, request.session, { ended: "rolled back", position: undefined });
      if (!(error instanceof StaleRead) || attempt === MAX_STALE_RETRIES) throw error;
    }
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

/** Everything inside the savepoint is synchronous, so no other request's work can come between. */
function runInside(
  tx: WriteTx,
  runnables: readonly Runnable[],
  context: { readonly request: SqlRequest; readonly deps: EngineDeps },
): StatementResult[] {
  const deps = { ...context.deps, ...readsInside(tx) };
  return runnables.map((runnable, index) => {
    try {
      if (runnable.kind !== "data")
        throw new DbError("UNSUPPORTED", "only data statements can run inside a transaction");
      const { plan, literals } = runnable.plan(context.request.session);
      const call = callOf(context.request, literals, deps);
      assertMayRun(plan, call.session);
      if (plan.kind === "query") return runQueryInside(plan, call, deps);
      return runWriteInside(tx, plan, { call, deps });
    } catch (error) {
      // Counted from BEGIN, which is statement 1 of its transaction.
      throw failure(error, runnable, { index: index + 1, isBatch: true });
    }
  });
}

/** Reads as the open transaction sees them. */
function readsInside(tx: WriteTx): ReadDeps {
  const reader: PointReader = {
    get: (table, scope, key) => tx.get(table, scope, key),
    all: (sql, values) => tx.all(sql, values),
  };
  const refuse = (): Promise<never> => Promise.reject(new DbError("UNSUPPORTED", "not available inside a transaction"));
  const queries: QueryRunner = { json: refuse, cells: refuse };
  return { catalog: tx.catalog, reader, queries };
}
