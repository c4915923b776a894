// From a subscribe message's options to what the delivery machine starts with. wire.md's precedence: `from`, then `last_rows`, then a plain snapshot.
import type { Scope, Seq } from "../base/ids.ts";
import type { Dialect } from "../protocol/dialect.ts";
import type { ResetReason } from "../protocol/down.ts";
import type { SubscribeOptions } from "../protocol/up.ts";
import type { LivePlan } from "../sql/plan.ts";
import type { Pace, Start } from "./delivery.ts";
import type { LiveLimits } from "./limits.ts";
import type { LiveRequest } from "./live-deps.ts";
import type { RowSource } from "./ports.ts";
import { notForPeers } from "./upkeep-of-group.ts";

export interface Horizon {
  readonly position: Seq;
  /** What ended up to here was forgotten. */
  readonly historyStartsAt: Seq;
  readonly epoch: string;
}

export interface Opening {
  readonly start: Start;
  /** Why a cursor that was given means nothing here: the client must forget what it has. */
  readonly reset: ResetReason | undefined;
}

/** A cursor from before a column had the name that the query knows it by was given for another column; one from before a view had its text, for other rows. */
export function historyStartOf(
  { plan, scope }: { readonly plan: LivePlan; readonly scope: Scope },
  source: Pick<RowSource, "historyStartsAt">,
): Seq {
  let startsAt = source.historyStartsAt(plan.table, scope);
  for (const { id, namedAtSeq } of plan.table.columns) {
    if (namedAtSeq !== undefined && namedAtSeq > startsAt && plan.namedColumns.includes(id)) startsAt = namedAtSeq;
  }
  for (const { definedAtSeq } of plan.views) {
    if (definedAtSeq !== undefined && definedAtSeq > startsAt) startsAt = definedAtSeq;
  }
  return startsAt;
}

/** Throws what the protocol of the client does not allow. */
export function openingOf(
  request: LiveRequest,
  dialect: Dialect,
  at: { readonly limits: LiveLimits; readonly source: RowSource; readonly position: Seq },
): Opening {
  const { strategy } = request.plan;
  // Rows that left or came because another table changed are in no table's history.
  const isRerun = strategy.kind === "rerun";
  if (isRerun && dialect.protocol === "peer") throw notForPeers(strategy);
  const { limits, source, position } = at;
  const historyStartsAt = historyStartOf(request, source);
  const horizon = isRerun ? undefined : { position, historyStartsAt, epoch: source.epoch };
  return toOpening(request.options, dialect, { limits, horizon });
}

/** Without a horizon no cursor can be resumed from. */
export function toOpening(
  options: SubscribeOptions | undefined,
  dialect: Dialect,
  { limits, horizon }: { readonly limits: LiveLimits; readonly horizon: Horizon | undefined },
): Opening {
  if (options === undefined) return { start: { kind: "nothing" }, reset: undefined };
  const { lastRows, from } = options;
  const batchRows = Math.min(options.batchSize ?? limits.batchRows, limits.maxBatchRows);
  const paging = pagingOf(dialect, batchRows, limits);
  if (from !== undefined && horizon !== undefined && isFromHere(from, options.epoch, horizon)) {
    const endsInBatches = dialect.protocol === "native";
    return { start: { kind: "resume", after: from, ...paging, endsInBatches }, reset: undefined };
  }
  const reset = from === undefined ? undefined : resetReason(from, options.epoch, horizon);
  // Told nothing of a reset, a peer goes on showing what it has: only all rows leave no hole in that.
  if (reset !== undefined && dialect.protocol === "peer") return { start: { kind: "snapshot", ...paging }, reset };
  if (lastRows === 0 || batchRows === 0) return { start: { kind: "empty" }, reset };
  if (lastRows === undefined) return { start: { kind: "snapshot", ...paging }, reset };
  return { start: { kind: "lastRows", ...paging, rows: lastRows }, reset };
}

function pagingOf(dialect: Dialect, batchRows: number, limits: LiveLimits) {
  const isPeer = dialect.protocol === "peer";
  const pace: Pace = isPeer && dialect.pages ? "client" : "server";
  // A resume goes on even where the client wants no batches: it would have a hole.
  const pageRows = isPeer && !dialect.pages ? limits.unpagedRows : batchRows || limits.batchRows;
  return { pageRows, replayRows: limits.batchRows, pace };
}

function resetReason(from: Seq, epoch: string | undefined, horizon: Horizon | undefined): ResetReason {
  if (horizon === undefined) return "history";
  const isOurs = epoch === undefined || epoch === horizon.epoch;
  return isOurs && from < horizon.historyStartsAt ? "history" : "epoch";
}

/** A cursor from another history of the data directory, or from its future, is no place to go on from. */
function isFromHere(from: Seq, epoch: string | undefined, horizon: Horizon): boolean {
  return (
    from >= horizon.historyStartsAt && from <= horizon.position && (epoch === undefined || epoch === horizon.epoch)
  );
}
