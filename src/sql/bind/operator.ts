// Operators: comparisons, BETWEEN, IN lists, LIKE, and those the function registry holds (arithmetic, text, JSON, regular expressions).
import type { A_Expr, Node } from "libpg-query";
import { BOOLEAN, JSON_TYPE, TEXT } from "../../model/sql-type.ts";
import { NUMBER_KINDS } from "../../model/type-kinds.ts";
import type { CompareOp, Expr } from "../expression.ts";
import { internalFunction, resolveOperator } from "../functions/registry.ts";
import { arrayElements } from "./array.ts";
import { bindArrayOperator, bindQuantified } from "./array-call.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { conjunction, disjunction, not } from "./boolean.ts";
import { applyFunction } from "./call.ts";
import { compare, INCOMPARABLE, operatorNotFound } from "./comparison.ts";
import { type Operand, operandType, required, settled, typed, unify } from "./operand.ts";
import { bindRowComparison, rowOf } from "./row-comparison.ts";
import { listOf, namesOf, unsupported } from "./syntax.ts";

const COMPARISONS: ReadonlyMap<string, CompareOp> = new Map([
  ["=", "="],
  ["<>", "<>"],
  ["!=", "<>"],
  ["<", "<"],
  ["<=", "<="],
  [">", ">"],
  [">=", ">="],
]);
export function bindOperator(binder: Binder, node: A_Expr, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const operator = namesOf(node.name).at(-1) ?? "";
  switch (node.kind) {
    case "AEXPR_OP":
      return bindPlain(binder, node, operator, context);
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT":
      return bindDistinct(binder, node, context);
    case "AEXPR_NULLIF":
      return bindNullIf(binder, node, context);
    case "AEXPR_IN":
      return bindIn(binder, node, operator, context);
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      return bindLike(binder, node, operator, context);
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN":
    case "AEXPR_BETWEEN_SYM":
    case "AEXPR_NOT_BETWEEN_SYM":
      return bindBetween(binder, node, context);
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL":
      return bindArrayComparison(binder, node, operator, context);
    case "AEXPR_SIMILAR":
      return bindSimilar(binder, node, operator, context);
    default:
      throw unsupported(`operator ${operator}`, position);
  }
}

function side(node: Node | undefined): Node {
  if (node === undefined) throw new Error("an operator without its operand");
  return node;
}

function bindPlain(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const comparison = COMPARISONS.get(operator);
  if (comparison !== undefined && rowOf(node.lexpr) !== undefined) {
    return typed(
      bindRowComparison(binder, { op: comparison, left: node.lexpr, right: node.rexpr, position }, context),
      position,
    );
  }
  const keys = operator === "?|" || operator === "?&" ? arrayElements(binder, side(node.rexpr), context) : undefined;
  if (keys !== undefined) {
    const document = binder.expr(side(node.lexpr), context);
    const found = keys.map((key) => settled(applyOperator(binder, "?", [document, key], position)));
    if (found.length === 0) return typed({ kind: "constant", type: BOOLEAN, value: operator === "?&" }, position);
    return typed(operator === "?|" ? disjunction(found) : conjunction(found), position);
  }
  const right = binder.expr(side(node.rexpr), context);
  if (node.lexpr === undefined) return applyOperator(binder, operator, [right], position);
  const left = binder.expr(node.lexpr, context);
  if (comparison !== undefined) return typed(compare(comparison, left, right, position), position);
  return applyOperator(binder, operator, [left, right], position);
}

function applyOperator(
  binder: Binder,
  operator: string,
  operands: readonly Operand[],
  position: number | undefined,
): Operand {
  const [left] = operands;
  const ofArrays = bindArrayOperator(binder.session, operator, { operands, position });
  if (ofArrays !== undefined) return ofArrays;
  // A sign before a number or an untyped value changes nothing the registry would need to see.
  if (operator === "+" && operands.length === 1 && isNumber(left)) return left;
  // An untyped value beside anything is text to `||`, but a document beside a document.
  const joinsJson = operator === "||" && operands.some((operand) => operandType(operand)?.kind === "json");
  const assumed = operator !== "||" ? undefined : joinsJson ? JSON_TYPE : TEXT;
  const resolved = resolveOperator(
    operator,
    operands.map((operand) => operandType(operand) ?? assumed),
  );
  if (resolved === undefined) throw operatorNotFound(operator, operands, position);
  const call = applyFunction(binder.session, resolved, operands, position);
  return typed(resolved.negated ? not(call) : call, position);
}

function isNumber(operand: Operand | undefined): operand is Operand {
  if (operand?.kind === "number") return true;
  const type = operand && operandType(operand);
  return type !== undefined && NUMBER_KINDS.has(type.kind);
}

function bindDistinct(binder: Binder, node: A_Expr, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const left = binder.expr(side(node.lexpr), context);
  const right = binder.expr(side(node.rexpr), context);
  const compared = compare("=", left, right, position);
  if (compared.kind !== "compare") throw new Error("a comparison of another kind");
  const negated = node.kind === "AEXPR_NOT_DISTINCT";
  return typed({ kind: "distinct", type: BOOLEAN, negated, left: compared.left, right: compared.right }, position);
}

