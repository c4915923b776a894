// ARRAY[…], and the subscripts and slices of arrays.
import type { A_ArrayExpr, A_Indirection, Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { INT, JSON_TYPE, type SqlType, TEXT } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { internalFunction, resolveOperator } from "../functions/registry.ts";
import { assertNotNested } from "./array.ts";
import { arrayExpr, elementExpr } from "./array-call.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { applyFunction } from "./call.ts";
import {
  castTo,
  constant,
  type Operand,
  operandType,
  settled,
  tryCoerce,
  typed,
  typeLabel,
  unified,
} from "./operand.ts";
import { at, unsupported } from "./syntax.ts";

/** `element`: what a cast around it asks for. */
export function bindArray(binder: Binder, node: A_ArrayExpr, context: ExprContext, element?: SqlType): Operand {
  const { session } = binder;
  const position = session.position(node.location);
  const items = assertNotNested(
    (node.elements ?? []).map((item) => binder.expr(item, context)),
    position,
  );
  if (element !== undefined) {
    return typed(
      arrayExpr(
        session,
        items.map((item) => castTo(item, element)),
        element,
      ),
      position,
    );
  }
  if (items.length === 0) {
    const hint = "Explicitly cast to the desired type, for example ARRAY[]::integer[].";
    throw new DbError("SQL_EXECUTION_ERROR", "cannot determine type of empty array", { ...at(position), hint });
  }
  const { type, exprs } = unified(items, "ARRAY");
  return typed(arrayExpr(session, exprs, type), position);
}

export function bindSubscript(binder: Binder, node: A_Indirection, context: ExprContext): Operand {
  const { session } = binder;
  const [index, ...more] = node.indirection ?? [];
  if (node.arg === undefined || index === undefined) throw new Error("a subscript of nothing");
  const operand = binder.expr(node.arg, context);
  const { position } = operand;
  if (operandType(operand)?.kind === "json") return bindMember(binder, operand, { node, context });
  if (more.length > 0 || !("A_Indices" in index)) throw unsupported("this subscript or field selection", position);
  const array = settled(operand);
  if (array.type.kind !== "array") {
    const message = `cannot subscript type ${typeLabel(array.type)} because it does not support subscripting`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const place = (bound: Node | undefined, otherwise: number): Expr => {
    if (bound === undefined) return constant(otherwise, INT);
    const number = tryCoerce(binder.expr(bound, context), INT, "assignment");
    if (number !== undefined) return number;
    throw new DbError("SQL_EXECUTION_ERROR", "array subscript must have type integer", at(position));
  };
  const { is_slice: isSlice, lidx, uidx } = index.A_Indices;
  if (isSlice !== true) return typed(elementExpr(session, array, place(uidx, 1)), position);
  const bounds = [place(lidx, 1), place(uidx, MAX_PLACE)].map((bound) => typed(bound));
  const resolved = internalFunction("array_slice", [array.type, INT, INT]);
  return typed(applyFunction(session, resolved, [typed(array), ...bounds], position), position);
}

/** `document['key'][0]` is `document -> 'key' -> 0`. */
function bindMember(
  binder: Binder,
  document: Operand,
  { node, context }: { readonly node: A_Indirection; readonly context: ExprContext },
): Operand {
  const { session } = binder;
  return (node.indirection ?? []).reduce<Operand>((inner, index) => {
    const { position } = document;
    if (!("A_Indices" in index) || index.A_Indices.is_slice === true || index.A_Indices.uidx === undefined) {
      throw unsupported("this subscript of a document", position);
    }
    const key = binder.expr(index.A_Indices.uidx, context);
    const resolved = resolveOperator("->", [JSON_TYPE, operandType(key) ?? TEXT]);
    if (resolved !== undefined) return typed(applyFunction(session, resolved, [inner, key], position), position);
    throw new DbError("SQL_EXECUTION_ERROR", "subscript type is not supported", at(position));
  }, document);
}

const MAX_PLACE = 2_147_483_647;
