// What live queries read: snapshots and history, from a query process, each with the commit position it was read at.
import { DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import { evaluationRow, matches } from "../live/membership.ts";
import type { PageRequest, RowPage, RowSource } from "../live/ports.ts";
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";
import type { QueryPlan } from "../sql/plan.ts";
import type { StreamView } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";
import { versionOf } from "./reads.ts";

const MAX_SEQ = 2n ** 63n - 1n;
const NO_FLOOR = seqOf(0n);

export interface RowSourceDeps extends Pick<EngineDeps, "queries" | "writer"> {
  readonly streams: StreamView;
}

export function createRowSource(deps: RowSourceDeps, epoch: string): RowSource {
  /** Rows of a STREAM table are in memory, and few. */
  const readStream = (
    request: PageRequest,
    choose: (versions: readonly RowVersion[]) => readonly RowVersion[],
  ): RowPage => {
    const { plan, scope, after, upTo } = request;
    const bounded = deps.streams
      .versions(plan.table, scope)
      .filter(({ seq }) => seq > after && (upTo === undefined || seq <= upTo));
    return { rows: choose(bounded), position: deps.writer.position };
  };
  const isMatch = (request: PageRequest) => (version: RowVersion) =>
    !version.deleted && matches(request, evaluationRow(version));
  const read = async (plan: QueryPlan, request: PageRequest): Promise<RowPage> => {
    const slots = boundSlots(plan, request);
    const { rows, position } = await deps.queries.cells({ plan, slots }, undefined);
    return { rows: rows.map(versionOf), position };
  };
  return {
    snapshot: async (request) => {
      if (request.plan.table.kind !== "stream") return read(request.plan.snapshot, request);
      return readStream(request, (versions) => versions.filter(isMatch(request)).slice(0, request.limit));
    },
    lastRows: async (request) => {
      if (request.plan.table.kind === "stream") {
        return readStream(request, (versions) => versions.filter(isMatch(request)).slice(-request.limit));
      }
      const page = await read(request.plan.lastRows, request);
      return { rows: page.rows.toReversed(), position: page.position };
    },
    history: async (request) => {
      const { table } = request.plan;
      if (table.kind !== "stream") return read(request.plan.history, request);
      if (request.after < deps.streams.floor(table)) {
        throw new DbError("SUBSCRIPTION_FAILED", "The rows to go on from are gone; subscribe again");
      }
      return readStream(request, (versions) => versions.slice(0, request.limit));
    },
    floor: (table) => (table.kind === "stream" ? deps.streams.floor(table) : NO_FLOOR),
    position: (): Seq => deps.writer.position,
    epoch,
  };
}

/** The subscription's own values, then the bounds of this page. */
function boundSlots(plan: QueryPlan, request: PageRequest): Cell[] {
  return plan.slots.map((slot, index): Cell => {
    switch (slot.kind) {
      case "afterSeq":
        return request.after;
      case "upToSeq":
        return request.upTo ?? MAX_SEQ;
      case "limit":
        return BigInt(request.limit);
      case "user":
        return request.user;
      default:
        return request.slots[index] ?? null;
    }
  });
}
