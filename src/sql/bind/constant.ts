// Constants, parameters and casts. A literal that was lifted out of the text becomes a slot; one that was not is part of the plan.
import type { A_Const, ParamRef, TypeCast } from "libpg-query";
import { assertNever, DbError } from "../../base/errors.ts";
import { BOOLEAN, type Cell, INT, INTERVAL, type SqlType, TEXT } from "../../model/sql-type.ts";
import { INTEGER_KINDS, NUMBER_KINDS } from "../../model/type-kinds.ts";
import { parseCell, TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import { lookupFunction } from "../functions/registry.ts";
import { constantOf } from "../parse/constant.ts";
import type { Slot } from "../plan.ts";
import { bindArray } from "./array-value.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { castTarget, isInterval } from "./cast-target.ts";
import { roundingOf } from "./exact-decimal.ts";
import { cutToFields, intervalLiteral, intervalModifiers } from "./interval.ts";
import { numberType } from "./literal-class.ts";
import { castTo, constant, type Operand, placed, typed, untyped } from "./operand.ts";
import type { BindSession } from "./session.ts";
import { at, unsupported } from "./syntax.ts";

const BYTES: SqlType = { kind: "bytes" };

export function bindConstant(session: BindSession, node: A_Const): Operand {
  const position = session.position(node.location);
  const value = constantOf(node);
  switch (value.kind) {
    case "null":
      return untyped((type) => constant(null, type), position);
    case "boolean":
      return typed(constant(value.value, BOOLEAN), position);
    case "string":
      return bindString(session, value.text, position);
    case "integer":
    case "float":
      return bindNumber(session, value.text, position);
    case "hex":
      return typed(
        constant(
          placed(position, () => TYPES.bytes.parse(`\\x${value.digits}`, BYTES)),
          BYTES,
        ),
        position,
      );
    case "bits":
      throw unsupported("a bit string", position);
    default:
      return assertNever(value, "constant");
  }
}

function forColumn(column: string | undefined): { readonly column?: string } {
  return column === undefined ? {} : { column };
}

interface ParseTarget {
  readonly type: SqlType;
  readonly column: string | undefined;
  readonly position: number | undefined;
}

function parsed(text: string, { type, column, position }: ParseTarget): Cell {
  return placed(position, () =>
    column === undefined ? TYPES[type.kind].parse(text, type) : parseCell(text, type, column),
  );
}

function bindString(session: BindSession, text: string, position: number | undefined): Operand {
  const lifted = session.literalAt(position);
  const literal =
    lifted !== undefined && lifted.literal.kind === "string" && lifted.literal.text === text ? lifted : undefined;
  const as = (type: SqlType, column?: string): Expr => {
    if (literal !== undefined) {
      return session.slotExpr({ kind: "literal", index: literal.index, type, ...forColumn(column) });
    }
    return constant(parsed(text, { type, column, position }), type);
  };
  const pin = (): void => {
    if (literal !== undefined) session.pin(literal.index);
  };
  const asExact = (type: SqlType): Expr => {
    const rounding = roundingOf(text, type);
    if (rounding !== undefined) throw new DbError("INVALID_VALUE", rounding, at(position));
    return as(type);
  };
  return { kind: "untyped", as, asExact, literal: { text, pin }, position };
}

const SIGNS_BEFORE = /[-(\s]/;

function bindNumber(session: BindSession, text: string, position: number | undefined): Operand {
  const digits = text.replace(/^-/, "");
  const negated = text.startsWith("-");
  const type = numberType(digits, negated);
  const lifted = liftedNumber(session, text, position);
  const as = (target: SqlType, column?: string): Expr | undefined => {
    if (!NUMBER_KINDS.has(target.kind)) return undefined;
    const fromFraction = type.kind === "decimal" || type.kind === "double";
    if (fromFraction && INTEGER_KINDS.has(target.kind)) return undefined;
    if (lifted === undefined) return constant(parsed(text, { type: target, column, position }), target);
    const slot: Slot = {
      kind: "literal",
      index: lifted,
      type: target,
      ...(negated ? { negated } : {}),
      ...forColumn(column),
    };
    return session.slotExpr(slot);
  };
  return { kind: "number", type, as, position };
}

/**
 * The parser folds minus signs into a constant and places it at the first of them. The signs are taken over only when the text shows how many there
 * were: otherwise the number stays in the plan, and its literal is pinned for want of a slot.
 */
function liftedNumber(session: BindSession, text: string, position: number | undefined): number | undefined {
  if (position === undefined) return undefined;
  let start = position;
  while (SIGNS_BEFORE.test(session.charAt(start))) start += 1;
  const found = session.literalAt(start);
  if (found === undefined || found.literal.kind === "string") return undefined;
  const isZero = !/[1-9]/.test(text);
  if (start !== position && isZero) return undefined;
  const digits = text.replace(/^-/, "");
  const matches =
    found.literal.text === digits ||
    (/^\d+$/.test(found.literal.text) && found.literal.text.replace(/^0+(?=\d)/, "") === digits);
  return matches ? found.index : undefined;
}

export function bindParameter(session: BindSession, node: ParamRef): Operand {
  const number = node.number ?? 0;
  const position = session.position(node.location);
  if (number < 1) throw new DbError("INVALID_SQL", `there is no parameter $${number}`, at(position));
  return {
    kind: "untyped",
    as: (type, column) => session.slotExpr({ kind: "parameter", index: number - 1, type, ...forColumn(column) }),
    asExact: (type) => session.slotExpr({ kind: "parameter", index: number - 1, type, exact: true }),
    position,
  };
}

export function bindCast(binder: Binder, node: TypeCast, context: ExprContext): Operand {
  const { session } = binder;
  if (node.arg === undefined || node.typeName === undefined) throw new Error("a cast without argument or type");
  const position = session.position(node.location ?? node.typeName.location);
  if (isInterval(node.typeName) && (node.typeName.arrayBounds ?? []).length === 0)
    return bindInterval(binder, node, context);
  const { type, maxLength } = castTarget(session, node.typeName);
  // The type of an array reaches its elements, so that ARRAY[] has one.
  if (type.kind === "array" && "A_ArrayExpr" in node.arg) {
    return bindArray(binder, node.arg.A_ArrayExpr, context, type.element);
  }
  const operand = binder.expr(node.arg, context);
  const expr = castTo(operand, type);
  return typed(maxLength === undefined ? expr : cut(expr, maxLength), position);
}

/** Casting to `varchar(n)` cuts silently, by the standard. */
function cut(text: Expr, maxLength: number): Expr {
  const resolved = lookupFunction("left", [TEXT, INT]);
  if (resolved === undefined) throw new Error("no function left(text, int)");
  return { kind: "call", type: TEXT, name: resolved.name, args: [text, constant(maxLength, INT)] };
}

function bindInterval(binder: Binder, node: TypeCast, context: ExprContext): Operand {
  const { typeName, arg } = node;
  if (typeName === undefined || arg === undefined) throw new Error("a cast without argument or type");
  const position = binder.session.position(node.location ?? typeName.location);
  const modifiers = intervalModifiers(typeName, position);
  const value = intervalLiteral(node, modifiers, position) ?? castTo(binder.expr(arg, context), INTERVAL);
  return typed(cutToFields(value, modifiers), position);
}
