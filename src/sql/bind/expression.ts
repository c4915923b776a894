// One expression of the syntax tree → a typed expression. What a node means is decided here or in the file of its family.
import type { CaseExpr, ColumnRef, MinMaxExpr, Node, NullTest, SQLValueFunction } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { BOOLEAN, TIMESTAMP } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { bindArray, bindSubscript } from "./array-value.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { bindBooleanTest, bindLogic } from "./boolean.ts";
import { callFunction } from "./call.ts";
import { bindCast, bindConstant, bindParameter } from "./constant.ts";
import { bindFunction } from "./function.ts";
import { type Operand, required, settled, typed, unified } from "./operand.ts";
import { bindOperator } from "./operator.ts";
import { columnNotFound, findColumn, mention } from "./scope.ts";
import { bindSubLink } from "./sub-link.ts";
import { at, locationOf, nodeKind, stringOf, unsupported } from "./syntax.ts";

/** Constructs that have a name in SQL; the rest are refused by the name of their node. */
const REFUSED: Readonly<Record<string, string>> = {
  GroupingFunc: "GROUPING",
  RowExpr: "a row value here",
  SetToDefault: "DEFAULT in this place",
  XmlExpr: "XML",
  CurrentOfExpr: "WHERE CURRENT OF",
  JsonIsPredicate: "IS JSON",
  MergeSupportFunc: "MERGE_ACTION",
};

export function bindExpr(binder: Binder, node: Node, context: ExprContext): Operand {
  const position = binder.session.position(locationOf(node));
  return binder.session.nested(position, () => bindNode(binder, node, context));
}

function bindNode(binder: Binder, node: Node, context: ExprContext): Operand {
  const { session } = binder;
  if ("ColumnRef" in node) return bindColumn(binder, node.ColumnRef, context);
  if ("A_Const" in node) return bindConstant(session, node.A_Const);
  if ("A_Expr" in node) return bindOperator(binder, node.A_Expr, context);
  if ("BoolExpr" in node) return bindLogic(binder, node.BoolExpr, context);
  if ("ParamRef" in node) return bindParameter(session, node.ParamRef);
  if ("TypeCast" in node) return bindCast(binder, node.TypeCast, context);
  if ("FuncCall" in node) return bindFunction(binder, node.FuncCall, context);
  if ("NullTest" in node) return bindNullTest(binder, node.NullTest, context);
  if ("BooleanTest" in node) return bindBooleanTest(binder, node.BooleanTest, context);
  return bindRarer(binder, node, context);
}

function bindRarer(binder: Binder, node: Node, context: ExprContext): Operand {
  if ("CaseExpr" in node) return bindCase(binder, node.CaseExpr, context);
  if ("CoalesceExpr" in node) return bindCoalesce(binder, node.CoalesceExpr.args ?? [], context);
  if ("MinMaxExpr" in node) return bindMinMax(binder, node.MinMaxExpr, context);
  if ("A_ArrayExpr" in node) return bindArray(binder, node.A_ArrayExpr, context);
  if ("A_Indirection" in node) return bindSubscript(binder, node.A_Indirection, context);
  if ("SubLink" in node) return bindSubLink(binder, node.SubLink, context);
  if ("SQLValueFunction" in node) return bindValueFunction(binder, node.SQLValueFunction);
  if ("CollateClause" in node) {
    const collation = stringOf(node.CollateClause.collname?.at(-1)) ?? "";
    const isBinary = ["c", "posix", "default", "ucs_basic"].includes(collation.toLowerCase());
    const position = binder.session.position(node.CollateClause.location);
    if (!isBinary || node.CollateClause.arg === undefined) throw unsupported(`collation "${collation}"`, position);
    return binder.expr(node.CollateClause.arg, context);
  }
  const kind = nodeKind(node);
  throw unsupported(REFUSED[kind] ?? `the construct ${kind}`, binder.session.position(locationOf(node)));
}

