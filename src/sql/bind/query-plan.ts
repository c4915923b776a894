// Text, slots and relations of one query put together.
import type { OutputColumn } from "../../model/schema.ts";
import { TYPES } from "../../model/types.ts";
import type { QueryPlan, RelationUse, Slot, Strategy, SummaryColumn, SummaryText, ValueSource } from "../plan.ts";
import { createRenderer, type RenderExpression } from "../render/render-expression.ts";
import { cutAtHoles } from "./relation.ts";
import { scanColumn } from "./scan-terms.ts";
import type { BindSession } from "./session.ts";

export interface QueryText {
  readonly render: (render: RenderExpression) => string;
  readonly output: readonly OutputColumn[];
  readonly point: readonly ValueSource[] | undefined;
  /** Relation whose rows the query only counts and takes the extremes of. */
  readonly summarized?: number | undefined;
}

export function queryPlan(session: BindSession, query: QueryText): QueryPlan {
  let used = 0;
  const use = (slot: number): number => {
    used = Math.max(used, slot + 1);
    return slot;
  };
  const render = createRenderer({
    column: (relation, column) => session.columnText(relation, column),
    slot: (slot) => `?${use(slot) + 1}`,
  });
  const sql = cutAtHoles(query.render(render));
  const relations = session.relationReads();
  for (const relation of relations) use(slotOf(relation) ?? -1);
  const isPoint = query.point !== undefined && session.pointAllowed && relations.length === 1;
  const strategy: Strategy =
    isPoint && query.point !== undefined ? { kind: "point", keys: query.point } : { kind: "scan" };
  // SQLite counts parameters by the highest number in the text, and binding more than that is an error.
  const slots: readonly Slot[] = session.slots.slice(0, used);
  const plan = { kind: "query", sql, slots, relations, output: query.output, strategy } as const;
  const summary = query.summarized === undefined ? undefined : summaryOf(session, query, query.summarized);
  return summary === undefined || relations.length !== 1 ? plan : { ...plan, summary };
}

/** The same query over summaries of parts of the rows; undefined when it asks for anything that they do not say. */
function summaryOf(session: BindSession, { render }: QueryText, relation: number): SummaryText | undefined {
  const columns: SummaryColumn[] = [];
  let isWhole = true;
  const refuse = (): string => {
    isWhole = false;
    return "NULL";
  };
  const table = session.draftOf(relation)?.source;
  if (table === undefined || table.kind === "systemView") return undefined;
  const text = render(
    createRenderer({
      column: refuse,
      slot: (slot) => `?${slot + 1}`,
      aggregate: ({ merge }) => {
        if (merge === undefined) return refuse();
        if (merge.column === undefined) return `COALESCE(SUM(r${relation}.n), 0)`;
        const column = scanColumn(merge.column, { relation, columns: table.columns.length });
        const type = column === undefined ? undefined : table.columns[column]?.type;
        // Bounds of text may be wider than the text is.
        const isExact = type !== undefined && EXACT.has(TYPES[type.kind].sqlite);
        if (column === undefined || (merge.kind !== "count" && !isExact)) return refuse();
        const name = `r${relation}.s${columns.push({ kind: merge.kind, column }) - 1}`;
        return merge.kind === "count" ? `COALESCE(SUM(${name}), 0)` : `${merge.kind.toUpperCase()}(${name})`;
      },
    }),
  );
  return isWhole ? { sql: cutAtHoles(text), columns } : undefined;
}

const EXACT: ReadonlySet<string> = new Set(["INTEGER", "REAL"]);

function slotOf(relation: RelationUse): number | undefined {
  if (relation.kind === "userTable") return relation.scopeSlot;
  return relation.kind === "systemView" ? relation.rowsSlot : undefined;
}
