// An aggregating query answered without making rows: its groups are had from metadata of the files or from their decoded columns, and what is buffered is added to
// them by SQLite. Where that would not be exact there is no answer here, and the rows are read.
import type { Seq } from "../../base/ids.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { SummaryText } from "../../sql/plan.ts";
import type { ScopeGroups } from "../../storage/cold/scope-groups.ts";
import type { SegmentRef } from "../../storage/cold/segment-cache.ts";
import { compareSqlite } from "../../storage/cold/sqlite-order.ts";
import type { ColdTables, SummarizedRows } from "./cold-tables.ts";
import { type DataFile, sameSegments } from "./data-file.ts";
import type { QueryRequest } from "./messages.ts";
import { summaryHole, type TableRelation } from "./relation-text.ts";
import { valueJson } from "./value-json.ts";

export interface SummaryReadDeps {
  readonly file: DataFile;
  readonly cold: ColdTables;
}

/** A text that says what a query asks, with the values it takes. */
export interface SummarySelect {
  readonly relation: TableRelation;
  readonly sql: string;
  readonly values: readonly SqliteValue[];
  readonly flushed: SummarizedRows;
}

/** Runs a text in the open transaction. */
export type RunSelect<T> = (select: SummarySelect) => T;

/** What took longer is not done again with a transaction open, which keeps the log from being folded. */
const MAX_TRANSACTION_MS = 250;

type SummaryRequest = Pick<QueryRequest, "summary" | "relations" | "values">;

/** Undefined when the rows have to be read. */
export async function readSummary<T>(
  deps: SummaryReadDeps,
  request: SummaryRequest,
  run: RunSelect<T>,
): Promise<T | undefined> {
  const query = summaryQuery(request);
  if (query === undefined) return undefined;
  const { file } = deps;
  const state = file.inTransaction(() => flushedState(deps, query.relation));
  const startedAt = performance.now();
  const flushed = await summarized(deps, query, state);
  const tookMs = performance.now() - startedAt;
  if (flushed === undefined || state === undefined) return undefined;
  const isDone = file.inTransaction(() => {
    const now = flushedState(deps, query.relation);
    return now !== undefined && isSame(state, now) ? { answer: run(selectOf(query, state, flushed)) } : undefined;
  });
  if (isDone !== undefined) return isDone.answer;
  // Rows that were flushed are written faster than they are counted. By now the columns are decoded, unless they are too many to be kept.
  if (tookMs > MAX_TRANSACTION_MS) return undefined;
  return file.inLongTransaction(async () => {
    const now = flushedState(deps, query.relation);
    const again = await summarized(deps, query, now);
    return now === undefined || again === undefined ? undefined : run(selectOf(query, now, again));
  });
}

/** How the flushed rows would be had; no column is decoded. Undefined when rows would be made. */
export async function plannedSummary(
  deps: SummaryReadDeps,
  request: SummaryRequest,
): Promise<Partial<Pick<SummarizedRows, "by" | "outcome">> | undefined> {
  const query = summaryQuery(request);
  const state = query === undefined ? undefined : deps.file.inTransaction(() => flushedState(deps, query.relation));
  if (query === undefined || state === undefined) return undefined;
  return (await deps.cold.summarizeMetadata(scopeGroups(query, state))) ?? { by: "columns" };
}

interface SummaryQuery {
  readonly relation: TableRelation;
  readonly summary: SummaryText;
  readonly values: readonly SqliteValue[];
}

function summaryQuery({ summary, relations, values }: SummaryRequest): SummaryQuery | undefined {
  const [relation] = relations;
  if (summary === undefined || relation?.kind !== "table" || relation.includeDeleted) return undefined;
  // What a transaction has written is in no file, and a look-up by key reads less.
  if (relation.ownParameter !== undefined || relation.keys !== undefined) return undefined;
  return { relation, summary, values };
}

/** The flushed rows of a scope at one moment. */
interface FlushedState {
  readonly segments: readonly SegmentRef[];
  readonly upTo: Seq;
  readonly hiddenKeys: readonly SqliteValue[];
}

function flushedState({ file }: SummaryReadDeps, relation: TableRelation): FlushedState | undefined {
  const { segments, upTo } = file.flushed(relation);
  if (segments.length === 0) return undefined;
  const hiddenKeys = file.hiddenKeys(relation, segments, upTo);
  return hiddenKeys === undefined ? undefined : { segments, upTo, hiddenKeys };
}

function isSame(before: FlushedState, now: FlushedState): boolean {
  const { hiddenKeys } = before;
  return (
    sameSegments(before.segments, now.segments) &&
    hiddenKeys.length === now.hiddenKeys.length &&
    hiddenKeys.every((key, index) => compareSqlite(key, now.hiddenKeys[index] ?? null) === 0)
  );
}

async function summarized(
  { file, cold }: SummaryReadDeps,
  query: SummaryQuery,
  state: FlushedState | undefined,
): Promise<SummarizedRows | undefined> {
  if (state === undefined) return undefined;
  try {
    return await cold.summarize(scopeGroups(query, state));
  } catch (error) {
    const now = file.inAnyTransaction(() => file.segments(query.relation));
    // A file may go away because its segment did: the rows are read from the newer set.
    if (sameSegments(state.segments, now)) throw error;
    return undefined;
  }
}

function scopeGroups({ relation, summary }: SummaryQuery, { segments, hiddenKeys }: FlushedState): ScopeGroups {
  const { schema, scope, conditions } = relation;
  const { groups, columns } = summary;
  return { schema, scope, conditions, segments, hiddenKeys, groups, columns };
}

function selectOf(
  { relation, summary, values }: SummaryQuery,
  { upTo }: FlushedState,
  flushed: SummarizedRows,
): SummarySelect {
  const partsParameter = values.length + 1;
  const hole = summaryHole(relation, summary, { partsParameter, flushedUpTo: upTo });
  const sql = summary.sql.map((piece) => (typeof piece === "string" ? piece : hole)).join("");
  const parts = flushed.rows.map((row) => `[${row.map(valueJson).join(",")}]`);
  return { relation, sql, values: [...values, `[${parts.join(",")}]`], flushed };
}
