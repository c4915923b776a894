// What PostgreSQL calls an output column that has no AS.
import type { Node } from "libpg-query";
import { typeNameText } from "./cast-target.ts";
import { namesOf, stringOf } from "./syntax.ts";

const UNNAMED = "?column?";

interface Figured {
  readonly name: string;
  /** A weak name gives way to that of a cast around it. */
  readonly strong: boolean;
}

const VALUE_NAMES: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: "current_date",
  SVFOP_CURRENT_TIME: "current_time",
  SVFOP_CURRENT_TIME_N: "current_time",
  SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
  SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
  SVFOP_LOCALTIME: "localtime",
  SVFOP_LOCALTIME_N: "localtime",
  SVFOP_LOCALTIMESTAMP: "localtimestamp",
  SVFOP_LOCALTIMESTAMP_N: "localtimestamp",
  SVFOP_CURRENT_ROLE: "current_role",
  SVFOP_CURRENT_USER: "current_user",
  SVFOP_USER: "user",
  SVFOP_SESSION_USER: "session_user",
  SVFOP_CURRENT_CATALOG: "current_catalog",
  SVFOP_CURRENT_SCHEMA: "current_schema",
};

export function outputName(node: Node): string {
  return figure(node)?.name ?? UNNAMED;
}

function figure(node: Node | undefined): Figured | undefined {
  if (node === undefined) return undefined;
  if ("ColumnRef" in node) return strong(stringOf(node.ColumnRef.fields?.at(-1)));
  if ("FuncCall" in node) return strong(namesOf(node.FuncCall.funcname).at(-1));
  if ("TypeCast" in node) {
    const inner = figure(node.TypeCast.arg);
    const type = node.TypeCast.typeName;
    return inner?.strong === true || type === undefined ? inner : { name: typeNameText(type), strong: false };
  }
  if ("CollateClause" in node) return figure(node.CollateClause.arg);
  if ("A_Expr" in node) return node.A_Expr.kind === "AEXPR_NULLIF" ? strong("nullif") : undefined;
  return figureConstruct(node);
}

function figureConstruct(node: Node): Figured | undefined {
  if ("CaseExpr" in node) {
    const otherwise = figure(node.CaseExpr.defresult);
    return otherwise?.strong === true ? otherwise : { name: "case", strong: false };
  }
  if ("A_ArrayExpr" in node) return strong("array");
  if ("A_Indirection" in node) return figure(node.A_Indirection.arg);
  if ("CoalesceExpr" in node) return strong("coalesce");
  if ("MinMaxExpr" in node) return strong(node.MinMaxExpr.op === "IS_LEAST" ? "least" : "greatest");
  if ("SQLValueFunction" in node) return strong(VALUE_NAMES[node.SQLValueFunction.op ?? ""]);
  if ("SubLink" in node) return figureSubquery(node.SubLink.subLinkType, node.SubLink.subselect);
  return undefined;
}

function figureSubquery(type: string | undefined, subselect: Node | undefined): Figured | undefined {
  if (type === "EXISTS_SUBLINK") return strong("exists");
  if (type === "ARRAY_SUBLINK") return strong("array");
  if (type !== "EXPR_SUBLINK" || subselect === undefined || !("SelectStmt" in subselect)) return undefined;
  const [target] = subselect.SelectStmt.targetList ?? [];
  if (target === undefined || !("ResTarget" in target)) return undefined;
  return target.ResTarget.name === undefined ? figure(target.ResTarget.val) : strong(target.ResTarget.name);
}

function strong(name: string | undefined): Figured | undefined {
  return name === undefined || name === "" ? undefined : { name, strong: true };
}
