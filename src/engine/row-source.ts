// What live queries read: snapshots and history, from a query process, each with the commit position it was read at.
import type { Seq } from "../base/ids.ts";
import type { PageRequest, RowPage, RowSource } from "../live/ports.ts";
import type { Cell } from "../model/sql-type.ts";
import type { QueryPlan } from "../sql/plan.ts";
import type { EngineDeps } from "./deps.ts";
import { versionOf } from "./reads.ts";

const MAX_SEQ = 2n ** 63n - 1n;

export function createRowSource(deps: Pick<EngineDeps, "queries" | "writer">, epoch: string): RowSource {
  const read = async (plan: QueryPlan, request: PageRequest): Promise<RowPage> => {
    const slots = boundSlots(plan, request);
    const { rows, position } = await deps.queries.cells({ plan, slots }, undefined);
    return { rows: rows.map(versionOf), position };
  };
  return {
    snapshot: (request) => read(request.plan.snapshot, request),
    lastRows: async (request) => {
      const page = await read(request.plan.lastRows, request);
      return { rows: page.rows.toReversed(), position: page.position };
    },
    history: (request) => read(request.plan.history, request),
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
