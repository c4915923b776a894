// What the terms of ORDER BY and GROUP BY stand for: an output by position or name, or an expression over the input.
import type { Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import type { BindSession } from "./session.ts";
import { at, locationOf, stringOf } from "./syntax.ts";

export interface Outputs {
  readonly names: readonly string[];
  readonly exprs: readonly Expr[];
}

/** The output that a whole number in ORDER BY or GROUP BY counts to; undefined for anything but a constant. */
export function outputByPosition(
  session: BindSession,
  node: Node,
  { outputs, clause }: { readonly outputs: Outputs; readonly clause: "ORDER BY" | "GROUP BY" },
): number | undefined {
  if (!("A_Const" in node)) return undefined;
  const position = session.position(node.A_Const.location);
  const number = node.A_Const.ival === undefined ? undefined : (node.A_Const.ival.ival ?? 0);
  if (number === undefined) throw new DbError("SQL_EXECUTION_ERROR", `non-integer constant in ${clause}`, at(position));
  if (number < 1 || number > outputs.exprs.length) {
    throw new DbError("SQL_EXECUTION_ERROR", `${clause} position ${number} is not in select list`, at(position));
  }
  return number - 1;
}

/** The output of that name, if the term is a plain name. Two outputs of one name are one if they are the same expression. */
export function outputByName(
  session: BindSession,
  node: Node,
  { outputs, clause }: { readonly outputs: Outputs; readonly clause: "ORDER BY" | "GROUP BY" },
): number | undefined {
  const fields = "ColumnRef" in node ? (node.ColumnRef.fields ?? []) : [];
  const name = fields.length === 1 ? stringOf(fields[0]) : undefined;
  if (name === undefined) return undefined;
  const matches = outputs.names.flatMap((output, index) => (output === name ? [index] : []));
  const [first] = matches;
  const [one, ...others] = matches.map((index) => outputs.exprs[index]);
  const isSame = others.every(
    (other) =>
      one?.kind === "column" &&
      other?.kind === "column" &&
      one.relation === other.relation &&
      one.column === other.column,
  );
  if (isSame) return first;
  throw new DbError("SQL_EXECUTION_ERROR", `${clause} "${name}" is ambiguous`, at(session.position(locationOf(node))));
}
