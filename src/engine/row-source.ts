// What live queries ask: snapshots and history, each with the commit position it was read at, and whether rows match. Query processes answer, except for the rows of
// STREAM tables, which are in memory here.
import { assert } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import { matches } from "../live/membership.ts";
import type { MatchRequest, PageRequest, RowPage, RowSource } from "../live/ports.ts";
import { evaluationRow } from "../model/change.ts";
import { SYSTEM_COLUMNS, type TableSchema } from "../model/schema.ts";
import { type Cell, sameType } from "../model/sql-type.ts";
import type { LivePlan, QueryPlan } from "../sql/plan.ts";
import type { CatalogView, StreamView } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";
import { type QueryRunner, versionOf } from "./reads.ts";

const MAX_SEQ = 2n ** 63n - 1n;

export interface RowSourceDeps extends Pick<EngineDeps, "queries" | "writer"> {
  readonly streams: StreamView;
  readonly catalog: Pick<CatalogView, "historyStartsAt" | "flushedUpTo" | "tableById">;
}

/** Reads may be of a later version of the table than their plan: whoever asked says whether that matters (`isOutdated`). */
export function createRowSource(deps: RowSourceDeps, epoch: string): RowSource {
  const { queries, writer, streams, catalog } = deps;
  const read = async (plan: QueryPlan, request: PageRequest): Promise<RowPage> => {
    const slots = boundSlots(plan, request);
    const { rows, position } = await queries.cells({ plan, slots, isAnyVersion: true }, undefined);
    return { rows: rows.map(versionOf), position };
  };
  const snapshot = async (request: PageRequest): Promise<RowPage> => {
    if (request.plan.table.kind !== "stream") return read(request.plan.snapshot, request);
    const { rows, position } = await matchingStreamRows(request, deps);
    return { rows: rows.slice(0, request.limit), position };
  };
  const lastRows = async (request: PageRequest): Promise<RowPage> => {
    if (request.plan.table.kind === "stream") {
      const { rows, position } = await matchingStreamRows(request, deps);
      return { rows: rows.slice(-request.limit), position };
    }
    const page = await read(request.plan.lastRows, request);
    return { rows: page.rows.toReversed(), position: page.position };
  };
  const history = async (request: PageRequest): Promise<RowPage> => {
    const { table } = request.plan;
    if (table.kind !== "stream") return read(request.plan.history, request);
    const { rows, position } = streamVersions(request, deps);
    return { rows: rows.slice(0, request.limit), position };
  };
  return {
    snapshot,
    lastRows,
    history,
    lastRowsStart: async (request) => {
      if (request.plan.table.kind === "stream") {
        const { rows, position } = await matchingStreamRows(request, deps);
        return { after: before(rows.at(-request.limit)?.seq), position };
      }
      const plan = request.plan.lastRowsStart;
      const slots = boundSlots(plan, { ...request, limit: request.limit - 1 });
      const { rows, position } = await queries.cells({ plan, slots, isAnyVersion: true }, undefined);
      return { after: before(rows[0]?.[0]), position };
    },
    matching: (request) => matching(request, queries),
    historyStartsAt: (table, scope) => {
      const kept = table.kind === "stream" ? streams.floor(table) : catalog.historyStartsAt(table.id, scope);
      // A cursor from before it was created is one of another table of its name.
      const created = table.createdAtSeq ?? kept;
      return created > kept ? created : kept;
    },
    flushedUpTo: (table, scope) => catalog.flushedUpTo(table.id, scope),
    isOutdated: (plan) => isOutdated(plan, catalog.tableById(plan.table.id)),
    position: (): Seq => writer.position,
    epoch,
  };
}

function isOutdated({ table, projection, namedColumns }: LivePlan, now: TableSchema | undefined): boolean {
  if (now === undefined || now.version === table.version) return false;
  return table.columns.some(({ id, type }, place) => {
    if (!projection.includes(place) && !namedColumns.includes(id)) return false;
    const kept = now.columns.find((column) => column.id === id);
    return kept === undefined || !sameType(kept.type, type);
  });
}

function before(seq: Cell | undefined): Seq {
  return seqOf(typeof seq === "bigint" ? seq - 1n : 0n);
}

/** Rows of a STREAM table are in memory, and few. */
function streamVersions({ plan, scope, after, upTo }: PageRequest, { streams, writer }: RowSourceDeps): RowPage {
  const rows = streams
    .versions(plan.table, scope)
    .filter(({ seq }) => seq > after && (upTo === undefined || seq <= upTo));
  return { rows, position: writer.position };
}

/** All of them, as of one moment, however long it takes to say which match. */
async function matchingStreamRows(request: PageRequest, deps: RowSourceDeps): Promise<RowPage> {
  const { plan, slots, user } = request;
  const { rows, position } = streamVersions(request, deps);
  const living = rows.filter(({ deleted }) => !deleted);
  if (plan.strategy.kind === "filter") {
    return { rows: living.filter((version) => matches(request, evaluationRow(version))), position };
  }
  const answers = await matching({ plan, slots, user, versions: living }, deps.queries);
  return { rows: living.filter((_version, index) => answers[index] === true), position };
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
      { plan: plan.strategy.match(some.length), slots: [...slots, ...values], isAnyVersion: true },
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
