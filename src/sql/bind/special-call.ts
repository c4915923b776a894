// Calls that mean more than their name and the types of their arguments: what builds a JSON document out of values of any type, `pg_typeof`, and the
// rounding of a decimal to a number of places that the text says.
import type { FuncCall, Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION } from "../../model/decimal.ts";
import { INT, type SqlType, TEXT } from "../../model/sql-type.ts";
import { scaleOf } from "../functions/decimal-types.ts";
import { internalFunction } from "../functions/registry.ts";
import { MAKE_INTERVAL_ARGUMENTS } from "../functions/temporal/make-interval.ts";
import { isArray } from "./array-call.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { applyFunction, callFunction } from "./call.ts";
import { integerOf } from "./cast-target.ts";
import { documentOf } from "./document.ts";
import { castTo, constant, type Operand, operandType, tryCoerce, typed, typeLabel } from "./operand.ts";
import { bindOverlaps } from "./overlaps.ts";
import { bindRowDocument } from "./row-document.ts";
import type { BindSession } from "./session.ts";
import { at } from "./syntax.ts";

interface Call {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly position: number | undefined;
}

type SpecialCall = (binder: Binder, call: Call, context: ExprContext) => Operand | undefined;

/** Digits that rounding may add to what is there: more would leave whole numbers too little room. */
const MAX_ADDED_SCALE = 16;
/** PostgreSQL's own limit is on arguments; pairs of more would not fit a call of SQLite's. */
const MAX_ARGUMENTS = 100;

const SPECIAL: ReadonlyMap<string, SpecialCall> = new Map<string, SpecialCall>([
  ["json_build_object", buildObject],
  ["jsonb_build_object", buildObject],
  ["json_build_array", buildArray],
  ["jsonb_build_array", buildArray],
  ["age", ageToday],
  ["array_to_json", toDocument],
  ["row_to_json", toDocument],
  ["to_json", toDocument],
  ["to_jsonb", toDocument],
  ["make_interval", intervalOfParts],
  ["pg_typeof", typeOf],
  ["substring", byPattern],
  ["overlaps", (binder, { nodes, position }, context) => bindOverlaps(binder, { nodes, position, context })],
  ["round", toPlaces],
  ["trunc", toPlaces],
]);

/** Undefined when the call is one of the registry's. */
export function bindSpecialCall(binder: Binder, node: FuncCall, context: ExprContext): Operand | undefined {
  const name = node.funcname?.at(-1);
  const text = name !== undefined && "String" in name ? (name.String.sval ?? "") : "";
  const call = { name: text, nodes: node.args ?? [], position: binder.session.position(node.location) };
  return SPECIAL.get(text)?.(binder, call, context);
}

/** What an argument is as a document: a row of FROM, or a value. */
function documentAt(binder: Binder, node: Node, context: ExprContext): Operand {
  return bindRowDocument(binder, node, context) ?? documentOf(binder.session, binder.expr(node, context));
}

function built(session: BindSession, name: string, args: readonly Operand[], call: Call): Operand {
  if (args.length > MAX_ARGUMENTS) {
    throw new DbError("SQL_EXECUTION_ERROR", `cannot pass more than ${MAX_ARGUMENTS} arguments to a function`, {
      ...at(call.position),
    });
  }
  const types = args.map((arg) => operandType(arg) ?? TEXT);
  return typed(applyFunction(session, internalFunction(name, types), args, call.position), call.position);
}

function buildObject(binder: Binder, call: Call, context: ExprContext): Operand {
  if (call.nodes.length % 2 !== 0) {
    throw new DbError("SQL_EXECUTION_ERROR", "argument list must have even number of elements", {
      ...at(call.position),
      hint: `The arguments of ${call.name}() must consist of alternating keys and values.`,
    });
  }
  const args = call.nodes.map((node, index) => {
    const value = index % 2 === 0 ? binder.expr(node, context) : documentAt(binder, node, context);
    return typed(castTo(value, TEXT), value.position);
  });
  return built(binder.session, "json_object_of", args, call);
}

function buildArray(binder: Binder, call: Call, context: ExprContext): Operand {
  const args = call.nodes.map((node) => documentAt(binder, node, context));
  return built(binder.session, "json_array_of", args, call);
}

