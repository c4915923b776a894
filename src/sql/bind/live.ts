// Live queries: a SELECT of columns from one table, or from a view of one. The predicate decides how it is kept up to date: what JavaScript can evaluate on one row in bounded
// time is a filter, what needs more time or other rows is left to query processes.
import type { SelectStmt } from "libpg-query";
import { DELETED_COLUMN, type OutputColumn, qualifiedName, SEQ_COLUMN, type TableSchema } from "../../model/schema.ts";
import { typeText } from "../../model/types.ts";
import { compile } from "../compile.ts";
import type { Expr } from "../expression.ts";
import type { Generators } from "../functions/generators.ts";
import type { Evaluate, LivePlan, LiveStrategy, QueryPlan, RelationUse } from "../plan.ts";
import { createRenderer } from "../render/render-expression.ts";
import type { Binder } from "./binder.ts";
import { conjunction } from "./boolean.ts";
import { indexTerms } from "./index-terms.ts";
import { liveQueries } from "./live-queries.ts";
import { bindLiveSelect, notLive } from "./live-source.ts";
import { cutAtHoles, type FromItem } from "./relation.ts";
import type { BindSession } from "./session.ts";
import { unboundedPart } from "./unbounded.ts";
import { walk } from "./walk.ts";

export function bindLive(binder: Binder, select: SelectStmt, generators: Generators): LivePlan {
  const { session } = binder;
  const { table, item, columns, projection, names, wholeRow, conditions } = bindLiveSelect(binder, select);
  const condition = conditions.length === 0 ? undefined : conjunction(conditions);
  refuseVolatile(session);
  const predicate = condition === undefined ? undefined : compilePredicate(condition, { item, generators });
  const system = wholeRow ? item.visible.filter((column) => column.system) : [];
  const output = [...columns, ...system].map(({ name, type, flags }, place): OutputColumn => {
    return { name: names[place] ?? name, type, flags };
  });
  const queries = liveQueries(session, { table, item, condition });
  const strategy = strategyOf(condition, predicate, queries.match);
  if (strategy.kind === "rerun") refuseStreams(session);
  return {
    kind: "live",
    table,
    slots: queries.slots,
    strategy,
    predicate,
    terms: strategy.kind === "rerun" ? [] : indexTerms(table, condition),
    projection,
    wholeRow,
    views: [...session.viewsRead.values()].map(({ namespace, name, definedAtSeq }) => {
      return { name: `${namespace}.${name}`, definedAtSeq };
    }),
    namedColumns: namedColumns(table, wholeRow ? [] : projection, condition),
    output,
    shape: shapeText(session, { table, projection, wholeRow, condition }),
    snapshot: queries.snapshot,
    lastRows: queries.lastRows,
    lastRowsStart: queries.lastRowsStart,
    history: queries.history,
  };
}

function namedColumns(table: TableSchema, listed: readonly number[], condition: Expr | undefined): readonly number[] {
  const filtered = condition === undefined ? [] : [...walk(condition)];
  const positions = filtered.flatMap((part) => (part.kind === "column" ? [part.column] : []));
  // System columns come after the table's own and cannot go away.
  return [...new Set([...listed, ...positions])].flatMap((position) => table.columns[position]?.id ?? []);
}

/** A predicate that gives another answer each time it is asked has no result to be kept up to date. */
function refuseVolatile(session: BindSession): void {
  const { volatile } = session;
  if (volatile !== undefined) {
    throw notLive(`${volatile.name}, whose value differs from call to call,`, volatile.position);
  }
  const view = session.relationUses().find((use) => use.kind === "systemView");
  if (view?.kind === "systemView") throw notLive(`the system view ${view.view}`);
}

/** Their rows are in no database, and have no common position with rows that a query process reads. */
function refuseStreams(session: BindSession): void {
  for (const use of session.relationUses()) {
    if (use.kind === "systemView" || use.schema.kind !== "stream") continue;
    throw notLive(`a sub-query with the STREAM table ${qualifiedName(use.schema)}`);
  }
}

function compilePredicate(
  condition: Expr,
  { item, generators }: { readonly item: FromItem; readonly generators: Generators },
): Evaluate | undefined {
  const relation = item.tables[0]?.relation;
  for (const part of walk(condition)) {
    const isDeleted =
      part.kind === "column" && part.relation === relation && item.visible[part.column]?.name === DELETED_COLUMN;
    if (isDeleted) throw notLive(`${DELETED_COLUMN} in WHERE`);
  }
  const cellIndex = (other: number, column: number): number | undefined => (other === relation ? column : undefined);
  return compile(condition, { cellIndex, generators, deterministic: true });
}

function strategyOf(
  condition: Expr | undefined,
  predicate: Evaluate | undefined,
  match: ((versions: number) => QueryPlan) | undefined,
): LiveStrategy {
  if (condition === undefined || match === undefined || predicate !== undefined) return { kind: "filter" };
  if (walk(condition).some((part) => part.kind === "query")) return { kind: "rerun", why: "a sub-query" };
  return { kind: "matchRows", why: unboundedPart(condition)?.label ?? "a part whose time has no bound", match };
}

interface ShapeInput {
  readonly table: TableSchema;
  readonly projection: readonly number[];
  readonly wholeRow: boolean;
  readonly condition: Expr | undefined;
}

/** Without alias, spelling and literal values: only what decides which rows and columns a subscriber gets. */
function shapeText(session: BindSession, { table, projection, wholeRow, condition }: ShapeInput): string {
  const nameOf = (index: number): string =>
    table.columns[index]?.name ?? (index === table.columns.length ? SEQ_COLUMN : DELETED_COLUMN);
  const columns = wholeRow ? "*" : projection.map(nameOf).join(", ");
  // When a view gets another text, its live queries end, and no others.
  const through = [...session.viewsRead.keys()].map((view) => ` THROUGH ${view}`).join("");
  if (condition === undefined) return `SELECT ${columns} FROM ${qualifiedName(table)}${through}`;
  const hasQuery = walk(condition).some((part) => part.kind === "query");
  const render = createRenderer({
    // Among several relations a bare name would not say whose column it is.
    column: (relation, column) => (hasQuery ? session.columnText(relation, column) : nameOf(column)),
    slot: (slot) => `?${slot + 1}::${slotType(session, slot)}`,
  });
  const uses = session.relationUses();
  const nameOfUse = (use: RelationUse | undefined): string =>
    use === undefined || use.kind === "systemView" ? "" : qualifiedName(use.schema);
  const where = cutAtHoles(render(condition)).map((piece) =>
    typeof piece === "string" ? piece : nameOfUse(uses[piece]),
  );
  return `SELECT ${columns} FROM ${qualifiedName(table)} WHERE ${where.join("")}${through}`;
}

function slotType(session: BindSession, slot: number): string {
  const type = session.slots[slot]?.type;
  return type === undefined ? "" : typeText(type);
}
