// SHOW TABLE STATS: what is stored of a table, a row for each scope the caller may count: a SHARED table has one, everybody has their own of a USER table, and an
// administrator sees those of all users.
import { type Scope, SHARED_SCOPE, scopeOfUser } from "../base/ids.ts";
import { isAdmin } from "../model/role.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import { BIGINT, type Cell, INT, TEXT } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { QueryPlan } from "../sql/plan.ts";
import { deletedRowsPlan, liveRowsPlan } from "../sql/table-counts.ts";
import type { EngineDeps } from "./deps.ts";
import { rowsResult } from "./outcome.ts";
import { assertMayRun } from "./permission.ts";
import type { Caller } from "./session.ts";
import { columns } from "./views/definition.ts";

const TABLE_STATS = columns({
  table_name: TEXT,
  table_type: TEXT,
  user_id: TEXT,
  schema_version: INT,
  live_rows: BIGINT,
  deleted_rows: BIGINT,
  buffered_versions: BIGINT,
  flushed_versions: BIGINT,
  segments: BIGINT,
  segment_bytes: BIGINT,
});

/** Rows are counted in so many scopes, the caller's first; of others the columns about rows are NULL. */
const MAX_COUNTED_SCOPES = 20;
/** An administrator's list is cut here: it is made on the main thread. */
const MAX_SCOPES = 10_000;

export async function showTableStats(table: TableSchema, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const plans = [liveRowsPlan(table), deletedRowsPlan(table)];
  for (const plan of plans) assertMayRun(plan, call.session);
  const rows: Cell[][] = [];
  for (const scope of scopesOf(table, call, deps)) {
    const counts: Cell[] = [];
    const isCounted = rows.length < MAX_COUNTED_SCOPES;
    for (const plan of plans) counts.push(isCounted ? await countOf(plan, scope, { call, deps }) : null);
    rows.push(statsRow(table, scope, { counts, deps }));
  }
  return rowsResult(call.session, TABLE_STATS, rows);
}

function scopesOf(table: TableSchema, { session }: Caller, { catalog, writer }: EngineDeps): readonly Scope[] {
  if (table.kind === "shared") return [SHARED_SCOPE];
  const own = scopeOfUser(session.user);
  if (table.kind === "stream" || !isAdmin(session.role)) return [own];
  const flushed = catalog.segmentsOfTable(table.id).map(({ scope }) => scope);
  const others = [...new Set([...writer.bufferedScopes(table.id), ...flushed])].filter((scope) => scope !== own);
  return [own, ...others.toSorted()].slice(0, MAX_SCOPES);
}

interface Context {
  readonly call: Caller;
  readonly deps: EngineDeps;
}

async function countOf(plan: QueryPlan, scope: Scope, { call, deps }: Context): Promise<Cell> {
  const slots = plan.slots.length === 0 ? [] : [scope];
  const { rows } = await deps.queries.cells({ plan, slots, isAnyVersion: true }, call.signal);
  return rows[0]?.[0] ?? null;
}

function statsRow(
  table: TableSchema,
  scope: Scope,
  { counts, deps }: { readonly counts: readonly Cell[]; readonly deps: EngineDeps },
): Cell[] {
  const segments = deps.catalog.segments(table.id, scope);
  const sum = (values: readonly number[]): bigint => BigInt(values.reduce((total, value) => total + value, 0));
  return [
    qualifiedName(table),
    table.kind,
    scope === SHARED_SCOPE ? null : scope,
    table.version,
    ...counts,
    BigInt(deps.writer.bufferedRows(table.id, scope)),
    sum(segments.map(({ rows }) => rows)),
    BigInt(segments.length),
    sum(segments.map(({ bytes }) => bytes)),
  ];
}
