// What a SELECT can need of the tables it reads, noted on their drafts for the plan.
import type { Expr } from "../expression.ts";
import type { TopRows } from "../plan.ts";
import type { OrderTerm } from "./order.ts";
import type { FromItem } from "./relation.ts";
import type { RowCounts } from "./row-count.ts";
import { scanColumn, scanTerms } from "./scan-terms.ts";
import type { BindSession } from "./session.ts";

interface SelectReads {
  readonly from: FromItem | undefined;
  readonly where: Expr | undefined;
  /** Undefined unless each row of the table is one row of the result. */
  readonly order: readonly OrderTerm[] | undefined;
  readonly rowCounts: Pick<RowCounts, "limit" | "offset">;
}

export function noteReads(session: BindSession, { from, where, order, rowCounts }: SelectReads): void {
  for (const { relation, columns } of from?.tables ?? []) {
    const draft = session.draftOf(relation);
    if (draft === undefined) continue;
    // `_deleted` comes last: what is read of it is decided by `includeDeleted`.
    const target = { relation, columns: columns.length - 1 };
    const { terms, isWhole } = scanTerms(where, target, from?.isJoin === true);
    draft.terms = terms;
    draft.isWhole = from?.baseTable !== undefined && isWhole;
    draft.top = draft.isWhole && order !== undefined ? topRows(order, target, rowCounts) : undefined;
  }
}

function topRows(
  [first]: readonly OrderTerm[],
  target: Parameters<typeof scanColumn>[1],
  { limit, offset }: SelectReads["rowCounts"],
): TopRows | undefined {
  const column = first === undefined ? undefined : scanColumn(first.value, target);
  if (first === undefined || column === undefined || limit === undefined || offset === "computed") return undefined;
  return { column, descending: first.descending, nullsFirst: first.nullsFirst, limit, offset };
}
