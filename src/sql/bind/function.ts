// Function calls: values of the session, aggregates, window functions, and the registry's scalar functions.
import type { FuncCall } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import { DATETIME, TEXT } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { bindAggregate, isAggregate } from "./aggregate.ts";
import { bindArrayCall, withPathText } from "./array-call.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { callFunction, functionNotFound } from "./call.ts";
import { distinctTextCall } from "./distinct-text.ts";
import { castTo, constant, type Operand, operandType, typed } from "./operand.ts";
import { returnsRows } from "./row-functions.ts";
import type { BindSession } from "./session.ts";
import { bindSpecialCall } from "./special-call.ts";
import { at, namesOf, unsupported } from "./syntax.ts";
import { bindWindow, isWindowFunction } from "./window.ts";

/** A server holds one database; this is what PostgreSQL clients are told it is called. */
export const DATABASE_NAME = "kalamdb";

/** Functions whose value is fixed for the statement. */
const SESSION_VALUES: Readonly<Record<string, (session: BindSession) => Expr>> = {
  now: (session) => session.now(),
  statement_timestamp: (session) => session.now(),
  transaction_timestamp: (session) => session.now(),
  current_timestamp: (session) => session.now(),
  current_user: (session) => session.user(),
  current_user_id: (session) => session.user(),
  current_role: (session) => session.role(),
  current_schema: (session) => constant(session.namespace, TEXT),
  current_database: () => constant(DATABASE_NAME, TEXT),
  version: () => constant(`KalamDB ${VERSION}, SQL as PostgreSQL 15`, TEXT),
};
/** Aggregates that PostgreSQL users know and this server does not have. */
const OTHER_AGGREGATES: ReadonlySet<string> = new Set(["range_agg", "range_intersect_agg", "xmlagg"]);

export function bindFunction(binder: Binder, node: FuncCall, context: ExprContext): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  const [schema, name = ""] = qualified(namesOf(node.funcname));
  if (schema !== undefined && schema !== "pg_catalog") {
    throw new DbError("SQL_EXECUTION_ERROR", `function ${schema}.${name} does not exist`, at(position));
  }
  // A request with files has none left: each has become a parameter.
  if (name === "file") {
    const message = "FILE placeholders require multipart/form-data";
    throw new DbError("INVALID_INPUT", message, { ...at(position), hint: "Send the file as the part 'file:<name>'." });
  }
  if (name === "timezone") return atTimeZone(binder, node, context);
  if (returnsRows(name)) throw unsupported(`${name} outside FROM`, position);
  if (OTHER_AGGREGATES.has(name)) throw unsupported(`the aggregate ${name}`, position);
  if (node.over !== undefined || isWindowFunction(name)) {
    if (!isAggregate(name) && !isWindowFunction(name)) {
      const message = `OVER specified, but ${name} is not a window function nor an aggregate function`;
      throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
    }
    return noted(session, bindWindow(binder, node, context), position);
  }
  const written = distinctTextCall(node);
  if (written !== undefined) return bindScalar(binder, written, { name: "array_to_string", context });
  if (isAggregate(name)) return noted(session, bindAggregate(binder, node, context), position);
  return bindScalar(binder, node, { name, context });
}

/** Without a type of its own, or a date, what has a zone put to it is an instant. */
function atTimeZone(binder: Binder, node: FuncCall, context: ExprContext): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  const operands = (node.args ?? []).map((arg) => binder.expr(arg, context));
  const [zone, time, ...more] = operands;
  if (zone === undefined || time === undefined || more.length > 0)
    throw functionNotFound("timezone", operands, position);
  const type = operandType(time);
  const instant = type === undefined || type.kind === "date" ? typed(castTo(time, DATETIME), time.position) : time;
  if (type?.kind === "time") throw unsupported("AT TIME ZONE of a time of day", position);
  return callFunction(session, "timezone", [zone, instant], position);
}

function bindScalar(
  binder: Binder,
  node: FuncCall,
  { name, context }: { readonly name: string; readonly context: ExprContext },
): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  const decorated = node.agg_star === true || node.agg_distinct === true || node.agg_filter !== undefined;
  if (decorated || (node.agg_order ?? []).length > 0 || node.agg_within_group === true) {
    throw new DbError("SQL_EXECUTION_ERROR", `${name} is not an aggregate function`, at(position));
  }
  if (node.func_variadic === true) throw unsupported("VARIADIC", position);
  const args = node.args ?? [];
  const special = bindSpecialCall(binder, node, context);
  if (special !== undefined) return special;
  if (args.some((arg) => "NamedArgExpr" in arg)) throw unsupported("a named argument", position);
  const value = args.length === 0 && Object.hasOwn(SESSION_VALUES, name) ? SESSION_VALUES[name] : undefined;
  if (value !== undefined) return typed(value(session), position);
  const given = args.map((arg) => binder.expr(arg, context));
  const operands = withPathText(name, given);
  return bindArrayCall(session, name, { operands, position }) ?? callFunction(session, name, operands, position);
}

function qualified(names: readonly string[]): readonly [string | undefined, string | undefined] {
  return [names.length > 1 ? names[0] : undefined, names.at(-1)];
}

function noted(session: BindSession, expr: Expr, position: number | undefined): Operand {
  session.notePosition(expr, position);
  session.forbidPoint();
  return typed(expr, position);
}
