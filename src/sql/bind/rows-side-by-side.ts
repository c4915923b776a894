// `ROWS FROM (f(), g())`, `unnest(a, b)` and several functions that return rows in one SELECT list: first row beside first row, NULL where one has no more.
import type { FuncCall, Node, RangeFunction } from "libpg-query";
import type { Expr } from "../expression.ts";
import type { RenderArg } from "./binder.ts";
import type { RowColumns } from "./row-functions.ts";
import { listOf, namesOf, unsupported } from "./syntax.ts";

export interface Rows {
  readonly columns: RowColumns;
  readonly captured: readonly Expr[];
  /** A SELECT with outputs `o0, o1, …`. */
  readonly render: (renderArg: RenderArg) => string;
}

/** SQLite joins so many tables at most. */
const MAX_FUNCTIONS = 60;

/** The functions of a FROM item, `unnest` of several arrays taken apart. */
export function functionsOf({ functions }: RangeFunction): readonly FuncCall[] {
  const calls = (functions ?? []).flatMap((item) => {
    const [call, columns] = listOf(item);
    if (call === undefined || !("FuncCall" in call)) throw unsupported("this in FROM");
    if (columns !== undefined && listOf(columns).length > 0) throw unsupported("a column definition list");
    return unnestApart(call.FuncCall);
  });
  if (calls.length > MAX_FUNCTIONS) throw unsupported(`more than ${MAX_FUNCTIONS} functions side by side`);
  return calls;
}

function unnestApart(call: FuncCall): readonly FuncCall[] {
  const args: readonly Node[] = call.args ?? [];
  if (args.length < 2 || namesOf(call.funcname).at(-1) !== "unnest") return [call];
  return args.map((arg) => ({ ...call, args: [arg] }));
}

export function sideBySide(parts: readonly Rows[]): Rows {
  const [only, ...others] = parts;
  if (only === undefined) throw new Error("FROM without a function");
  if (others.length === 0) return only;
  const outputs = parts.flatMap(({ columns }, part) => columns.map((_column, index) => `p${part}.o${index}`));
  return {
    columns: parts.flatMap(({ columns }) => columns),
    captured: parts.flatMap(({ captured }) => captured),
    render: (renderArg) => {
      const numbered = parts.map(({ render }, part) => {
        const text = `(SELECT *, row_number() OVER () AS n FROM (${render(renderArg)})) AS p${part}`;
        return part === 0 ? text : `FULL JOIN ${text} ON p${part}.n = ${place(part)}`;
      });
      const list = outputs.map((output, index) => `${output} AS o${index}`).join(", ");
      return `SELECT ${list} FROM ${numbered.join(" ")} ORDER BY ${place(parts.length)}`;
    },
  };
}

/** The number of a row, whichever of the first functions still has one. */
function place(parts: number): string {
  const places = Array.from({ length: parts }, (_unused, part) => `p${part}.n`);
  return places.length === 1 ? places.join("") : `COALESCE(${places.join(", ")})`;
}
