// UNION, INTERSECT, EXCEPT and VALUES: queries whose ORDER BY and LIMIT see outputs only.
import type { Node, SelectStmt } from "libpg-query";
import { assertNever, DbError } from "../../base/errors.ts";
import type { SqlType } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { commonType } from "../functions/common-type.ts";
import type { Binder, BoundQuery, OpenQuery, QueryColumn, QueryEnv, RenderArg } from "./binder.ts";
import { assertNoIntervals } from "./interval.ts";
import { castTo, commonTypeOf, type Operand, operandType, typeLabel, untyped } from "./operand.ts";
import { type OrderTerm, outputTerm, renderOrder } from "./order.ts";
import { outputTexts } from "./output-text.ts";
import { bindRowCounts } from "./row-count.ts";
import { rowsText, usesColumns } from "./rows-text.ts";
import { emptyScope } from "./scope.ts";
import { outputByName, outputByPosition } from "./sort.ts";
import { at, listOf, locationOf } from "./syntax.ts";

export function bindSetOperation(binder: Binder, stmt: SelectStmt, env: QueryEnv): OpenQuery {
  const operator = operatorText(stmt);
  binder.session.forbidPoint();
  if (stmt.larg === undefined || stmt.rarg === undefined) throw new Error("a set operation without operands");
  const inner = { ...env, topLevel: false };
  const left = binder.query(stmt.larg, inner);
  const right = binder.query(stmt.rarg, inner);
  if (left.operands.length !== right.operands.length) {
    const message = `each ${operator.replace(" ALL", "")} query must have the same number of columns`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(right.operands[0]?.position));
  }
  const operands = left.operands.map((operand, index) =>
    merged([operand, right.operands[index] ?? operand], operator.replace(" ALL", "")),
  );
  const close = (types: readonly SqlType[]): BoundQuery => {
    const [a, b] = [left.close(types), right.close(types)];
    if (operator !== "UNION ALL") assertNoIntervals(a.columns, operator);
    const columns = a.columns.map((column, index): QueryColumn => {
      const nullable = column.nullable || (b.columns[index]?.nullable ?? true);
      return { ...column, nullable, flags: [] };
    });
    if (countsRows(stmt)) {
      const body = (renderArg: RenderArg): string =>
        `SELECT ${outputList(a)} FROM (${numbered(a, renderArg)} ${operator} ${numbered(b, renderArg)})`;
      return finish(binder, stmt, { env, columns, body, shape: "select" });
    }
    const body = (renderArg: RenderArg): string =>
      `${operandText(a, a.shape !== "closed", renderArg)} ${operator} ${operandText(b, b.shape === "select", renderArg)}`;
    return finish(binder, stmt, { env, columns, body, shape: "set" });
  };
  return { names: left.names, operands, close };
}

function operatorText(stmt: SelectStmt): string {
  const all = stmt.all === true;
  const op = stmt.op ?? "SETOP_NONE";
  switch (op) {
    case "SETOP_UNION":
      return all ? "UNION ALL" : "UNION";
    case "SETOP_INTERSECT":
      return "INTERSECT";
    case "SETOP_EXCEPT":
      return "EXCEPT";
    case "SETOP_NONE":
      throw new Error("no set operation");
    default:
      return assertNever(op, "set operation");
  }
}

/** INTERSECT ALL and EXCEPT ALL, which SQLite lacks, are the plain operators over rows numbered within their equals. */
function countsRows({ all, op }: SelectStmt): boolean {
  return all === true && (op === "SETOP_INTERSECT" || op === "SETOP_EXCEPT");
}

function outputList(query: BoundQuery): string {
  return query.columns.map((_, index) => `o${index}`).join(", ");
}

function numbered(query: BoundQuery, renderArg: RenderArg): string {
  const list = outputList(query);
  return `SELECT ${list}, row_number() OVER (PARTITION BY ${list}) AS n FROM (${query.render(renderArg)})`;
}

/** One column over several queries or rows: untyped while all of them are, a number in the text while all of them are. */
function merged(operands: readonly Operand[], construct: string): Operand {
  const types = operands.map(operandType);
  const type = commonTypeOf(operands);
  const position = operands.find((operand) => operandType(operand) !== undefined)?.position;
  if (type === undefined) {
    const [first, ...rest] = types;
    const other = rest.find((candidate) => commonType([first, candidate]) === undefined);
    const message = `${construct} types ${typeLabel(first)} and ${typeLabel(other)} cannot be matched`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(operands.at(-1)?.position));
  }
  if (types.every((candidate) => candidate === undefined)) return untyped(outputOnly, position);
  if (operands.every((operand) => operand.kind === "number")) return { kind: "number", type, as: outputOnly, position };
  return { kind: "typed", expr: outputOnly(type), position };
}

