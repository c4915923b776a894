// `string_agg(DISTINCT t, separator)`: SQLite tells values apart for aggregates of one argument only, so it is what `array_agg` makes of them, written as text.
import type { FuncCall, Node } from "libpg-query";
import { namesOf } from "./syntax.ts";

/** The call that is bound instead; undefined for any other, and for a separator that differs from row to row. */
export function distinctTextCall(node: FuncCall): FuncCall | undefined {
  const [value, separator, ...others] = node.args ?? [];
  if (node.agg_distinct !== true || namesOf(node.funcname).at(-1) !== "string_agg") return undefined;
  if (value === undefined || separator === undefined || others.length > 0) return undefined;
  if (!("A_Const" in separator) && !("ParamRef" in separator)) return undefined;
  const isThere: Node = { NullTest: { arg: value, nulltesttype: "IS_NOT_NULL" } };
  const filter: Node =
    node.agg_filter === undefined ? isThere : { BoolExpr: { boolop: "AND_EXPR", args: [isThere, node.agg_filter] } };
  const list: Node = {
    FuncCall: { ...node, funcname: [{ String: { sval: "array_agg" } }], args: [value], agg_filter: filter },
  };
  const { location } = node;
  const place = location === undefined ? {} : { location };
  return { funcname: [{ String: { sval: "array_to_string" } }], args: [list, separator], ...place };
}
