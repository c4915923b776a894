// EXPLAIN: where a statement would run and what it would touch. EXPLAIN LIVE: the shape a subscription would join and how changes are routed to it.
import { paramShape } from "../model/param.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { DataPlan, IndexTerm, LivePlan, QueryPlan } from "../sql/plan.ts";
import type { Statement } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { rowsResult, textColumns } from "./outcome.ts";
import { assertMayRun } from "./permission.ts";
import type { Caller } from "./session.ts";

export function explain(
  statement: Extract<Statement, { kind: "explain" }>,
  call: Caller,
  deps: EngineDeps,
): StatementResult {
  const lines = statement.live
    ? liveLines(deps.preparer.prepareLive(statement.innerText, call.session, paramShape(call.params)).plan)
    : dataLines(statement.innerText, call, deps);
  return rowsResult(
    call.session,
    textColumns("QUERY PLAN"),
    lines.map((line) => [line]),
  );
}

function dataLines(text: string, call: Caller, deps: EngineDeps): string[] {
  const [runnable] = deps.preparer.prepare(text, call.session, paramShape(call.params));
  if (runnable === undefined || runnable.kind !== "data") return [];
  const { plan } = runnable.plan(call.session);
  assertMayRun(plan, call.session);
  return planLines(plan);
}

function planLines(plan: DataPlan): string[] {
  if (plan.kind === "query") return queryLines(plan);
  const target = `${plan.kind === "insert" ? "Insert into" : plan.kind === "update" ? "Update" : "Delete from"} ${describeTable(plan.table)}`;
  if (plan.kind !== "insert") return [target, ...queryLines(plan.find).map((line) => `  ${line}`)];
  const source = plan.source;
  return source.kind === "values"
    ? [target, `  Values: ${source.rows.length} row(s)`]
    : [target, ...queryLines(source.query).map((line) => `  ${line}`)];
}

function queryLines(plan: QueryPlan): string[] {
  const where =
    plan.strategy.kind === "point"
      ? `Point read by primary key (${plan.strategy.keys.length} key(s)), main thread when buffered`
      : "Query process";
  return [
    where,
    ...plan.relations.map((use) => `  Relation: ${use.kind === "systemView" ? use.view : describeTable(use.schema)}`),
  ];
}

function describeTable(table: TableSchema): string {
  return `${qualifiedName(table)} (${table.kind}${table.kind === "shared" ? "" : ", rows of the caller only"})`;
}

function liveLines(plan: LivePlan): string[] {
  const routing = plan.terms.map((term) => termText(plan.table, term));
  return [
    `Live query on ${describeTable(plan.table)}`,
    `  Shape: ${plan.shape}`,
    `  Strategy: ${strategyText(plan)}`,
    ...(plan.strategy.kind === "rerun" ? readLines(plan.snapshot) : []),
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

function readLines(query: QueryPlan): string[] {
  return query.relations.flatMap((use) => (use.kind === "systemView" ? [] : [`  Reads: ${describeTable(use.schema)}`]));
}

function termText(table: TableSchema, term: IndexTerm): string {
  const column = table.columns[term.column]?.name ?? `column ${term.column}`;
  if (term.kind === "equal") return `hash on ${column} (${term.values.length} value(s))`;
  return `range on ${column}`;
}