/** Stands for the column until the query is closed; only its type is looked at. */
function outputOnly(type: SqlType): Expr {
  return { kind: "constant", type, value: null };
}

/** SQLite knows no parentheses around operands and reads all operators from left to right. */
function operandText(query: BoundQuery, asIs: boolean, renderArg: RenderArg): string {
  const text = query.render(renderArg);
  return asIs ? text : `SELECT ${outputList(query)} FROM (${text})`;
}

interface Body {
  readonly env: QueryEnv;
  readonly columns: readonly QueryColumn[];
  readonly body: (renderArg: RenderArg) => string;
  readonly shape: "select" | "set";
}

/** Puts order, limit and the client's text form around a body that shows `o0, o1, …`. */
function finish(binder: Binder, stmt: SelectStmt, { env, columns, body, shape }: Body): BoundQuery {
  const exprs = columns.map(
    ({ type }, index): Expr => ({ kind: "query", form: "subquery", type, args: [], render: () => `s.o${index}` }),
  );
  const order = (stmt.sortClause ?? []).map((node) => outputOrder(binder, node, { columns, exprs }));
  const rowCounts = bindRowCounts(binder, stmt, env);
  const isPlain = order.length === 0 && !rowCounts.isPresent && !env.topLevel;
  const render = (renderArg: RenderArg): string => {
    if (isPlain) return body(renderArg);
    const list = outputTexts(exprs, { renderArg, wideAsText: env.topLevel });
    const sorted = order.length === 0 ? "" : ` ORDER BY ${renderOrder(order, renderArg)}`;
    return `SELECT ${list} FROM (${body(renderArg)}) AS s${sorted}${rowCounts.render(renderArg)}`;
  };
  return { columns, render, singleRow: rowCounts.isOne, shape: isPlain ? shape : "closed", point: undefined };
}

function outputOrder(
  binder: Binder,
  node: Node,
  { columns, exprs }: { readonly columns: readonly QueryColumn[]; readonly exprs: readonly Expr[] },
): OrderTerm {
  if (!("SortBy" in node) || node.SortBy.node === undefined) throw new Error("an ORDER BY without expression");
  const { session } = binder;
  const term = node.SortBy.node;
  const named = { outputs: { names: columns.map((column) => column.name), exprs }, clause: "ORDER BY" } as const;
  const index = outputByPosition(session, term, named) ?? outputByName(session, term, named);
  const expr = index === undefined ? undefined : exprs[index];
  if (index === undefined || expr === undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", {
      ...at(session.position(locationOf(term))),
      hint: "Only result column names can be used, not expressions or functions.",
    });
  }
  return outputTerm(node.SortBy, { index, expr, nullable: columns[index]?.nullable ?? true, isText: true });
}

export function bindValues(binder: Binder, stmt: SelectStmt, env: QueryEnv): OpenQuery {
  const scope = emptyScope(env.outer, env.captured);
  const rows = (stmt.valuesLists ?? []).map((row) =>
    listOf(row).map((node) => {
      if ("SetToDefault" in node) {
        const position = binder.session.position(locationOf(node));
        throw new DbError("SQL_EXECUTION_ERROR", "DEFAULT is not allowed in this context", at(position));
      }
      return binder.expr(node, { scope, clause: "VALUES", traits: undefined, ctes: env.ctes });
    }),
  );
  binder.session.forbidPoint();
  const width = rows[0]?.length ?? 0;
  const uneven = rows.find((row) => row.length !== width);
  if (uneven !== undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", "VALUES lists must all be the same length", at(uneven[0]?.position));
  }
  const operands = Array.from({ length: width }, (_, index) =>
    merged(
      rows.flatMap((row) => row[index] ?? []),
      "VALUES",
    ),
  );
  const names = operands.map((_, index) => `column${index + 1}`);
  const close = (types: readonly SqlType[]): BoundQuery => {
    const exprs = rows.map((row) => row.map((operand, index) => castTo(operand, types[index] ?? { kind: "text" })));
    const columns = names.map((name, index): QueryColumn => {
      return { name, type: types[index] ?? { kind: "text" }, nullable: true, flags: [] };
    });
    const body = (renderArg: RenderArg): string => rowsText(exprs, renderArg);
    const shape = exprs.length > 1 && usesColumns(exprs) ? "set" : "select";
    const query = finish(binder, stmt, { env, columns, body, shape });
    return { ...query, singleRow: rows.length <= 1 || query.singleRow };
  };
  return { names, operands, close };
}