/** `age(t)` counts to the midnight at which today began. */
function ageToday(binder: Binder, call: Call, context: ExprContext): Operand | undefined {
  const [node] = call.nodes;
  if (node === undefined || call.nodes.length !== 1) return undefined;
  const today = typed(castTo(typed(binder.session.now()), { kind: "date" }));
  return callFunction(binder.session, "age", [today, binder.expr(node, context)], call.position);
}

function toDocument(binder: Binder, { name, nodes, position }: Call, context: ExprContext): Operand | undefined {
  const [node] = nodes;
  if (node === undefined || nodes.length !== 1) return undefined;
  const row = name === "array_to_json" ? undefined : bindRowDocument(binder, node, context);
  if (row !== undefined) return row;
  const operand = binder.expr(node, context);
  return isArray(operand)
    ? documentOf(binder.session, operand)
    : callFunction(binder.session, name, [operand], position);
}

/** `make_interval(days => 10)`: the parts that are not named are zero. */
function intervalOfParts(binder: Binder, call: Call, context: ExprContext): Operand | undefined {
  const named = call.nodes.filter((node) => "NamedArgExpr" in node);
  if (named.length === 0) return undefined;
  const parts: Operand[] = MAKE_INTERVAL_ARGUMENTS.map((part) => {
    const type: SqlType = part === "secs" ? { kind: "double" } : INT;
    return typed(constant(0, type));
  });
  for (const [index, node] of call.nodes.entries()) {
    const name = "NamedArgExpr" in node ? (node.NamedArgExpr.name ?? "") : MAKE_INTERVAL_ARGUMENTS[index];
    const place = MAKE_INTERVAL_ARGUMENTS.findIndex((part) => part === name);
    const value = "NamedArgExpr" in node ? node.NamedArgExpr.arg : node;
    if (place < 0 || value === undefined) {
      const label = `make_interval(${name ?? "?"} => …)`;
      throw new DbError("SQL_EXECUTION_ERROR", `function ${label} does not exist`, at(call.position));
    }
    parts[place] = binder.expr(value, context);
  }
  return callFunction(binder.session, call.name, parts, call.position);
}

/** `substring(x from 'pattern')`: text in the place of a number. */
function byPattern(binder: Binder, { nodes, position }: Call, context: ExprContext): Operand | undefined {
  if (nodes.length < 2 || nodes.length > 3) return undefined;
  const operands = nodes.map((node) => binder.expr(node, context));
  const isPattern = operands.slice(1).every((operand) => (operandType(operand) ?? TEXT).kind === "text");
  const texts = operands.map((operand) => tryCoerce(operand, TEXT, "implicit"));
  if (!isPattern || texts.includes(undefined)) return callFunction(binder.session, "substring", operands, position);
  const args = texts.flatMap((text) => (text === undefined ? [] : [typed(text)]));
  const resolved = internalFunction(
    "substring_regexp",
    args.map(() => TEXT),
  );
  return typed(applyFunction(binder.session, resolved, args, position), position);
}

function typeOf(binder: Binder, call: Call, context: ExprContext): Operand | undefined {
  const [node] = call.nodes;
  if (node === undefined || call.nodes.length !== 1) return undefined;
  const label = typeLabel(operandType(binder.expr(node, context)));
  return typed(constant(label, TEXT), call.position);
}

/** `round(x, 2)` of a decimal has two fraction digits. Places that the text does not say leave the scale as it is. */
function toPlaces(binder: Binder, call: Call, context: ExprContext): Operand | undefined {
  const [value, places] = call.nodes;
  const digits = integerOf(places);
  if (value === undefined || places === undefined || digits === undefined || call.nodes.length !== 2) return undefined;
  const operands = [binder.expr(value, context), binder.expr(places, context)];
  const rounded = callFunction(binder.session, call.name, operands, call.position);
  const type = operandType(rounded);
  if (type?.kind !== "decimal") return rounded;
  const target: SqlType = {
    kind: "decimal",
    precision: MAX_PRECISION,
    scale: Math.min(Math.max(digits, 0), Math.max(scaleOf(type), MAX_ADDED_SCALE)),
  };
  return typed(castTo(rounded, target), call.position);
}
