// One request: its statements in order, each committing on its own, stopping at the first failure; BEGIN … COMMIT makes one atomic unit.

import { DbError } from "../base/errors.ts";
import { type Param, paramShape } from "../model/param.ts";
import type { StatementResult } from "../protocol/http.ts";
import { isLongInsert } from "../sql/parse/split-insert.ts";
import type { Statement } from "../sql/statement.ts";
import { auditOf } from "./audit.ts";
import { runBulkInsert } from "./bulk-insert.ts";
import { runData } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { failure } from "./failure.ts";
import type { Runnable } from "./prepare.ts";
import type { Caller, Session } from "./session.ts";
import { type Ran, runRunnable } from "./statements.ts";
import { runTransaction } from "./transaction.ts";

export interface SqlRequest {
  readonly sql: string;
  readonly params: readonly Param[];
  readonly session: Session;
  readonly signal: AbortSignal | undefined;
}

const REQUEST_LEFT_OPEN = "Request completed with an open explicit transaction; rolled back automatically";

/** Synchronous for a lone statement that has nothing to wait for. */
export function runRequest(
  request: SqlRequest,
  deps: EngineDeps,
): readonly StatementResult[] | Promise<readonly StatementResult[]> {
  return isLongInsert(request.sql) ? runBulk(request, deps) : runWhole(request, deps);
}

async function runBulk(request: SqlRequest, deps: EngineDeps): Promise<readonly StatementResult[]> {
  let result: StatementResult | undefined;
  try {
    result = await runBulkInsert({ sql: request.sql, caller: callerOf(request, deps) }, deps);
  } catch (error) {
    throw failure(error, { kind: "data", text: request.sql, offset: 0 }, { index: 0, isBatch: false });
  }
  return result === undefined ? runWhole(request, deps) : withinLimit(result, deps);
}

function withinLimit(result: StatementResult, { limits }: EngineDeps): readonly StatementResult[] {
  const isTooLarge = (result.rowsJson?.length ?? 0) > limits.maxResultBytes;
  if (isTooLarge && !isCommitted([result])) throw resultsTooLarge(limits.maxResultBytes);
  return [result];
}

/** What was written stays, so it is answered: how much a write returns has a bound of its own, which is looked at before the commit. */
function isCommitted(results: readonly StatementResult[]): boolean {
  return results.some(({ seq }) => seq !== undefined);
}

function runWhole(
  request: SqlRequest,
  deps: EngineDeps,
): readonly StatementResult[] | Promise<readonly StatementResult[]> {
  const runnables = deps.preparer.prepare(request.sql, request.session, paramShape(request.params));
  const [only] = runnables;
  return only?.kind === "data" && runnables.length === 1
    ? runOne(only, request, deps)
    : runEach(runnables, request, deps);
}

function runOne(
  runnable: Extract<Runnable, { kind: "data" }>,
  request: SqlRequest,
  deps: EngineDeps,
): readonly StatementResult[] | Promise<readonly StatementResult[]> {
  const done = (result: StatementResult): readonly StatementResult[] => withinLimit(result, deps);
  const failed = (error: unknown): never => {
    throw failure(error, runnable, { index: 0, isBatch: false });
  };
  try {
    const result = runData(() => runnable.plan(request.session), callerOf(request, deps), deps);
    return result instanceof Promise ? result.then(done).catch(failed) : done(result);
  } catch (error) {
    return failed(error);
  }
}

async function runEach(
  runnables: readonly Runnable[],
  request: SqlRequest,
  deps: EngineDeps,
): Promise<readonly StatementResult[]> {
  let session = request.session;
  const results: StatementResult[] = [];
  let resultBytes = 0;
  const assertRoom = (): void => {
    if (resultBytes > deps.limits.maxResultBytes) throw resultsTooLarge(deps.limits.maxResultBytes);
  };
  const keep = (kept: readonly StatementResult[]): void => {
    for (const { rowsJson } of kept) resultBytes += rowsJson?.length ?? 0;
    if (!isCommitted(kept)) assertRoom();
    results.push(...kept);
  };
  for (let index = 0; index < runnables.length; index += 1) {
    const runnable = runnables[index];
    if (runnable === undefined) break;
    try {
      assertRoom();
      if (statementKind(runnable) === "begin") {
        const end = endOfTransaction(runnables, index);
        const transaction = {
          runnables: runnables.slice(index + 1, end.index),
          commits: end.commits,
          firstIndex: index + 1,
          caller: callerOf({ ...request, session }, deps),
        };
        keep(await runTransaction(transaction, deps));
        index = end.index;
        continue;
      }
      const ran = await runAudited(runnable, callerOf({ ...request, session }, deps), deps);
      session = ran.session;
      keep([ran.result]);
    } catch (error) {
      throw failure(error, runnable, { index, isBatch: runnables.length > 1 });
    }
  }
  return results;
}

/** Also what is refused: an attempt is worth knowing. */
async function runAudited(runnable: Runnable, caller: Caller, deps: EngineDeps): Promise<Ran> {
  const { session } = caller;
  try {
    const ran = await runRunnable(runnable, caller, deps);
    const entry = auditOf({ runnable, session });
    if (entry !== undefined) await deps.audit(entry);
    return ran;
  } catch (error) {
    const entry = auditOf({ runnable, session, error });
    if (entry !== undefined) await deps.audit(entry);
    throw error;
  }
}

function statementKind(runnable: Runnable): Statement["kind"] | "data" {
  return runnable.kind === "data" ? "data" : runnable.statement.kind;
}

/** The statement that ends the transaction begun at `start`. */
function endOfTransaction(
  runnables: readonly Runnable[],
  start: number,
): { readonly index: number; readonly commits: boolean } {
  for (const [after, runnable] of runnables.slice(start + 1).entries()) {
    const kind = statementKind(runnable);
    if (kind === "commit" || kind === "rollback") return { index: start + 1 + after, commits: kind === "commit" };
    if (kind === "begin") throw new DbError("SQL_EXECUTION_ERROR", "there is already a transaction in progress");
  }
  throw new DbError("SQL_EXECUTION_ERROR", REQUEST_LEFT_OPEN);
}

function resultsTooLarge(maxBytes: number): DbError {
  return new DbError("RESULT_TOO_LARGE", `The results of the request are larger than ${maxBytes} bytes`, {
    hint: "Send its statements in several requests.",
  });
}

function callerOf(request: SqlRequest, deps: Pick<EngineDeps, "clock">): Caller {
  return {
    session: request.session,
    params: request.params,
    nowUs: BigInt(Math.floor(deps.clock.nowMs())) * 1000n,
    signal: request.signal,
  };
}