function bindNullIf(binder: Binder, node: A_Expr, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const left = binder.expr(side(node.lexpr), context);
  const when = compare("=", left, binder.expr(side(node.rexpr), context), position);
  if (when.kind !== "compare") throw new Error("a comparison of another kind");
  const kept = left.kind === "typed" ? left.expr : when.left;
  const branches = [{ when, result: { kind: "constant", type: kept.type, value: null } as const }];
  return typed({ kind: "case", type: kept.type, branches, otherwise: kept }, position);
}

function bindIn(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const negated = operator === "<>";
  const items = listOf(node.rexpr);
  if (rowOf(node.lexpr) !== undefined) {
    const equals = items.map((item) =>
      bindRowComparison(binder, { op: "=", left: node.lexpr, right: item, position }, context),
    );
    return typed(negated ? not(disjunction(equals)) : disjunction(equals), position);
  }
  const arg = binder.expr(side(node.lexpr), context);
  const list = items.map((item) => binder.expr(item, context));
  return typed(inList(arg, list, { negated, position }), position);
}

/** Where the items have no common type with the argument, each is compared on its own terms, as PostgreSQL does. */
function inList(arg: Operand, list: readonly Operand[], how: { negated: boolean; position: number | undefined }): Expr {
  const result = unify([arg, ...list]);
  const [first, ...rest] = result?.exprs ?? [];
  if (
    result === undefined ||
    first === undefined ||
    INCOMPARABLE.has(result.type.kind) ||
    result.type.kind === "interval"
  ) {
    const equals = disjunction(list.map((item) => compare("=", arg, item, how.position)));
    return how.negated ? not(equals) : equals;
  }
  return { kind: "in", type: BOOLEAN, negated: how.negated, arg: first, list: rest };
}

function bindArrayComparison(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const op = COMPARISONS.get(operator);
  if (op === undefined) return bindPatternList(binder, node, operator, context);
  const arg = binder.expr(side(node.lexpr), context);
  const list = arrayElements(binder, side(node.rexpr), context);
  const any = node.kind === "AEXPR_OP_ANY";
  if (list === undefined) {
    const array = binder.expr(side(node.rexpr), context);
    return typed(bindQuantified(binder.session, arg, array, { op, any, position }), position);
  }
  if (list.length === 0) return typed({ kind: "constant", type: BOOLEAN, value: !any }, position);
  if (any && op === "=") return typed(inList(arg, list, { negated: false, position }), position);
  if (!any && op === "<>") return typed(inList(arg, list, { negated: true, position }), position);
  const parts = list.map((item) => compare(op, arg, item, position));
  return typed(any ? disjunction(parts) : conjunction(parts), position);
}

/** `LIKE ANY (ARRAY[…])` and other operators that give a truth value. */
function bindPatternList(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const list = arrayElements(binder, side(node.rexpr), context);
  if (list === undefined) throw unsupported(`operator ${operator} with ANY or ALL of such an array`, position);
  const any = node.kind === "AEXPR_OP_ANY";
  if (list.length === 0) return typed({ kind: "constant", type: BOOLEAN, value: !any }, position);
  const parts = list.map((item) => {
    const arg = binder.expr(side(node.lexpr), context);
    return required(applyOperator(binder, operator, [arg, item], position), BOOLEAN, "ANY/ALL");
  });
  return typed(any ? disjunction(parts) : conjunction(parts), position);
}

function bindBetween(binder: Binder, node: A_Expr, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const arg = binder.expr(side(node.lexpr), context);
  const [low, high] = listOf(node.rexpr).map((item) => binder.expr(item, context));
  if (low === undefined || high === undefined) throw new Error("BETWEEN without two bounds");
  const within = (from: Operand, to: Operand): Expr =>
    conjunction([compare(">=", arg, from, position), compare("<=", arg, to, position)]);
  const symmetric = node.kind === "AEXPR_BETWEEN_SYM" || node.kind === "AEXPR_NOT_BETWEEN_SYM";
  const inside = symmetric ? disjunction([within(low, high), within(high, low)]) : within(low, high);
  const negated = node.kind === "AEXPR_NOT_BETWEEN" || node.kind === "AEXPR_NOT_BETWEEN_SYM";
  return typed(negated ? not(inside) : inside, position);
}

/** The parser puts the pattern into a call, with the escape character where there is one. */
function bindSimilar(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const pattern = side(node.rexpr);
  const parts = "FuncCall" in pattern ? (pattern.FuncCall.args ?? []) : [pattern];
  const operands = [side(node.lexpr), ...parts].map((part) => binder.expr(part, context));
  const texts = operands.map((operand) => typed(required(operand, TEXT, "SIMILAR TO"), operand.position));
  const resolved = internalFunction(
    "similar_to",
    texts.map(() => TEXT),
  );
  const call = applyFunction(binder.session, resolved, texts, position);
  return typed(operator.startsWith("!") ? not(call) : call, position);
}

function bindLike(binder: Binder, node: A_Expr, operator: string, context: ExprContext): Operand {
  const position = binder.session.position(node.location);
  const left = binder.expr(side(node.lexpr), context);
  const pattern = side(node.rexpr);
  const isEscape = "FuncCall" in pattern && namesOf(pattern.FuncCall.funcname).at(-1) === "like_escape";
  if (!isEscape) return applyOperator(binder, operator, [left, binder.expr(pattern, context)], position);
  const [text, escape] = (pattern.FuncCall.args ?? []).map((arg) => binder.expr(arg, context));
  if (text === undefined || escape === undefined) throw new Error("ESCAPE without pattern or character");
  return applyOperator(binder, operator, [left, text, escape], position);
}
