// EXPLAIN: where a statement would run and what it would touch; EXPLAIN ANALYZE runs it and says what it touched. EXPLAIN LIVE: the shape a subscription would join and how changes are routed to it.
import { paramShape } from "../model/param.ts";
import { qualifiedName, SYSTEM_COLUMNS, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { IndexTerm, InsertPlan, LivePlan, QueryPlan, RelationUse, WritePlan } from "../sql/plan.ts";
import type { Statement } from "../sql/statement.ts";
import { readCounted } from "./counted-rows.ts";
import { slotsOf } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { rowsResult, textColumns } from "./outcome.ts";
import { assertMayRun } from "./permission.ts";
import type { Explained, FlushedRead } from "./reads.ts";
import type { Caller } from "./session.ts";

type TableUse = Exclude<RelationUse, { kind: "systemView" }>;

export async function explain(
  statement: Extract<Statement, { kind: "explain" }>,
  call: Caller,
  deps: EngineDeps,
): Promise<StatementResult> {
  const lines = statement.live
    ? liveLines(deps.preparer.prepareLive(statement.innerText, call.session, paramShape(call.params)).plan)
    : await dataLines(statement, call, deps);
  return rowsResult(
    call.session,
    textColumns("QUERY PLAN"),
    lines.map((line) => [line]),
  );
}

async function dataLines(
  { innerText, analyze }: Extract<Statement, { kind: "explain" }>,
  call: Caller,
  deps: EngineDeps,
): Promise<string[]> {
  const [runnable] = deps.preparer.prepare(innerText, call.session, paramShape(call.params));
  if (runnable === undefined || runnable.kind !== "data") return [];
  const { plan, literals } = runnable.plan(call.session);
  assertMayRun(plan, call.session);
  const describe = async (query: QueryPlan): Promise<string[]> => {
    const slots = slotsOf(query.slots, { ...call, literals }, deps);
    const bound = { plan: query, slots };
    const counted = readCounted(bound, deps);
    if (counted !== undefined) return countedLines(query, analyze ? counted.rowCount : undefined);
    const explained = await deps.queries.explain(bound, { analyze, signal: call.signal });
    const lines = queryLines(query, explained);
    return analyze ? [...lines, `Rows: ${explained.rowCount}`] : lines;
  };
  if (plan.kind === "query") return describe(plan);
  const lines = plan.kind === "insert" ? await sourceLines(plan, describe) : await describe(plan.find);
  return [targetLine(plan), ...lines.map((line) => `  ${line}`)];
}

function countedLines({ relations }: QueryPlan, rowCount: number | undefined): string[] {
  const tables = relations.flatMap((use) =>
    use.kind === "systemView" ? [] : [`  Relation: ${describeTable(use.schema)}`],
  );
  const lines = ["Main thread: rows of files are counted by the catalog, buffered ones one by one", ...tables];
  return rowCount === undefined ? lines : [...lines, `Rows: ${rowCount}`];
}

function targetLine(plan: WritePlan): string {
  const verb = plan.kind === "insert" ? "Insert into" : plan.kind === "update" ? "Update" : "Delete from";
  return `${verb} ${describeTable(plan.table)}`;
}

async function sourceLines(
  { source }: InsertPlan,
  describe: (query: QueryPlan) => Promise<string[]>,
): Promise<readonly string[]> {
  return source.kind === "values" ? [`Values: ${source.rows.length} row(s)`] : describe(source.query);
}

function queryLines(plan: QueryPlan, { reads }: Explained): string[] {
  const where =
    plan.strategy.kind === "point"
      ? `Point read by primary key (${plan.strategy.keys.length} key(s)), main thread when buffered`
      : "Query process";
  const waiting = [...reads];
  const relations = plan.relations.flatMap((use) => {
    if (use.kind === "systemView") return [`  Relation: ${use.view}`];
    const name = `  Relation: ${describeTable(use.schema)}`;
    const read = use.schema.kind === "stream" ? undefined : waiting.shift();
    return [name, ...readLines(use, read).map((line) => `    ${line}`)];
  });
  return [where, ...relations];
}

/** What of a table is asked for, and what that leaves of its files. */
function readLines(use: TableUse, flushed: FlushedRead | undefined): string[] {
  const { schema, read } = use;
  const lines: string[] = [];
  const nameOf = (place: number): string =>
    schema.columns[place]?.name ?? SYSTEM_COLUMNS[place - schema.columns.length]?.name ?? "";
  if (read !== undefined)
    lines.push(`Columns: ${read.columns.length === 0 ? "none" : read.columns.map(nameOf).join(", ")}`);
  const { conditions = [], indexes = [] } = flushed ?? {};
  if (conditions.length > 0) lines.push(`Conditions: ${conditions.join(" AND ")}`);
  if (indexes.length > 0) lines.push(`Index of buffered rows: ${indexes.join(", ")}`);
  if (read?.top !== undefined)
    lines.push(`First rows by: ${nameOf(read.top.column)}${read.top.descending ? " DESC" : ""}`);
  if (flushed === undefined || flushed.segments === 0) return lines;
  const files = `Segments: ${flushed.segmentsRead} of ${flushed.segments}, row groups: ${flushed.rowGroupsRead} of ${flushed.rowGroups}`;
  if (flushed.by !== "rows") lines.push(SUMMARIZED[flushed.by]);
  return [...lines, flushed.isCached ? `${files}, by an earlier query` : files];
}

const SUMMARIZED = {
  columns: "Aggregated: over columns, without making rows",
  metadata: "Aggregated: from metadata of the files",
} as const;

function describeTable(table: TableSchema): string {
  return `${qualifiedName(table)} (${table.kind}${table.kind === "shared" ? "" : ", rows of the caller only"})`;
}

function liveLines(plan: LivePlan): string[] {
  const routing = plan.terms.map((term) => termText(plan.table, term));
  return [
    `Live query on ${describeTable(plan.table)}`,
    ...plan.views.map(({ name }) => `  View: ${name}`),
    `  Shape: ${plan.shape}`,
    `  Strategy: ${strategyText(plan)}`,
    ...(plan.strategy.kind === "rerun" ? tableLines(plan.snapshot) : []),
    `  Routing: ${routing.length === 0 ? "every change of the scope" : routing.join("; ")}`,
  ];
}

function strategyText({ strategy, predicate }: LivePlan): string {
  switch (strategy.kind) {
    case "filter":
      return predicate === undefined
        ? "filter, every row matches"
        : "filter, evaluated on old and new row in the tick of the commit";
    case "matchRows":
      return `re-run by key, because of ${strategy.why}: old and new row are put to a query process`;
    default:
      return `re-run, because of ${strategy.why}: the query runs again in a query process after each change of a table it reads`;
  }
}

/** Each table once, however often the query reads it. */
function tableLines(query: QueryPlan): string[] {
  const tables = query.relations.flatMap((use) => (use.kind === "systemView" ? [] : [describeTable(use.schema)]));
  return [...new Set(tables)].map((table) => `  Reads: ${table}`);
}

function termText(table: TableSchema, term: IndexTerm): string {
  if (term.kind === "any") {
    const arms = term.arms.map((arm) => arm.map((each) => termText(table, each)).join(", "));
    return `any of (${arms.join(" | ")})`;
  }
  const column = table.columns[term.column]?.name ?? `column ${term.column}`;
  return term.kind === "equal" ? `hash on ${column} (${term.values.length} value(s))` : `${TERMS[term.kind]} ${column}`;
}

const TERMS = {
  null: "NULL in",
  notNull: "a value in",
  range: "range on",
  prefix: "prefix on",
  like: "fixed text of a pattern on",
} as const;
