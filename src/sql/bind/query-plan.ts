// Text, slots and relations of one query put together.
import type { OutputColumn } from "../../model/schema.ts";
import type { QueryPlan, RelationUse, Slot, Strategy, ValueSource } from "../plan.ts";
import { createRenderer, type RenderExpression } from "../render/render-expression.ts";
import type { SummarizedQuery } from "./binder.ts";
import { cutAtHoles } from "./relation.ts";
import type { BindSession } from "./session.ts";
import { summaryText } from "./summary-text.ts";

export interface QueryText {
  readonly render: (render: RenderExpression) => string;
  readonly output: readonly OutputColumn[];
  readonly point: readonly ValueSource[] | undefined;
  readonly summarized?: SummarizedQuery | undefined;
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
  const summary = relations.length === 1 ? summaryText(session, query) : undefined;
  return summary === undefined ? plan : { ...plan, summary };
}

function slotOf(relation: RelationUse): number | undefined {
  if (relation.kind === "userTable") return relation.scopeSlot;
  return relation.kind === "systemView" ? relation.rowsSlot : undefined;
}
