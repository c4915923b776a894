// Operators and functions of arrays. An array tells no function the type of its elements, so it is settled here: elements and arrays of a call are brought
// to one type, and an element goes into a call as an array of one.
import { DbError } from "../../base/errors.ts";
import {
  arrayOf,
  BOOLEAN,
  elementType,
  INT,
  JSON_TYPE,
  type SqlType,
  TEXT,
  type TypeKind,
} from "../../model/sql-type.ts";
import { typeText } from "../../model/types.ts";
import type { CompareOp, Expr } from "../expression.ts";
import { ELEMENT_KINDS } from "../functions/array/kinds.ts";
import { commonType } from "../functions/common-type.ts";
import { internalFunction, resolveOperator } from "../functions/registry.ts";
import { applyFunction, functionNotFound } from "./call.ts";
import { INCOMPARABLE, operatorNotFound } from "./comparison.ts";
import {
  castTo,
  coerceExact,
  commonTypeOf,
  constant,
  type Operand,
  operandType,
  settled,
  tryCoerce,
  typed,
} from "./operand.ts";
import type { BindSession } from "./session.ts";
import { at, unsupported } from "./syntax.ts";

/** a: an array, e: an element of it, i: a number, t: text. */
const SHAPES: ReadonlyMap<string, { readonly shapes: readonly string[]; readonly calls: string }> = new Map([
  ["array_append", { shapes: ["ae"], calls: "array_cat" }],
  ["array_prepend", { shapes: ["ea"], calls: "array_cat" }],
  ["array_cat", { shapes: ["aa"], calls: "array_cat" }],
  ["array_position", { shapes: ["ae", "aei"], calls: "array_position" }],
  ["array_positions", { shapes: ["ae"], calls: "array_places_of" }],
  ["array_remove", { shapes: ["ae"], calls: "array_remove" }],
  ["array_replace", { shapes: ["aee"], calls: "array_replace" }],
  ["array_fill", { shapes: ["ei"], calls: "array_fill" }],
  ["array_to_string", { shapes: ["at", "att"], calls: "array_to_string" }],
]);

const ELEMENTS: ReadonlySet<TypeKind> = new Set(ELEMENT_KINDS);
const MAX_CALL_ELEMENTS = 100;

export function isArray(operand: Operand): boolean {
  return operandType(operand)?.kind === "array";
}

