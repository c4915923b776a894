// WITH: common table expressions, the recursive ones included.
import type { CommonTableExpr, SelectStmt, WithClause } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { commonType } from "../functions/common-type.ts";
import type { Binder, BoundQuery, Cte, CteScope, OpenQuery, QueryColumn, QueryEnv, RenderArg } from "./binder.ts";
import { operandType, typeLabel } from "./operand.ts";
import { at, namesOf, unsupported } from "./syntax.ts";

interface BoundWith {
  readonly ctes: CteScope | undefined;
  /** Text up to the query itself. */
  readonly render: (renderArg: RenderArg) => string;
}

interface BoundCte {
  readonly cte: Cte;
  readonly hint: string;
  readonly render: (renderArg: RenderArg) => string;
}

export function bindWith(binder: Binder, clause: WithClause | undefined, env: QueryEnv): BoundWith {
  const bound: BoundCte[] = [];
  let ctes = env.ctes;
  for (const node of clause?.ctes ?? []) {
    if (!("CommonTableExpr" in node)) throw new Error("a WITH without common table expression");
    const name = node.CommonTableExpr.ctename ?? "";
    const position = binder.session.position(node.CommonTableExpr.location);
    if (bound.some(({ cte }) => cte.name === name)) {
      throw new DbError("SQL_EXECUTION_ERROR", `WITH query name "${name}" specified more than once`, at(position));
    }
    const next = bindCte(binder, node.CommonTableExpr, {
      env: { ...env, ctes },
      recursive: clause?.recursive === true,
    });
    bound.push(next);
    ctes = { cte: next.cte, next: ctes };
  }
  const render = (renderArg: RenderArg): string => {
    if (bound.length === 0) return "";
    const texts = bound.map(({ cte, hint, render: text }) => {
      const columns = cte.columns.map((_, index) => `o${index}`).join(", ");
      return `${cte.sqlName}(${columns}) AS${hint} (${text(renderArg)})`;
    });
    return `WITH ${clause?.recursive === true ? "RECURSIVE " : ""}${texts.join(", ")} `;
  };
  return { ctes, render };
}

interface CteInput {
  readonly env: QueryEnv;
  readonly recursive: boolean;
}

const HINTS = {
  CTEMaterializeDefault: "",
  CTEMaterializeAlways: " MATERIALIZED",
  CTEMaterializeNever: " NOT MATERIALIZED",
};

function bindCte(binder: Binder, node: CommonTableExpr, { env, recursive }: CteInput): BoundCte {
  const position = binder.session.position(node.location);
  if (node.ctequery === undefined || !("SelectStmt" in node.ctequery)) {
    throw unsupported("a statement that changes data inside WITH", position);
  }
  if (node.search_clause !== undefined || node.cycle_clause !== undefined)
    throw unsupported("SEARCH and CYCLE", position);
  const select = node.ctequery.SelectStmt;
  const sqlName = binder.session.queryName();
  const inner: QueryEnv = { ctes: env.ctes, outer: undefined, captured: [], topLevel: false, userColumnsOnly: false };
  const isRecursive = recursive && mentions(select, node.ctename ?? "");
  const input = { env: inner, node, sqlName };
  const { columns, render } = isRecursive ? bindRecursive(binder, select, input) : bindOnce(binder, select, input);
  const cte = { name: node.ctename ?? "", sqlName, columns };
  return { cte, hint: HINTS[node.ctematerialized ?? "CTEMaterializeDefault"], render };
}

interface CteQueryInput {
  readonly env: QueryEnv;
  readonly node: CommonTableExpr;
  readonly sqlName: string;
}

interface CteQuery {
  readonly columns: readonly QueryColumn[];
  readonly render: (renderArg: RenderArg) => string;
}

function settledTypes(open: OpenQuery): readonly SqlType[] {
  return open.operands.map((operand) => operandType(operand) ?? { kind: "text" });
}

function bindOnce(binder: Binder, select: SelectStmt, { env, node }: CteQueryInput): CteQuery {
  const open = binder.query(select, env);
  const query = open.close(settledTypes(open));
  return { columns: renamed(node, query), render: query.render };
}

function renamed(node: CommonTableExpr, query: BoundQuery): readonly QueryColumn[] {
  const names = namesOf(node.aliascolnames);
  if (names.length > query.columns.length) {
    const message = `WITH query "${node.ctename ?? ""}" has ${query.columns.length} columns available but ${names.length} columns specified`;
    throw new DbError("SQL_EXECUTION_ERROR", message);
  }
  return query.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }));
}

/** `first UNION [ALL] next`: the first term gives the columns, the next sees them. */
function bindRecursive(binder: Binder, select: SelectStmt, { env, node, sqlName }: CteQueryInput): CteQuery {
  const name = node.ctename ?? "";
  const position = binder.session.position(node.location);
  const { larg, rarg } = select;
  if (select.op !== "SETOP_UNION" || larg === undefined || rarg === undefined || mentions(larg, name)) {
    const message = `recursive query "${name}" does not have the form non-recursive-term UNION [ALL] recursive-term`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  if (select.sortClause !== undefined || select.limitCount !== undefined || select.limitOffset !== undefined) {
    throw unsupported("ORDER BY, LIMIT or OFFSET in a recursive query", position);
  }
  const first = binder.query(larg, env);
  const types = settledTypes(first);
  const start = first.close(types);
  const columns = renamed(node, start).map((column): QueryColumn => ({ ...column, nullable: true, flags: [] }));
  const open = binder.query(rarg, { ...env, ctes: { cte: { name, sqlName, columns }, next: env.ctes } });
  if (open.operands.length !== types.length) {
    throw new DbError("SQL_EXECUTION_ERROR", "each UNION query must have the same number of columns", at(position));
  }
  for (const [index, operand] of open.operands.entries())
    assertSameType(name, { index, type: types[index], next: operandType(operand), position });
  const step = open.close(types);
  if (step.shape !== "select") throw unsupported("a recursive term other than a plain SELECT", position);
  const render = (renderArg: RenderArg): string => {
    const head = start.shape === "select" ? start.render(renderArg) : wrapped(start, renderArg);
    return `${head} UNION ${select.all === true ? "ALL " : ""}${step.render(renderArg)}`;
  };
  return { columns, render };
}

function wrapped(query: BoundQuery, renderArg: RenderArg): string {
  return `SELECT ${query.columns.map((_, index) => `o${index}`).join(", ")} FROM (${query.render(renderArg)})`;
}

interface TypeCheck {
  readonly index: number;
  readonly type: SqlType | undefined;
  readonly next: SqlType | undefined;
  readonly position: number | undefined;
}

function assertSameType(name: string, { index, type, next, position }: TypeCheck): void {
  const overall = commonType([type, next]);
  if (type !== undefined && overall?.kind === type.kind) return;
  const message = `recursive query "${name}" column ${index + 1} has type ${typeLabel(type)} in non-recursive term but type ${typeLabel(overall ?? next)} overall`;
  throw new DbError("SQL_EXECUTION_ERROR", message, {
    ...at(position),
    hint: "Cast the output of the non-recursive term to the correct type.",
  });
}

/** True when a relation of that name is used anywhere below. */
function mentions(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((item) => mentions(item, name));
  if (typeof node !== "object" || node === null) return false;
  if ("relname" in node && node.relname === name && !("schemaname" in node)) return true;
  return Object.values(node).some((value) => mentions(value, name));
}
