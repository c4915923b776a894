// Sub-queries inside expressions: scalar, EXISTS, IN, ANY and ALL.
import type { Node, SelectStmt, SubLink } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { arrayOf, BOOLEAN, type SqlType, TEXT } from "../../model/sql-type.ts";
import type { CompareOp, Expr, QueryExpr } from "../expression.ts";
import { sqliteAggregateName } from "../functions/aggregates/definition.ts";
import { arrayExpr } from "./array-call.ts";
import type { Binder, BoundQuery, ExprContext, OpenQuery, RenderArg } from "./binder.ts";
import { compare, INCOMPARABLE, operatorNotFound } from "./comparison.ts";
import { coerceExact, commonTypeOf, type Operand, operandType, settled, typed, untyped } from "./operand.ts";
import { rowOf } from "./row-comparison.ts";
import { at, namesOf, unsupported } from "./syntax.ts";

/** What the registry calls its function of one text on a connection. */
const RAISE = "k_raise_text";

interface Subquery {
  readonly open: OpenQuery;
  readonly captured: readonly Expr[];
  readonly position: number | undefined;
}

export function bindSubLink(binder: Binder, node: SubLink, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  if (node.subselect === undefined || !("SelectStmt" in node.subselect)) throw unsupported("this sub-query", position);
  binder.session.forbidPoint();
  const subquery = openSubquery(binder, node.subselect.SelectStmt, { context, position });
  switch (node.subLinkType) {
    case "EXISTS_SUBLINK": {
      const query = subquery.open.close(
        subquery.open.operands.map((operand) => operandType(operand) ?? { kind: "text" }),
      );
      return typed(
        subqueryExpr(BOOLEAN, subquery.captured, (renderArg) => `EXISTS (${query.render(renderArg)})`),
        position,
      );
    }
    case "EXPR_SUBLINK":
      return scalar(subquery);
    case "ARRAY_SUBLINK":
      return arrayOfRows(binder, subquery);
    case "ANY_SUBLINK":
    case "ALL_SUBLINK":
      return typed(quantified(binder, node, { subquery, context }), position);
    default:
      throw unsupported("this sub-query", position);
  }
}

function openSubquery(
  binder: Binder,
  select: SelectStmt,
  { context, position }: { readonly context: ExprContext; readonly position: number | undefined },
): Subquery {
  const captured: Expr[] = [];
  const env = { ctes: context.ctes, outer: context.scope, captured, topLevel: false, userColumnsOnly: false };
  return { open: binder.query(select, env), captured, position };
}

function subqueryExpr(type: SqlType, args: readonly Expr[], render: (renderArg: RenderArg) => string): QueryExpr {
  return { kind: "query", form: "subquery", type, args, render };
}

function oneColumn({ open, position }: Subquery): Operand {
  const [operand] = open.operands;
  if (operand !== undefined && open.operands.length === 1) return operand;
  throw new DbError("SQL_EXECUTION_ERROR", "subquery must return only one column", at(position));
}

/** Untyped while its output is. */
function scalar(subquery: Subquery): Operand {
  const operand = oneColumn(subquery);
  const as = (type: SqlType): Expr => {
    const query = subquery.open.close([type]);
    return subqueryExpr(type, subquery.captured, (renderArg) => scalarText(query, renderArg));
  };
  const type = operandType(operand);
  return type === undefined ? untyped(as, subquery.position) : typed(as(type), subquery.position);
}

/** `ARRAY(SELECT …)`: empty without rows. */
function arrayOfRows(binder: Binder, subquery: Subquery): Operand {
  const type = operandType(oneColumn(subquery)) ?? TEXT;
  const query = subquery.open.close([type]);
  const element = arrayExpr(binder.session, [subqueryExpr(type, [], () => "s.o0")], type);
  const list = sqliteAggregateName("array_list");
  const render = (renderArg: RenderArg): string =>
    `(SELECT COALESCE(${list}(${renderArg(element)}), '') FROM (${query.render(renderArg)}) AS s)`;
  return typed(subqueryExpr(arrayOf(type), subquery.captured, render), subquery.position);
}