function bindColumn(binder: Binder, node: ColumnRef, context: ExprContext): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  const parts = (node.fields ?? []).map(stringOf);
  if (parts.length === 0 || parts.some((part) => part === undefined)) throw unsupported("* in this place", position);
  const [column = "", table, namespace] = parts.toReversed();
  const name = { column, table, namespace: parts.length > 2 ? namespace : undefined, position };
  const found = parts.length > 3 ? undefined : findColumn(context.scope, name);
  if (found === undefined) throw columnNotFound(context.scope, name);
  const filters = context.clause === "WHERE" || context.clause === "JOIN/ON";
  const { draft } = found.column;
  if (filters && draft !== undefined) draft.includeDeleted = true;
  return typed(mention(session, found, position), position);
}

function bindNullTest(binder: Binder, node: NullTest, context: ExprContext): Operand {
  if (node.arg === undefined) throw new Error("a null test without an argument");
  const arg = settled(binder.expr(node.arg, context));
  const negated = node.nulltesttype === "IS_NOT_NULL";
  return typed({ kind: "isNull", type: BOOLEAN, negated, arg }, binder.session.position(node.location));
}

function bindCase(binder: Binder, node: CaseExpr, context: ExprContext): Operand {
  const subject = node.arg;
  const whens: Expr[] = [];
  const results: Operand[] = [];
  for (const branch of node.args ?? []) {
    if (!("CaseWhen" in branch)) throw new Error("a CASE with something else than WHEN");
    const { expr, result } = branch.CaseWhen;
    if (expr === undefined || result === undefined) throw new Error("a WHEN without condition or result");
    // CASE x WHEN y is x = y for every branch.
    const condition: Node =
      subject === undefined
        ? expr
        : { A_Expr: { kind: "AEXPR_OP", name: [{ String: { sval: "=" } }], lexpr: subject, rexpr: expr } };
    whens.push(required(binder.expr(condition, context), BOOLEAN, "CASE/WHEN"));
    results.push(binder.expr(result, context));
  }
  const hasElse = node.defresult !== undefined;
  if (node.defresult !== undefined) results.push(binder.expr(node.defresult, context));
  const { type, exprs } = unified(results, "CASE");
  const branches = whens.map((when, index) => ({ when, result: exprs[index] ?? when }));
  const otherwise = hasElse ? exprs.at(-1) : undefined;
  return typed({ kind: "case", type, branches, otherwise }, binder.session.position(node.location));
}

function bindCoalesce(binder: Binder, args: readonly Node[], context: ExprContext): Operand {
  const operands = args.map((arg) => binder.expr(arg, context));
  const { type, exprs } = unified(operands, "COALESCE");
  return typed({ kind: "coalesce", type, args: exprs }, operands[0]?.position);
}

function bindMinMax(binder: Binder, node: MinMaxExpr, context: ExprContext): Operand {
  const name = node.op === "IS_LEAST" ? "least" : "greatest";
  const operands = (node.args ?? []).map((arg) => binder.expr(arg, context));
  const { exprs } = unified(operands, name.toUpperCase());
  const position = binder.session.position(node.location);
  return callFunction(
    binder.session,
    name,
    exprs.map((expr) => typed(expr)),
    position,
  );
}

function bindValueFunction(binder: Binder, node: SQLValueFunction): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  switch (node.op) {
    case "SVFOP_CURRENT_TIMESTAMP":
    case "SVFOP_CURRENT_TIMESTAMP_N":
      return typed(session.now(), position);
    case "SVFOP_LOCALTIMESTAMP":
    case "SVFOP_LOCALTIMESTAMP_N":
      return typed({ kind: "cast", type: TIMESTAMP, arg: session.now() }, position);
    case "SVFOP_CURRENT_DATE":
      return typed({ kind: "cast", type: { kind: "date" }, arg: session.now() }, position);
    case "SVFOP_LOCALTIME":
    case "SVFOP_CURRENT_TIME":
      return typed({ kind: "cast", type: { kind: "time" }, arg: session.now() }, position);
    case "SVFOP_CURRENT_USER":
    case "SVFOP_SESSION_USER":
    case "SVFOP_USER":
      return typed(session.user(), position);
    case "SVFOP_CURRENT_ROLE":
      return typed(session.role(), position);
    case "SVFOP_CURRENT_SCHEMA":
      return typed({ kind: "constant", type: { kind: "text" }, value: session.namespace }, position);
    default:
      throw new DbError("UNSUPPORTED", `${node.op ?? "this value"} is not supported`, at(position));
  }
}
