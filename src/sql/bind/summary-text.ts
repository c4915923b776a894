// The text of an aggregating query over summaries of parts of its table's rows, instead of over the rows. What it says of groups (their keys, HAVING, order,
// expressions over aggregates) stays SQLite's; only counts, sums and extremes of columns are had from the parts.
import type { TableSchema } from "../../model/schema.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { INTEGER_KINDS } from "../../model/type-kinds.ts";
import { TYPES } from "../../model/types.ts";
import type { Expr, MergeKind, QueryExpr } from "../expression.ts";
import type { SummaryColumn, SummaryText } from "../plan.ts";
import { createRenderer, type RenderExpression } from "../render/render-expression.ts";
import type { SummarizedQuery } from "./binder.ts";
import { cutAtHoles } from "./relation.ts";
import { scanColumn } from "./scan-terms.ts";
import type { BindSession } from "./session.ts";

interface Summarizable {
  readonly render: (render: RenderExpression) => string;
  readonly summarized?: SummarizedQuery | undefined;
}

/** Undefined when the query asks for anything that summaries do not say exactly. */
export function summaryText(session: BindSession, { render, summarized }: Summarizable): SummaryText | undefined {
  if (summarized === undefined) return undefined;
  const { relation, where, keys } = summarized;
  const draft = session.draftOf(relation);
  const table = draft?.source;
  if (table === undefined || table.kind === "systemView") return undefined;
  if (
    where !== undefined &&
    !(draft?.isWhole === true && draft.terms.every(({ column }) => isExactAt(table, column)))
  ) {
    return undefined;
  }
  const groups = keys.map((key) => groupColumn(key, relation, table));
  if (!groups.every((group) => group !== undefined)) return undefined;
  const parts = new Parts(session, relation, table, groups);
  // The rows of a part satisfy the condition already.
  const text = render((expr) => (expr === where ? "1" : parts.render(expr)));
  if (!parts.isExact) return undefined;
  const condition = where === undefined ? undefined : bareText(where, table);
  return { sql: cutAtHoles(text), columns: parts.columns, groups: [...new Set(groups)], where: condition };
}

/** Expressions over the hole's columns. */
class Parts {
  readonly render: RenderExpression;
  readonly columns: SummaryColumn[] = [];
  readonly #relation: number;
  readonly #table: TableSchema;
  isExact = true;

  constructor(session: BindSession, relation: number, table: TableSchema, groups: readonly number[]) {
    this.#relation = relation;
    this.#table = table;
    this.render = createRenderer({
      column: (of, column) =>
        of === relation && groups.includes(column) ? session.columnText(of, column) : this.#refuse(),
      slot: (slot) => `?${slot + 1}`,
      query: (expr) => this.#query(expr),
    });
  }

  /** A sub-query has aggregates of its own. */
  #query(expr: QueryExpr): string {
    if (expr.form === "output") return expr.render(this.render);
    return expr.form === "aggregate" && expr.merge !== undefined ? this.#merged(expr.merge) : this.#refuse();
  }

  #refuse(): string {
    this.isExact = false;
    return "NULL";
  }

  #merged({ kind, column: arg }: { readonly kind: MergeKind; readonly column: Expr | undefined }): string {
    if (arg === undefined) return `COALESCE(SUM(r${this.#relation}.n), 0)`;
    const { columns } = this.#table;
    const column = scanColumn(arg, { relation: this.#relation, columns: columns.length });
    const type = column === undefined ? undefined : columns[column]?.type;
    if (column === undefined || type === undefined || !isMergeable(kind, type)) return this.#refuse();
    const name = (summary: SummaryColumn["kind"]): string => this.#name(summary, column);
    switch (kind) {
      case "count":
        return `COALESCE(SUM(${name("count")}), 0)`;
      case "sum":
        return `SUM(${name("sum")})`;
      case "avg":
        return `(CAST(SUM(${name("sum")}) AS REAL) / SUM(${name("count")}))`;
      case "min":
      case "max":
        return `${kind.toUpperCase()}(${name(kind)})`;
    }
  }

  #name(kind: SummaryColumn["kind"], column: number): string {
    const known = this.columns.findIndex((one) => one.kind === kind && one.column === column);
    const index = known >= 0 ? known : this.columns.push({ kind, column }) - 1;
    return `r${this.#relation}.s${index}`;
  }
}

function isMergeable(kind: MergeKind, type: SqlType): boolean {
  switch (kind) {
    case "count":
    case "min":
    case "max":
      return true;
    case "sum":
      return INTEGER_KINDS.has(type.kind);
    case "avg":
      // SQLite's average of larger integers is another number once their sum leaves 64 bits.
      return type.kind === "smallint" || type.kind === "int";
  }
}

/** A key whose values are told apart by SQLite as they are here. */
function groupColumn(key: Expr, relation: number, table: TableSchema): number | undefined {
  if (key.kind !== "column" || key.relation !== relation) return undefined;
  return isExactAt(table, key.column) ? key.column : undefined;
}

/** Zero and its negative are one number with two forms, and bytes and documents are compared by none of what is done here. */
function isExactAt({ columns }: TableSchema, column: number): boolean {
  const type = columns[column]?.type;
  if (type === undefined || type.kind === "json") return false;
  const { sqlite } = TYPES[type.kind];
  return sqlite === "INTEGER" || sqlite === "TEXT";
}

function bareText(condition: Expr, { columns }: TableSchema): string {
  const render = createRenderer({
    column: (_relation, column) => `c${columns[column]?.id}`,
    slot: (slot) => `?${slot + 1}`,
  });
  return render(condition);
}
