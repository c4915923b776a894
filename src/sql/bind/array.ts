// Arrays that a statement writes out, value by value: `ANY`, `ALL` and `unnest` read them as lists, so that `= ANY ($1)` is as good as IN. Of any other
// array see `array-call.ts`.
import type { Node, TypeName } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { parseArrayText } from "../../model/array.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import { constantOf } from "../parse/constant.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { castTarget } from "./cast-target.ts";
import { castTo, constant, type Operand, operandType, placed, typed, untyped } from "./operand.ts";
import type { BindSession } from "./session.ts";
import { at, unsupported } from "./syntax.ts";

/** The values of `ARRAY[…]`, of a parameter that is a list, or of text like `{1,2}`; each maybe with a cast to an array type around it. */
export function arrayElements(binder: Binder, node: Node, context: ExprContext): readonly Operand[] | undefined {
  const { session } = binder;
  if ("A_ArrayExpr" in node) {
    const { elements = [], location } = node.A_ArrayExpr;
    return assertNotNested(
      elements.map((item) => binder.expr(item, context)),
      session.position(location),
    );
  }
  if ("ParamRef" in node)
    return listElements(session, node.ParamRef.number ?? 0, session.position(node.ParamRef.location));
  if ("A_Const" in node) return textElements(session, node);
  if (!("TypeCast" in node)) return undefined;
  const { arg, typeName } = node.TypeCast;
  if (arg === undefined || typeName === undefined || (typeName.arrayBounds ?? []).length === 0) return undefined;
  const type = elementType(session, typeName);
  return arrayElements(binder, arg, context)?.map((element) => typed(castTo(element, type), element.position));
}

/** PostgreSQL has arrays of two dimensions, whose values one by one ANY and ALL compare with. */
export function assertNotNested(items: readonly Operand[], position: number | undefined): readonly Operand[] {
  if (items.some((item) => operandType(item)?.kind === "array")) throw unsupported("an array of arrays", position);
  return items;
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
    const asExact = (type: SqlType): ReturnType<typeof as> =>
      session.slotExpr({ kind: "parameter", index, element, type, exact: true });
    return { kind: "untyped", as, asExact, position };
  });
}

/** `{a,"b, c",NULL}`. Its literal gets no slot, so the plan is right for this text only. */
function textElements(session: BindSession, node: Extract<Node, { A_Const: unknown }>): readonly Operand[] | undefined {
  const value = constantOf(node.A_Const);
  if (value.kind !== "string") return undefined;
  const position = session.position(node.A_Const.location);
  return placed(position, () => parseArrayText(value.text)).map((text): Operand => {
    const as = (type: SqlType): ReturnType<typeof constant> =>
      constant(text === null ? null : placed(position, () => TYPES[type.kind].parse(text, type)), type);
    return text === null
      ? untyped(as, position)
      : { ...untyped(as, position), literal: { text, pin: () => undefined } };
  });
}