/** Elements of one type as an array. */
export function arrayExpr(session: BindSession, exprs: readonly Expr[], element: SqlType): Expr {
  if (!ELEMENTS.has(element.kind)) throw unsupported(`an array of ${typeText(element)}`);
  if (exprs.length === 0) return constant("", arrayOf(element));
  const chunks: Operand[] = [];
  for (let at = 0; at < exprs.length; at += MAX_CALL_ELEMENTS) {
    const own = exprs.slice(at, at + MAX_CALL_ELEMENTS);
    const resolved = internalFunction("array_of", [element, ...own.slice(1).map(() => element)]);
    const call = applyFunction(
      session,
      resolved,
      own.map((expr) => typed(expr)),
      undefined,
    );
    chunks.push(typed({ ...call, type: arrayOf(element) }));
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? settled(only) : joined(session, chunks, element);
}

function joined(session: BindSession, arrays: readonly Operand[], element: SqlType): Expr {
  const type = arrayOf(element);
  const resolved = internalFunction(
    "array_cat",
    arrays.map(() => type),
  );
  return { ...applyFunction(session, resolved, arrays, undefined), type };
}

/** Undefined when the name is no function of this file. */
export function bindArrayCall(
  session: BindSession,
  name: string,
  call: { readonly operands: readonly Operand[]; readonly position: number | undefined },
): Operand | undefined {
  const form = SHAPES.get(name);
  if (form === undefined) return undefined;
  const { position } = call;
  // The lengths of array_fill are an array of one; a number is as good.
  const operands = name === "array_fill" ? lengthsAsNumber(session, call.operands) : call.operands;
  const shape = form.shapes.find((one) => one.length === operands.length);
  const element = shape === undefined ? undefined : elementsType(shape, operands);
  if (shape === undefined || element === undefined) throw functionNotFound(name, call.operands, position);
  const wanted = name === "array_to_string" ? TEXT : element;
  const args = operands.map((operand, index): Expr => {
    const arg = argumentOf(session, operand, { role: shape.charAt(index), element, wanted });
    if (arg === undefined) throw functionNotFound(name, call.operands, position);
    return arg;
  });
  const resolved = internalFunction(
    form.calls,
    args.map(({ type }) => type),
  );
  const result = applyFunction(
    session,
    resolved,
    args.map((arg) => typed(arg)),
    position,
  );
  if (name !== "array_positions") return typed(result, position);
  return typed(placesArray(session, result), position);
}

function lengthsAsNumber(session: BindSession, operands: readonly Operand[]): readonly Operand[] {
  const [value, lengths, ...rest] = operands;
  if (value === undefined || lengths === undefined || !isArray(lengths)) return operands;
  return [value, typed(elementExpr(session, settled(lengths), constant(1, INT))), ...rest];
}

/** `array_places_of` gives its numbers as text. */
function placesArray(session: BindSession, places: Expr): Expr {
  const split = internalFunction("string_to_array", [TEXT, TEXT]);
  const texts = applyFunction(session, split, [typed(places), typed(constant(",", TEXT))], undefined);
  return castTo(typed(texts), arrayOf(INT));
}

interface Role {
  readonly role: string;
  readonly element: SqlType;
  /** What elements of arrays become. */
  readonly wanted: SqlType;
}

function argumentOf(session: BindSession, operand: Operand, { role, element, wanted }: Role): Expr | undefined {
  switch (role) {
    case "a":
      return wanted === element ? tryCoerce(operand, arrayOf(element), "implicit") : textsOf(operand, element);
    case "e": {
      const expr = tryCoerce(operand, element, "implicit");
      return expr && arrayExpr(session, [expr], element);
    }
    case "i":
      return tryCoerce(operand, INT, "implicit");
    default:
      return tryCoerce(operand, TEXT, "implicit");
  }
}

/** The elements as an array's own text has them, in which truth values are letters. */
function textsOf(operand: Operand, element: SqlType): Expr | undefined {
  const array = tryCoerce(operand, arrayOf(element), "implicit");
  if (array === undefined || element.kind !== "boolean") return array && castTo(typed(array), arrayOf(TEXT));
  return castTo(typed(castTo(typed(array), TEXT)), arrayOf(TEXT));
}

/** Of the arrays and elements of a call; undefined where they have no common type. */
function elementsType(shape: string, operands: readonly Operand[]): SqlType | undefined {
  const types = operands.flatMap((operand, index): (SqlType | undefined)[] => {
    const type = operandType(operand);
    const role = shape.charAt(index);
    if (role === "a") return [type === undefined ? undefined : type.kind === "array" ? type.element : BROKEN];
    return role === "e" ? [type] : [];
  });
  return types.includes(BROKEN) ? undefined : commonType(types);
}

/** Stands for what should have been an array. */
const BROKEN: SqlType = { kind: "embedding", dimensions: 0 };

/** They take a path, which the functions behind them read from the text of an array. */
const PATH_OPERATORS: ReadonlySet<string> = new Set(["#>", "#>>", "#-"]);
const PATH_FUNCTIONS: ReadonlySet<string> = new Set(["jsonb_set", "jsonb_insert"]);

function pathText(path: Operand): Operand {
  return isArray(path) ? typed(castTo(path, TEXT), path.position) : path;
}

/** The operands of a call, the path of a document as text. */
export function withPathText(name: string, operands: readonly Operand[]): readonly Operand[] {
  return PATH_FUNCTIONS.has(name)
    ? operands.map((operand, index) => (index === 1 ? pathText(operand) : operand))
    : operands;
}

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["@>", "array_contains"],
  ["<@", "array_contained"],
  ["&&", "array_overlaps"],
]);

