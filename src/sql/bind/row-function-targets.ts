// `SELECT unnest(tags) FROM t`: a function that returns rows among the outputs stands in FROM, after everything else, and its output is its value.
import type { Node, SelectStmt } from "libpg-query";
import { JSON_COLUMNS, returnsRows } from "./row-functions.ts";
import type { Scope } from "./scope.ts";
import { namesOf, unsupported } from "./syntax.ts";

/** Names that no text can have without quotes, and nobody would. */
const ALIAS = "?rows?";
const VALUE = "?value?";

function rowFunction(node: Node): string | undefined {
  if (!("ResTarget" in node) || node.ResTarget.val === undefined || !("FuncCall" in node.ResTarget.val))
    return undefined;
  const name = namesOf(node.ResTarget.val.FuncCall.funcname).at(-1) ?? "";
  return returnsRows(name) ? name : undefined;
}

/** Undefined when no output is such a function. */
export function liftRowFunction(stmt: SelectStmt): SelectStmt | undefined {
  const targets = stmt.targetList ?? [];
  const names = targets.flatMap((target) => rowFunction(target) ?? []);
  const [name, ...others] = names;
  if (name === undefined) return undefined;
  if (others.length > 0) throw unsupported("a SELECT list with several functions that return rows");
  if ((JSON_COLUMNS.get(name)?.length ?? 1) > 1) throw unsupported(`${name} outside FROM`);
  if ((stmt.groupClause ?? []).length > 0) throw unsupported(`${name} beside GROUP BY`);
  const at = targets.findIndex((target) => rowFunction(target) !== undefined);
  const target = targets[at];
  if (target === undefined || !("ResTarget" in target) || target.ResTarget.val === undefined) return undefined;
  const rows: Node = {
    RangeFunction: {
      lateral: true,
      functions: [{ List: { items: [target.ResTarget.val] } }],
      alias: { aliasname: ALIAS, colnames: [{ String: { sval: VALUE } }] },
    },
  };
  const value: Node = { ColumnRef: { fields: [{ String: { sval: ALIAS } }, { String: { sval: VALUE } }] } };
  const output: Node = { ResTarget: { ...target.ResTarget, name: target.ResTarget.name ?? name, val: value } };
  return { ...stmt, targetList: targets.with(at, output), fromClause: [...(stmt.fromClause ?? []), rows] };
}

export function isLifted(tables: Scope["tables"]): boolean {
  return tables.some(({ alias }) => alias === ALIAS);
}

/** `*` does not mean what was put into FROM. */
export function withoutLifted(scope: Scope): Scope {
  const lifted = new Set(scope.tables.filter(({ alias }) => alias === ALIAS).flatMap(({ columns }) => columns));
  return lifted.size === 0 ? scope : { ...scope, visible: scope.visible.filter((column) => !lifted.has(column)) };
}
