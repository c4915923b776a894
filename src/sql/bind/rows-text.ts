import type { Expr } from "../expression.ts";
import type { RenderArg } from "./binder.ts";
import { unsupported } from "./syntax.ts";
import { walk } from "./walk.ts";

type Rows = readonly (readonly Expr[])[];

/** SQLite's SQLITE_MAX_COMPOUND_SELECT. */
const MAX_CORRELATED_ROWS = 500;

/** SQLite finds no columns of the queries around inside VALUES in a sub-query, and does inside SELECT. */
export function usesColumns(rows: Rows): boolean {
  return rows.some((row) => row.flatMap(walk).some((part) => part.kind === "column"));
}

/** Rows written out, as a SELECT with outputs `o0, o1, …`. */
export function rowsText(rows: Rows, renderArg: RenderArg): string {
  const texts = rows.map((row) => row.map(renderArg));
  if (usesColumns(rows)) {
    if (rows.length > MAX_CORRELATED_ROWS)
      throw unsupported(`VALUES of more than ${MAX_CORRELATED_ROWS} rows with columns in them`);
    return texts
      .map((row) => `SELECT ${row.map((text, index) => `${text} AS o${index}`).join(", ")}`)
      .join(" UNION ALL ");
  }
  const list = (rows[0] ?? []).map((_, index) => `column${index + 1} AS o${index}`).join(", ");
  return `SELECT ${list} FROM (VALUES ${texts.map((row) => `(${row.join(", ")})`).join(", ")})`;
}
