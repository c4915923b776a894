// What live queries ask of query processes: snapshots and history, each with the commit position it was read at, and whether rows match.
import { assert } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { MatchRequest, PageRequest, RowPage, RowSource } from "../live/ports.ts";
import { SYSTEM_COLUMNS } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import type { QueryPlan } from "../sql/plan.ts";
import type { EngineDeps } from "./deps.ts";
import { type QueryRunner, versionOf } from "./reads.ts";

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
    lastRowsStart: async (request) => {
      const plan = request.plan.lastRowsStart;
      const slots = boundSlots(plan, { ...request, limit: request.limit - 1 });
      const { rows, position } = await deps.queries.cells({ plan, slots }, undefined);
      const oldest = rows[0]?.[0];
      return { after: seqOf(typeof oldest === "bigint" ? oldest - 1n : 0n), position };
    },
    history: (request) => read(request.plan.history, request),
    matching: (request) => matching(request, deps.queries),
    position: (): Seq => deps.writer.position,
    epoch,
  };
}

/** SQLite binds at most 32,766 values to a statement; a few hundred versions at a time keep its text short too. */
const MAX_VALUES = 30_000;
const VERSIONS_AT_ONCE = 256;

async function matching({ plan, slots, versions }: MatchRequest, queries: QueryRunner): Promise<readonly boolean[]> {
  assert(plan.strategy.kind === "matchRows", "only such a query is asked row by row");
  const width = plan.table.columns.length + SYSTEM_COLUMNS.length;
  const room = Math.max(1, Math.floor((MAX_VALUES - slots.length) / width));
  const answers = Array.from({ length: versions.length }, () => false);
  const step = Math.min(room, VERSIONS_AT_ONCE);
  for (let start = 0; start < versions.length; start += step) {
    const some = versions.slice(start, start + step);
    const values = some.flatMap(({ cells, seq, deleted }) => [...cells, seq, deleted]);
    const { rows } = await queries.cells(
      { plan: plan.strategy.match(some.length), slots: [...slots, ...values] },
      undefined,
    );
    for (const [place] of rows) answers[start + Number(place)] = true;
  }
  return answers;
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
