// Arrays, which are no type here: only what reads them value by value knows them, `ANY`, `ALL` and `unnest`.
import type { Node, TypeName } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import { constantOf } from "../parse/constant.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { castTarget } from "./cast-target.ts";
import { castTo, constant, type Operand, placed, typed } from "./operand.ts";
import type { BindSession } from "./session.ts";
import { at, unsupported } from "./syntax.ts";

/** The values of `ARRAY[…]`, of a parameter that is a list, or of text like `{1,2}`; each maybe with a cast to an array type around it. */
export function arrayElements(binder: Binder, node: Node, context: ExprContext): readonly Operand[] | undefined {
  const { session } = binder;
  if ("A_ArrayExpr" in node) return (node.A_ArrayExpr.elements ?? []).map((item) => binder.expr(item, context));
  if ("ParamRef" in node)
    return listElements(session, node.ParamRef.number ?? 0, session.position(node.ParamRef.location));
  if ("A_Const" in node) return textElements(session, node);
  if (!("TypeCast" in node)) return undefined;
  const { arg, typeName } = node.TypeCast;
  if (arg === undefined || typeName === undefined || (typeName.arrayBounds ?? []).length === 0) return undefined;
  const type = elementType(session, typeName);
  return arrayElements(binder, arg, context)?.map((element) => typed(castTo(element, type), element.position));
}

function elementType(session: BindSession, { arrayBounds = [], ...element }: TypeName): SqlType {
  if (arrayBounds.length > 1) throw unsupported("an array of arrays", session.position(element.location));
  return castTarget(session, element).type;
}

function listElements(session: BindSession, number: number, position: number | undefined): readonly Operand[] {
  const index = number - 1;
  const room = session.listRoom(index);
  if (room === undefined) {
    throw new DbError("INVALID_PARAMETER", `Parameter $${number} must be an array`, at(position));
  }
  return Array.from({ length: room }, (_unused, element): Operand => {
    const as = (type: SqlType): ReturnType<BindSession["slotExpr"]> =>
      session.slotExpr({ kind: "parameter", index, element, type });
    return { kind: "untyped", as, position };
  });
}

/** `{a,"b, c",NULL}`. Its literal gets no slot, so the plan is right for this text only. */
function textElements(session: BindSession, node: Extract<Node, { A_Const: unknown }>): readonly Operand[] | undefined {
  const value = constantOf(node.A_Const);
  if (value.kind !== "string") return undefined;
  const position = session.position(node.A_Const.location);
  return parseArrayText(value.text, position).map((text): Operand => {
    const as = (type: SqlType): ReturnType<typeof constant> =>
      constant(text === null ? null : placed(position, () => TYPES[type.kind].parse(text, type)), type);
    return { kind: "untyped", as, position };
  });
}

const ELEMENT = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\\s][^",{}\\]*))\s*(,|$)/y;

function parseArrayText(text: string, position: number | undefined): readonly (string | null)[] {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) throw malformed(text, position);
  if (inner.trim() === "") return [];
  const elements: (string | null)[] = [];
  let next = 0;
  for (let separator = ","; separator === ","; ) {
    ELEMENT.lastIndex = next;
    const match = ELEMENT.exec(inner);
    if (match === null) throw malformed(text, position);
    const [whole, quoted, bare = ""] = match;
    elements.push(quoted === undefined ? bareElement(bare) : quoted.replace(/\\(.)/gs, "$1"));
    separator = match[3] ?? "";
    next += whole.length;
  }
  return elements;
}

function bareElement(text: string): string | null {
  const trimmed = text.trim();
  return trimmed.toUpperCase() === "NULL" ? null : trimmed;
}

function malformed(text: string, position: number | undefined): DbError {
  return new DbError("SQL_EXECUTION_ERROR", `malformed array literal: "${text}"`, at(position));
}
