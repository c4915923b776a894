// The values of a plan's slots for one call: parameters and literals take the types the statement gave them.
import { assertNever, DbError } from "../../base/errors.ts";
import type { UserId } from "../../base/ids.ts";
import { isList, type Param } from "../../model/param.ts";
import type { Role } from "../../model/role.ts";
import type { Cell, SqliteValue, SqlType } from "../../model/sql-type.ts";
import { INTEGER_KINDS } from "../../model/type-kinds.ts";
import { arrayFromList, cellToSqlite, parseCell, TYPES, typeText } from "../../model/types.ts";
import type { LiftedLiteral } from "../lift-literals.ts";
import type { Slot } from "../plan.ts";
import { roundingOf } from "./exact-decimal.ts";
import { at } from "./syntax.ts";

export interface SlotInputs {
  readonly params: readonly Param[];
  readonly literals: readonly LiftedLiteral[];
  readonly user: UserId;
  readonly role: Role;
  /** The statement's time, µs since the Unix epoch. */
  readonly nowUs: bigint;
  readonly viewRows: (view: string) => string;
  /** Of a live query's page. */
  readonly bounds?: { readonly afterSeq: bigint; readonly upToSeq: bigint; readonly limit: bigint };
}

type SlotOf<Kind extends Slot["kind"]> = Extract<Slot, { readonly kind: Kind }>;

/** One cell for each slot. */
export function resolveSlots(slots: readonly Slot[], inputs: SlotInputs): Cell[] {
  return slots.map((slot): Cell => {
    switch (slot.kind) {
      case "parameter":
        return parameterValue(slot, slots, inputs.params);
      case "listLength":
        return BigInt(listOf(slot.index, inputs.params).length);
      case "literal":
        return literalValue(slot, inputs.literals);
      case "user":
        return inputs.user;
      case "role":
        return inputs.role;
      case "now":
        return inputs.nowUs;
      case "viewRows":
        return inputs.viewRows(slot.view);
      case "afterSeq":
      case "upToSeq":
      case "limit":
        return boundValue(slot.kind, inputs.bounds);
      default:
        return assertNever(slot, "slot");
    }
  });
}

function boundValue(kind: "afterSeq" | "upToSeq" | "limit", bounds: SlotInputs["bounds"]): bigint {
  if (bounds === undefined) throw new Error(`a plan with bounds was resolved without ${kind}`);
  return bounds[kind];
}

/** `expected`: how many parameters the statement names. */
export function assertParameterCount(expected: number, got: number): void {
  if (expected === got) return;
  throw new DbError("INVALID_PARAMETER", `Expected ${expected} parameter${expected === 1 ? "" : "s"}, got ${got}`);
}

function parameterValue(slot: SlotOf<"parameter">, slots: readonly Slot[], params: readonly Param[]): Cell {
  if (slot.index >= params.length) {
    const named = slots.flatMap((other) => (other.kind === "parameter" ? [other.index + 1] : []));
    assertParameterCount(Math.max(...named), params.length);
  }
  const input = slot.element === undefined ? scalarOf(slot, params) : elementOf(slot.index, slot.element, params);
  const name = `Parameter $${slot.index + 1}`;
  if (input === null) return null;
  if (isFraction(input, slot.type)) {
    throw new DbError(
      "INVALID_PARAMETER",
      `${name} expects ${typeText(slot.type)}: ${String(input)} is not a whole number`,
    );
  }
  const rounding = slot.exact === true ? roundingOf(inputText(slot, params), slot.type) : undefined;
  if (rounding !== undefined) {
    throw new DbError("INVALID_PARAMETER", `${name} expects ${typeText(slot.type)}: ${rounding}`);
  }
  const value = parameterCell(input, slot, name);
  if (slot.clause !== undefined) assertRowCount(value, slot.clause, undefined);
  return value;
}

/** A list with its values beside each other. */
function inputText({ index, element }: SlotOf<"parameter">, params: readonly Param[]): string {
  const input = element === undefined ? (params[index] ?? null) : elementOf(index, element, params);
  return isList(input) ? input.join(",") : String(input);
}

function listOf(index: number, params: readonly Param[]): readonly Cell[] {
  const param = params[index] ?? null;
  if (isList(param)) return param;
  throw new DbError("INVALID_PARAMETER", `Parameter $${index + 1} must be an array`);
}

function elementOf(index: number, element: number, params: readonly Param[]): Cell {
  const list = listOf(index, params);
  return list[Math.min(element, list.length - 1)] ?? null;
}

function scalarOf({ index, type }: SlotOf<"parameter">, params: readonly Param[]): Cell {
  const param = params[index] ?? null;
  if (!isList(param)) return param;
  // JSON text of the list is what the type reads.
  if (type.kind === "embedding") return JSON.stringify(param);
  if (type.kind === "array") return TYPES.array.toText(arrayFromList(param, type), type);
  const message = `Parameter $${index + 1} is an array, and the place takes one value`;
  throw new DbError("INVALID_PARAMETER", message, { hint: "Pass JSON as text." });
}

function parameterCell(input: Exclude<Cell, null>, { type, column }: SlotOf<"parameter">, name: string): Cell {
  try {
    return column === undefined ? TYPES[type.kind].parse(input, type) : parseCell(input, type, column);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const message =
      column === undefined ? `${name} expects ${typeText(type)}: ${error.message}` : `${name}: ${error.message}`;
    throw new DbError("INVALID_PARAMETER", message, { cause: error });
  }
}

/** Rounding would make `x > $1` another question. */
function isFraction(input: Exclude<Cell, null>, type: SqlType): boolean {
  return INTEGER_KINDS.has(type.kind) && typeof input === "number" && !Number.isInteger(input);
}

function literalValue(slot: SlotOf<"literal">, literals: readonly LiftedLiteral[]): Cell {
  const literal = literals[slot.index];
  if (literal === undefined) throw new Error(`no literal ${slot.index}`);
  const text = slot.negated === true ? `-${literal.text}` : literal.text;
  const value = literalCell(text, slot, literal);
  if (slot.clause !== undefined) assertRowCount(value, slot.clause, literal.start);
  return value;
}

function literalCell(text: string, { type, column }: SlotOf<"literal">, literal: LiftedLiteral): Cell {
  try {
    return column === undefined ? TYPES[type.kind].parse(text, type) : parseCell(text, type, column);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    throw new DbError(error.code, error.message, { cause: error, ...at(literal.start) });
  }
}

function assertRowCount(value: Cell, clause: "LIMIT" | "OFFSET", position: number | undefined): void {
  if (value === null || BigInt(value.toString()) >= 0n) return;
  throw new DbError("SQL_EXECUTION_ERROR", `${clause} must not be negative`, at(position));
}

/** The storage forms to bind as `?1, ?2, …`. */
export function slotsToSqlite(slots: readonly Slot[], cells: readonly Cell[]): SqliteValue[] {
  return slots.map((slot, index) => cellToSqlite(cells[index] ?? null, slot.type));
}
