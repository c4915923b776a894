// What a plan can need of a table, with the values of one call.
import type { TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite } from "../../model/types.ts";
import type { RelationUse, ScanTerm, TopRows, ValueSource } from "../../sql/plan.ts";
import type { ColumnCondition } from "../../storage/cold/column-condition.ts";
import { typeAt } from "../../storage/cold/segment-cache.ts";
import type { TopOrder } from "../../storage/cold/top-cut.ts";
import type { QueryRelation } from "./messages.ts";

type TableUse = Exclude<RelationUse, { kind: "systemView" }>;

/** More rows than this are not worth keeping in order: the whole is read. */
const MAX_TOP_ROWS = 10_000;

export function boundRead(
  { schema, read }: TableUse,
  values: readonly SqliteValue[],
): Pick<Extract<QueryRelation, { kind: "table" }>, "places" | "conditions" | "top"> {
  if (read === undefined) return { places: undefined, conditions: [], top: undefined };
  const conditions = read.terms.map((term) => boundTerm(term, { schema, values }));
  return { places: read.columns, conditions, top: read.top && boundTop(read.top, values) };
}

interface Bind {
  readonly schema: TableSchema;
  readonly values: readonly SqliteValue[];
}

function boundTerm(term: ScanTerm, bind: Bind): ColumnCondition {
  const { column: place } = term;
  switch (term.kind) {
    case "isNull":
      return { kind: "isNull", place, negated: term.negated };
    case "in":
      return { kind: "in", place, values: term.values.map((value) => boundValue(value, place, bind)) };
    case "compare":
      return { kind: "compare", place, op: term.op, value: boundValue(term.value, place, bind) };
  }
}

function boundValue(source: ValueSource, place: number, { schema, values }: Bind): SqliteValue {
  return source.kind === "slot" ? (values[source.slot] ?? null) : cellToSqlite(source.value, typeAt(schema, place));
}

/** Undefined: no limit, or one so high that it saves nothing. */
function boundTop(top: TopRows, values: readonly SqliteValue[]): TopOrder | undefined {
  const limit = countOf(top.limit, values);
  const offset = top.offset === undefined ? 0 : (countOf(top.offset, values) ?? 0);
  if (limit === undefined || limit + offset > MAX_TOP_ROWS) return undefined;
  const { column: place, descending, nullsFirst } = top;
  return { place, descending, nullsFirst, rows: limit + offset };
}

function countOf(source: ValueSource, values: readonly SqliteValue[]): number | undefined {
  const value = source.kind === "slot" ? values[source.slot] : source.value;
  return value === null || value === undefined ? undefined : Number(value);
}