/** `||`, `@>`, `<@` and `&&` where an operand is an array; undefined for anything else. */
export function bindArrayOperator(
  session: BindSession,
  operator: string,
  { operands, position }: { readonly operands: readonly Operand[]; readonly position: number | undefined },
): Operand | undefined {
  const [document, path] = operands;
  if (document === undefined || path === undefined || operands.length !== 2 || !operands.some(isArray))
    return undefined;
  if (PATH_OPERATORS.has(operator)) {
    const resolved = resolveOperator(operator, [operandType(document) ?? JSON_TYPE, TEXT]);
    return resolved && typed(applyFunction(session, resolved, [document, pathText(path)], position), position);
  }
  if (operator === "||") {
    const roles = operands.map((operand) => (isArray(operand) || operandType(operand) === undefined ? "a" : "e"));
    const name = roles.join("") === "aa" ? "array_cat" : roles[0] === "a" ? "array_append" : "array_prepend";
    if (elementsType(roles.join(""), operands) === undefined) throw operatorNotFound(operator, operands, position);
    return bindArrayCall(session, name, { operands, position });
  }
  const name = OPERATORS.get(operator);
  const element = elementsType("aa", operands);
  if (name === undefined || element === undefined || !isComparable(element)) return undefined;
  const type = arrayOf(element);
  const arrays = operands.map((operand) => typed(tryCoerce(operand, type, "implicit") ?? settled(operand)));
  return typed(applyFunction(session, internalFunction(name, [type, type]), arrays, position), position);
}

/** Whether arrays of it compare by their text. */
export function isComparable(element: SqlType): boolean {
  return !INCOMPARABLE.has(element.kind) && element.kind !== "interval";
}

interface Quantifier {
  readonly op: CompareOp;
  readonly any: boolean;
  readonly position: number | undefined;
}

/** `x op ANY (array)` and `x op ALL (array)`, of an array that is no list of expressions. */
export function bindQuantified(session: BindSession, value: Operand, array: Operand, how: Quantifier): Expr {
  const { op, any, position } = how;
  const given = operandType(array);
  const element = commonTypeOf([value, given === undefined ? array : typed(constant(null, elementType(given)))]);
  if (given !== undefined && given.kind !== "array") {
    const message = "op ANY/ALL (array) requires array on right side";
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const [own, all] = element === undefined ? [] : [coerceExact(value, element), coerceExact(array, arrayOf(element))];
  if (element === undefined || own === undefined || all === undefined || !isComparable(element)) {
    throw operatorNotFound(op, [value, array], position);
  }
  const args = [arrayExpr(session, [own], element), all, constant(op, TEXT), constant(any, BOOLEAN)];
  const resolved = internalFunction("array_compare", [arrayOf(element), arrayOf(element), TEXT, BOOLEAN]);
  return applyFunction(
    session,
    resolved,
    args.map((arg) => typed(arg)),
    position,
  );
}

/** `array[place]`, counted from 1. */
export function elementExpr(session: BindSession, array: Expr, place: Expr): Expr {
  const element = elementType(array.type);
  const resolved = internalFunction("array_element", [array.type, INT, element]);
  const call = applyFunction(
    session,
    resolved,
    [typed(array), typed(place), typed(constant(null, element))],
    undefined,
  );
  return { ...call, type: element };
}

/** An array as a JSON document. */
export function arrayDocument(session: BindSession, array: Expr): Expr {
  const element = elementType(array.type);
  const resolved = internalFunction("json_of_array", [array.type, element]);
  return applyFunction(session, resolved, [typed(array), typed(constant(null, element))], undefined);
}
