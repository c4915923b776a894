// `SELECT unnest(tags) FROM t`: functions that return rows among the outputs stand in FROM, side by side after everything else, and their outputs are their values.
import type { FuncCall, Node, SelectStmt } from "libpg-query";
import { JSON_COLUMNS, returnsRows } from "./row-functions.ts";
import type { Scope } from "./scope.ts";
import { namesOf, unsupported } from "./syntax.ts";

/** Names that no text can have without quotes, and nobody would. */
const ALIAS = "?rows?";
const VALUE = "?value?";

function rowFunction(node: Node): FuncCall | undefined {
  if (!("ResTarget" in node) || node.ResTarget.val === undefined || !("FuncCall" in node.ResTarget.val))
    return undefined;
  const call = node.ResTarget.val.FuncCall;
  return returnsRows(nameOf(call)) ? call : undefined;
}

function nameOf(call: FuncCall): string {
  return namesOf(call.funcname).at(-1) ?? "";
}

/** Undefined when no output is such a function. */
export function liftRowFunction(stmt: SelectStmt): SelectStmt | undefined {
  const targets = stmt.targetList ?? [];
  const calls = targets.flatMap((target) => rowFunction(target) ?? []);
  const [first] = calls;
  if (first === undefined) return undefined;
  for (const call of calls) {
    if ((JSON_COLUMNS.get(nameOf(call))?.length ?? 1) > 1) throw unsupported(`${nameOf(call)} outside FROM`);
    if ((call.args ?? []).length > 1 && nameOf(call) === "unnest")
      throw unsupported("unnest of several arrays outside FROM");
  }
  if ((stmt.groupClause ?? []).length > 0) throw unsupported(`${nameOf(first)} beside GROUP BY`);
  const rows: Node = {
    RangeFunction: {
      lateral: true,
      functions: calls.map((call) => ({ List: { items: [{ FuncCall: call }] } })),
      alias: { aliasname: ALIAS, colnames: calls.map((_call, index) => ({ String: { sval: `${VALUE}${index}` } })) },
    },
  };
  const output = (target: Node): Node => {
    const call = rowFunction(target);
    if (call === undefined || !("ResTarget" in target)) return target;
    const column = `${VALUE}${calls.indexOf(call)}`;
    const val: Node = { ColumnRef: { fields: [{ String: { sval: ALIAS } }, { String: { sval: column } }] } };
    return { ResTarget: { ...target.ResTarget, name: target.ResTarget.name ?? nameOf(call), val } };
  };
  return { ...stmt, targetList: targets.map(output), fromClause: [...(stmt.fromClause ?? []), rows] };
}

export function isLifted(tables: Scope["tables"]): boolean {
  return tables.some(({ alias }) => alias === ALIAS);
}

/** `*` does not mean what was put into FROM. */
export function withoutLifted(scope: Scope): Scope {
  const lifted = new Set(scope.tables.filter(({ alias }) => alias === ALIAS).flatMap(({ columns }) => columns));
  return lifted.size === 0 ? scope : { ...scope, visible: scope.visible.filter((column) => !lifted.has(column)) };
}