/** SQLite would take the first of several rows; PostgreSQL refuses, so a second row is looked for and refused. */
function scalarText(query: BoundQuery, renderArg: RenderArg): string {
  const text = query.render(renderArg);
  if (query.singleRow) return `(${text})`;
  const message = "more than one row returned by a subquery used as an expression";
  const refused = `CASE WHEN COUNT(*) > 1 THEN ${RAISE}('${message}') ELSE MAX(o0) END`;
  return `(SELECT ${refused} FROM (SELECT o0 FROM (${text}) LIMIT 2))`;
}

interface Quantified {
  readonly subquery: Subquery;
  readonly context: ExprContext;
}

const OPERATORS: readonly CompareOp[] = ["=", "<>", "<", "<=", ">", ">="];

function quantified(binder: Binder, node: SubLink, { subquery, context }: Quantified): Expr {
  const { position, open, captured } = subquery;
  const any = node.subLinkType === "ANY_SUBLINK";
  const name = (namesOf(node.operName).at(-1) ?? "=").replace("!=", "<>");
  const op = OPERATORS.find((known) => known === name);
  if (op === undefined || node.testexpr === undefined) throw unsupported(`operator ${name} with a sub-query`, position);
  const tests = testOperands(binder, node.testexpr, context);
  if (tests.length !== open.operands.length) {
    const message =
      tests.length < open.operands.length ? "subquery has too many columns" : "subquery has too few columns";
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const types = tests.map((test, index) => comparedType(test, open.operands[index], { op, position }));
  const query = open.close(types);
  const left = tests.map((test, index) => coerceExact(test, types[index] ?? BOOLEAN) ?? settled(test));
  // IN compares what is stored, and equal intervals may be stored differently.
  const byValue = types.every(({ kind }) => kind !== "interval");
  if (byValue && ((any && op === "=") || (!any && op === "<>"))) {
    const keyword = any ? "IN" : "NOT IN";
    return subqueryExpr(BOOLEAN, [...left, ...captured], (renderArg) => {
      const test = left.map(renderArg).join(", ");
      return `(${left.length === 1 ? test : `(${test})`} ${keyword} (${query.render(renderArg)}))`;
    });
  }
  const [only] = left;
  if (only === undefined || left.length > 1) throw unsupported(`${name} between a row and a sub-query`, position);
  return compareAll(query, { op, any, left: only, captured, position });
}

function testOperands(binder: Binder, node: Node, context: ExprContext): readonly Operand[] {
  return (rowOf(node) ?? [node]).map((part) => binder.expr(part, context));
}

function comparedType(
  test: Operand,
  output: Operand | undefined,
  { op, position }: { readonly op: CompareOp; readonly position: number | undefined },
): SqlType {
  const operands = output === undefined ? [test] : [test, output];
  const type = commonTypeOf(operands);
  if (type === undefined || INCOMPARABLE.has(type.kind)) throw operatorNotFound(op, operands, position);
  return type;
}

interface Comparison {
  readonly op: CompareOp;
  readonly any: boolean;
  readonly left: Expr;
  readonly captured: readonly Expr[];
  readonly position: number | undefined;
}

/** OR (for ANY) or AND (for ALL) over the rows, with NULL where SQL's three values ask for it. */
function compareAll(query: BoundQuery, { op, any, left, captured, position }: Comparison): Expr {
  const output = subqueryExpr(left.type, [], () => "s.o0");
  const test = compare(op, typed(left), typed(output), position);
  return subqueryExpr(BOOLEAN, [left, ...captured], (renderArg) => {
    const tested = `SELECT ${renderArg(test)} AS t FROM (${query.render(renderArg)}) AS s`;
    const decided = any ? "WHEN MAX(t) = 1 THEN 1" : "WHEN MIN(t) = 0 THEN 0";
    return `(SELECT CASE ${decided} WHEN COUNT(*) > COUNT(t) THEN NULL ELSE ${any ? 0 : 1} END FROM (${tested}))`;
  });
}
