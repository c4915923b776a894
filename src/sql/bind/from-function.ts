// Functions in FROM: generate_series, unnest, and those that take a JSON document apart. Each becomes a query of its rows.
import type { FuncCall, Node, RangeFunction } from "libpg-query";
import { intervalCell, intervalKey } from "../../model/interval.ts";
import {
  arrayOf,
  BIGINT,
  BOOLEAN,
  INT,
  INTERVAL,
  JSON_TYPE,
  type SqlType,
  TEXT,
  TIMESTAMP,
  type TypeKind,
} from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { internalFunction } from "../functions/registry.ts";
import { arrayElements } from "./array.ts";
import { elementExpr } from "./array-call.ts";
import type { ExprContext, QueryColumn } from "./binder.ts";
import { applyFunction, callFunction, functionNotFound } from "./call.ts";
import { comparisonKey } from "./interval.ts";
import { type FromContext, queryItem, scopeAround } from "./lateral.ts";
import { constant, type Operand, operandType, settled, tryCoerce, typed, unified, unify } from "./operand.ts";
import type { FromItem } from "./relation.ts";
import { JSON_COLUMNS, type RowColumns, returnsRows } from "./row-functions.ts";
import { functionsOf, type Rows, sideBySide } from "./rows-side-by-side.ts";
import { rowsText } from "./rows-text.ts";
import { emptyScope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { namesOf, unsupported } from "./syntax.ts";

interface Call {
  readonly name: string;
  readonly args: readonly Node[];
  readonly context: ExprContext;
  readonly from: FromContext;
  readonly position: number | undefined;
}

export function bindRangeFunction(node: RangeFunction, from: FromContext): FromItem {
  const { binder, env, left } = from;
  const { session } = binder;
  const functions = functionsOf(node);
  const position = session.position(functions[0]?.location);
  if ((node.coldeflist ?? []).length > 0) throw unsupported("a column definition list", position);
  const scope = scopeAround(left, env) ?? emptyScope(undefined, env.captured);
  const context: ExprContext = { scope, clause: "FROM", traits: undefined, ctes: env.ctes };
  const calls = functions.map((call) => ({
    ...callOf(call),
    context,
    from,
    position: session.position(call.location),
  }));
  const rows = sideBySide(calls.map(rowsOf));
  const name = calls[0]?.name ?? "";
  const columns = namedColumns(rows, { name, node });
  const { captured } = rows;
  const render = node.ordinality === true ? withOrdinality(rows) : rows.render;
  const item = queryItem(session, { alias: node.alias, name, columns, render, captured }, left);
  if (rows.columns.length > 1) return item;
  return { ...item, tables: item.tables.map((table) => ({ ...table, isScalar: true })) };
}

function callOf({ funcname, args }: FuncCall): Pick<Call, "name" | "args"> {
  return { name: namesOf(funcname).at(-1) ?? "", args: args ?? [] };
}

function namedColumns(
  { columns }: Rows,
  { name, node }: { readonly name: string; readonly node: RangeFunction },
): readonly QueryColumn[] {
  const ordinality = node.ordinality === true ? [{ name: "ordinality", type: BIGINT }] : [];
  const [first] = columns;
  // A function without a name for its one column lends its own, or its alias.
  const takesAlias = columns.length === 1 && first?.name === name;
  const named = takesAlias
    ? columns.map((column) => ({ ...column, name: node.alias?.aliasname ?? column.name }))
    : columns;
  return [...named, ...ordinality].map((column) => ({ ...column, nullable: true, flags: [] }));
}

function withOrdinality({ columns, render }: Rows): Rows["render"] {
  const list = columns.map((_, index) => `o${index}`).join(", ");
  return (renderArg) => `SELECT ${list}, row_number() OVER () AS o${columns.length} FROM (${render(renderArg)})`;
}

function rowsOf(call: Call): Rows {
  const { name, args, context, from, position } = call;
  if (args.some((arg) => "NamedArgExpr" in arg)) throw unsupported("a named argument", position);
  if (name === "unnest") return unnested(call);
  const split = SPLITS.get(name);
  if (split !== undefined) {
    const operands = args.map((arg) => from.binder.expr(arg, context));
    return arrayRows(from.binder.session, settled(callFunction(from.binder.session, split, operands, position)), call);
  }
  const columns = JSON_COLUMNS.get(name);
  if (columns === undefined && !returnsRows(name)) return oneRow(call);
  const operands = args.map((arg) => from.binder.expr(arg, context));
  if (name === "regexp_matches") return matchRows(call, operands);
  if (name === "jsonb_path_query") return pathRows(call, operands);
  return columns === undefined ? series(call, operands) : jsonRows(call, operands, columns);
}

/** A function of one value is a table of one row. */
function oneRow({ name, args, context, from }: Call): Rows {
  const node: Node = { FuncCall: { funcname: [{ String: { sval: name } }], args: [...args] } };
  const value = settled(from.binder.expr(node, context));
  return {
    columns: [{ name, type: value.type }],
    captured: [value],
    render: (renderArg) => `SELECT ${renderArg(value)} AS o0`,
  };
}

function jsonRows({ name, from, position }: Call, operands: readonly Operand[], columns: RowColumns): Rows {
  const { session } = from.binder;
  const [operand, ...others] = operands;
  const document = operand === undefined || others.length > 0 ? undefined : tryCoerce(operand, JSON_TYPE, "implicit");
  if (document === undefined) throw functionNotFound(name, operands, position);
  const resolved = internalFunction("json_set_rows", [TEXT, JSON_TYPE]);
  const rows = applyFunction(session, resolved, [typed(constant(name, TEXT)), typed(document)], position);
  const list = columns.map((_, index) => `value ->> ${index} AS o${index}`).join(", ");
  return { columns, captured: [document], render: (renderArg) => `SELECT ${list} FROM json_each(${renderArg(rows)})` };
}

function unnested(call: Call): Rows {
  const { args, context, from, position } = call;
  const [arg, ...others] = args;
  if (arg === undefined || others.length > 0) throw unsupported("unnest of anything but one array", position);
  const elements = arrayElements(from.binder, arg, context);
  if (elements === undefined) return arrayRows(from.binder.session, settled(from.binder.expr(arg, context)), call);
  const { type, exprs } = elements.length === 0 ? { type: TEXT, exprs: [] } : unified(elements, "ARRAY");
  const length = listLength(from.binder.session, arg);
  return {
    columns: [{ name: "unnest", type }],
    captured: exprs,
    render: (renderArg) => {
      if (exprs.length === 0) return "SELECT NULL AS o0 WHERE 0";
      const rows = rowsText(
        exprs.map((expr) => [expr]),
        renderArg,
      );
      // The room of a list may be larger than the list.
      return length === undefined ? rows : `${rows} LIMIT ${renderArg(length)}`;
    },
  };
}

/** The elements of an array that is no list of expressions. */
function arrayRows(session: BindSession, array: Expr, { name, position }: Call): Rows {
  if (array.type.kind !== "array") throw functionNotFound(name, [typed(array)], position);
  const inside: Expr = { kind: "query", form: "subquery", type: array.type, args: [], render: () => "a.v" };
  const place: Expr = { kind: "query", form: "subquery", type: INT, args: [], render: () => "(e.key + 1)" };
  const element = elementExpr(session, inside, place);
  const places = applyFunction(session, internalFunction("array_places", [array.type]), [typed(inside)], position);
  return {
    columns: [{ name, type: element.type }],
    captured: [array],
    render: (renderArg) => {
      const source = `(SELECT ${renderArg(array)} AS v) AS a, json_each(${renderArg(places)}) AS e`;
      return `SELECT ${renderArg(element)} AS o0 FROM ${source} ORDER BY e.key`;
    },
  };
}

/** Functions whose rows are the elements of what another function gives. */
const SPLITS: ReadonlyMap<string, string> = new Map([
  ["regexp_split_to_table", "regexp_split_to_array"],
  ["string_to_table", "string_to_array"],
]);

/** regexp_matches: a row for each match. */
function matchRows({ name, from, position }: Call, operands: readonly Operand[]): Rows {
  const { session } = from.binder;
  const [text, pattern, options = typed(constant("", TEXT))] = operands.map((operand) => {
    const expr = tryCoerce(operand, TEXT, "implicit");
    return expr && typed(expr);
  });
  if (text === undefined || pattern === undefined || operands.length > 3)
    throw functionNotFound(name, operands, position);
  const resolved = internalFunction("regexp_match_rows", [TEXT, TEXT, TEXT]);
  const rows = applyFunction(session, resolved, [text, pattern, options], position);
  return {
    columns: [{ name, type: arrayOf(TEXT) }],
    captured: [rows],
    render: (renderArg) => `SELECT value AS o0 FROM json_each(${renderArg(rows)})`,
  };
}

/** jsonb_path_query: a row for each item. */
function pathRows({ name, from, position }: Call, operands: readonly Operand[]): Rows {
  const { session } = from.binder;
  const types = [JSON_TYPE, TEXT, JSON_TYPE, BOOLEAN].slice(0, operands.length);
  const args = operands.flatMap((operand, index) => {
    const type = types[index];
    return (type && tryCoerce(operand, type, "implicit")) ?? [];
  });
  if (args.length < 2 || args.length < operands.length) throw functionNotFound(name, operands, position);
  const given = args.map((arg) => typed(arg));
  const rows = applyFunction(session, internalFunction("json_path_rows", types), given, position);
  return {
    columns: [{ name, type: JSON_TYPE }],
    captured: [rows],
    render: (renderArg) => `SELECT value ->> 0 AS o0 FROM json_each(${renderArg(rows)})`,
  };
}

/** How many of the values are the list's: a plan has room for more. */
function listLength(session: BindSession, node: Node): Expr | undefined {
  if ("TypeCast" in node && node.TypeCast.arg !== undefined) return listLength(session, node.TypeCast.arg);
  if (!("ParamRef" in node)) return undefined;
  return session.slotExpr({ kind: "listLength", index: (node.ParamRef.number ?? 0) - 1, type: BIGINT });
}

const INSTANTS: ReadonlySet<TypeKind> = new Set(["timestamp", "datetime", "date", "interval"]);
const ZERO_STEP = "CASE z WHEN 0 THEN k_raise_text('step size cannot equal zero') ELSE z END";

function series(call: Call, operands: readonly Operand[]): Rows {
  const [start, stop, step] = operands;
  if (start === undefined || stop === undefined || operands.length > 3)
    throw functionNotFound(call.name, operands, call.position);
  const types = operands.map(operandType);
  const isTime = types.some((type) => type !== undefined && INSTANTS.has(type.kind));
  const interval = isTime && step !== undefined ? tryCoerce(step, INTERVAL, "implicit") : undefined;
  if (interval !== undefined) return timeSeries(call, operands, { start, stop, step: interval });
  const numbers = wholeNumbers(step === undefined ? [start, stop, typed(constant(1, INT))] : [start, stop, step]);
  if (numbers === undefined) throw functionNotFound(call.name, operands, call.position);
  const { type, exprs } = numbers;
  return {
    columns: [{ name: call.name, type }],
    captured: exprs,
    render: (renderArg) => {
      const [from = "", to = "", by = ""] = exprs.map(renderArg);
      const bounded = `b(x, y, z) AS (SELECT x, y, ${ZERO_STEP} FROM (SELECT ${from} AS x, ${to} AS y, ${by} AS z))`;
      const inside = (value: string): string => `((z > 0 AND ${value} <= y) OR (z < 0 AND ${value} >= y))`;
      const counted = `s(o0) AS (SELECT x FROM b WHERE ${inside("x")} UNION ALL SELECT o0 + z FROM s, b WHERE ${inside("o0 + z")})`;
      return `WITH RECURSIVE ${bounded}, ${counted} SELECT o0 FROM s`;
    },
  };
}

function wholeNumbers(operands: readonly Operand[]): ReturnType<typeof unify> {
  const numbers = unify(operands);
  if (numbers?.type.kind === "int" || numbers?.type.kind === "bigint") return numbers;
  return numbers?.type.kind === "smallint" ? { ...numbers, type: INT } : undefined;
}

interface TimeBounds {
  readonly start: Operand;
  readonly stop: Operand;
  readonly step: Expr;
}

const ZERO_INTERVAL = intervalKey(intervalCell({ months: 0, days: 0, us: 0n }));

/** From one instant to another by an interval, added again and again: months have different lengths. */
function timeSeries(call: Call, operands: readonly Operand[], { start, stop, step }: TimeBounds): Rows {
  const { from, position, name } = call;
  const { session } = from.binder;
  const bounds = unify([start, stop]);
  const type = bounds?.type.kind === "datetime" ? bounds.type : TIMESTAMP;
  const [first, last] = (bounds?.exprs ?? []).map((expr) => tryCoerce(typed(expr), type, "implicit"));
  if (first === undefined || last === undefined) throw functionNotFound(name, operands, position);
  const named = (text: string, of: SqlType): Operand =>
    typed({ kind: "query", form: "subquery", type: of, args: [], render: () => text });
  const sum = internalFunction("add", [type, INTERVAL]);
  const next = applyFunction(session, sum, [named("o0", type), named("z", INTERVAL)], position);
  const key = comparisonKey(settled(named("z", INTERVAL)));
  return {
    columns: [{ name, type }],
    captured: [first, last, step],
    render: (renderArg) => {
      const [z, zero] = [renderArg(key), `'${ZERO_INTERVAL}'`];
      const by = `CASE ${z} WHEN ${zero} THEN k_raise_text('step size cannot equal zero') ELSE z END`;
      const bounded = `b(x, y, z) AS (SELECT x, y, ${by} FROM (SELECT ${renderArg(first)} AS x, ${renderArg(last)} AS y, ${renderArg(step)} AS z))`;
      const inside = (value: string): string =>
        `((${z} > ${zero} AND ${value} <= y) OR (${z} < ${zero} AND ${value} >= y))`;
      const after = renderArg(next);
      const counted = `s(o0) AS (SELECT x FROM b WHERE ${inside("x")} UNION ALL SELECT ${after} FROM s, b WHERE ${inside(after)})`;
      return `WITH RECURSIVE ${bounded}, ${counted} SELECT o0 FROM s`;
    },
  };
}
