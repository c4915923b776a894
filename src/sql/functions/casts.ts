// Which type may be cast to which, in which context, and how the value changes: PostgreSQL's rounding (doubles half to even, decimals half away from
// zero), text forms and messages.
import { DbError } from "../../base/errors.ts";
import { arrayOfCells, cellsOfArray, parseArrayText } from "../../model/array.ts";
import { formatDecimal, MAX_PRECISION, parseDecimal, rescale } from "../../model/decimal.ts";
import { assertDimensions } from "../../model/embedding.ts";
import { intervalCell, intervalOf } from "../../model/interval.ts";
import { type Cell, type SqlType, sameType, TEXT, type TypeKind } from "../../model/sql-type.ts";
import { daysOfTimestamp, timestampOfDays } from "../../model/temporal.ts";
import { arrayText, TYPES } from "../../model/types.ts";
import { NUMERIC_TOWER } from "./common-type.ts";
import { floatText } from "./float-text.ts";
import { jsonKind } from "./json/scan.ts";
import { roundHalfEven } from "./numeric/round-half-even.ts";
import { finiteDouble, finiteFloat, inBigint, inDouble, inInt, inSmallint, outOfRange } from "./numeric-range.ts";
import { instantOf } from "./temporal/instant.ts";
import { movedTime } from "./temporal/interval-arithmetic.ts";
import { inDate, inTimestamp } from "./temporal/range.ts";

/** implicit: anywhere; assignment: also when a value is stored into a column; explicit: only where the text says CAST or `::`. */
export type CastContext = "implicit" | "assignment" | "explicit";

export interface CastRule {
  readonly context: CastContext;
  readonly implicit: boolean;
}

const RULES: Readonly<Record<CastContext, CastRule>> = {
  implicit: { context: "implicit", implicit: true },
  assignment: { context: "assignment", implicit: false },
  explicit: { context: "explicit", implicit: false },
};

/** Pairs that neither text nor the numeric tower explains. Integers stand for temporal values as on the wire: µs, or days for dates. */
const PAIRS: Partial<Readonly<Record<TypeKind, Partial<Readonly<Record<TypeKind, CastContext>>>>>> = {
  boolean: { smallint: "explicit", int: "explicit", bigint: "explicit" },
  smallint: { boolean: "explicit" },
  int: { boolean: "explicit", date: "assignment", time: "assignment", timestamp: "assignment", datetime: "assignment" },
  bigint: {
    boolean: "explicit",
    date: "assignment",
    time: "assignment",
    timestamp: "assignment",
    datetime: "assignment",
  },
  date: { timestamp: "implicit", datetime: "implicit" },
  time: { interval: "implicit" },
  interval: { time: "assignment" },
  timestamp: { datetime: "implicit", date: "assignment", time: "assignment" },
  datetime: { timestamp: "implicit", date: "assignment", time: "assignment" },
  json: {
    boolean: "explicit",
    smallint: "explicit",
    int: "explicit",
    bigint: "explicit",
    decimal: "explicit",
    float: "explicit",
    double: "explicit",
  },
  file: { json: "implicit" },
};

function contextOf(from: TypeKind, to: TypeKind): CastContext | undefined {
  if (from === to) return "implicit";
  const [low, high] = [NUMERIC_TOWER.indexOf(from), NUMERIC_TOWER.indexOf(to)];
  if (low >= 0 && high >= 0) return low < high ? "implicit" : "assignment";
  // A reference in a TEXT column would be nobody's to keep the file for.
  if (from === "file" && to === "text") return "explicit";
  if (to === "text") return "assignment";
  if (from === "text") return "explicit";
  return PAIRS[from]?.[to];
}

function arrayContext(from: SqlType & { readonly kind: "array" }, to: SqlType): CastContext | undefined {
  if (to.kind !== "array") return to.kind === "text" ? "assignment" : undefined;
  return contextOf(from.element.kind, to.element.kind);
}

/** Undefined: `cannot cast type a to b`. A type casts to itself implicitly, decimals of other precision and scale included. */
export function castRule(from: SqlType, to: SqlType): CastRule | undefined {
  const context = from.kind === "array" ? arrayContext(from, to) : contextOf(from.kind, to.kind);
  return context && RULES[context];
}

type Present = Exclude<Cell, null>;
type Conversion = (cell: Present) => Present;

/** Significant digits a real and a double keep when they become decimals, as in PostgreSQL. */
const FLOAT_DIGITS = 6;
const DOUBLE_DIGITS = 15;
const INTEGER_NAMES: Partial<Readonly<Record<TypeKind, string>>> = {
  smallint: "smallint",
  int: "integer",
  bigint: "bigint",
};

/** A number of any kind as an integer, rounded. */
function integerOf(cell: Present, from: SqlType, name: string): bigint {
  if (typeof cell === "bigint") return from.kind === "decimal" ? rescale(cell, from.scale, 0) : cell;
  const value = Number(cell);
  if (!Number.isFinite(value)) throw outOfRange(name);
  return BigInt(roundHalfEven(value));
}

/** A number of any kind as a double. */
function doubleOf(cell: Present, from: SqlType): number {
  return from.kind === "decimal" && typeof cell === "bigint" ? Number(formatDecimal(cell, from.scale)) : Number(cell);
}

function toDecimal(from: SqlType, to: SqlType & { readonly kind: "decimal" }): Conversion {
  const limit = 10n ** BigInt(to.precision);
  const inPrecision = (value: bigint): bigint => {
    if (value < limit && value > -limit) return value;
    const hint = `A field with precision ${to.precision}, scale ${to.scale} cannot hold it.`;
    throw new DbError("SQL_EXECUTION_ERROR", "numeric field overflow", { hint });
  };
  if (from.kind === "float" || from.kind === "double") {
    const digits = from.kind === "float" ? FLOAT_DIGITS : DOUBLE_DIGITS;
    return (cell) => {
      const value = Number(cell);
      if (!Number.isFinite(value)) throw outOfRange("decimal");
      return inPrecision(parseDecimal(value.toPrecision(digits), MAX_PRECISION, to.scale));
    };
  }
  const scale = from.kind === "decimal" ? from.scale : 0;
  return (cell) => inPrecision(rescale(BigInt(cell as number | bigint), scale, to.scale));
}

function toNumber(from: SqlType, to: SqlType): Conversion {
  const name = INTEGER_NAMES[to.kind] ?? to.kind;
  switch (to.kind) {
    case "smallint":
      return (cell) => inSmallint(Number(integerOf(cell, from, name)));
    case "int":
      return (cell) => inInt(Number(integerOf(cell, from, name)));
    case "bigint":
      return (cell) => inBigint(integerOf(cell, from, name));
    case "decimal":
      return toDecimal(from, to);
    case "float":
      return (cell) => {
        const value = doubleOf(cell, from);
        return finiteFloat(value, [value]);
      };
    default:
      return (cell) => {
        const value = doubleOf(cell, from);
        return finiteDouble(value, [value]);
      };
  }
}

function textTo(to: SqlType): Conversion {
  const { parse } = TYPES[to.kind];
  switch (to.kind) {
    case "float":
    case "double":
      return (cell) => inDouble(parse(cell, to) as number);
    case "date":
      return (cell) => inDate(parse(cell, to) as number);
    case "timestamp":
    case "datetime":
      return (cell) => inTimestamp(parse(cell, to) as bigint);
    default:
      return (cell) => parse(cell, to);
  }
}

function toText(from: SqlType): Conversion {
  const { kind } = from;
  if (kind === "array") return (cell) => arrayText(cell, from, (item, element) => String(toText(element)(item)));
  if (kind === "float" || kind === "double") return (cell) => floatText(Number(cell), kind);
  return (cell) => TYPES[kind].toText(cell, from);
}

function fromJson(to: SqlType): Conversion {
  const wanted = to.kind === "boolean" ? "boolean" : "number";
  const viaDecimal = to.kind === "boolean" || to.kind === "decimal" || to.kind === "float" || to.kind === "double";
  const target: SqlType = viaDecimal ? to : { kind: "decimal", precision: MAX_PRECISION, scale: 1 };
  const parse = textTo(target);
  const finish = viaDecimal ? (cell: Present): Present => cell : toNumber(target, to);
  return (cell) => {
    const json = String(cell).trim();
    const kind = jsonKind(json);
    if (kind !== wanted) {
      throw new DbError(
        "SQL_EXECUTION_ERROR",
        `cannot cast jsonb ${kind} to type ${INTEGER_NAMES[to.kind] ?? to.kind}`,
      );
    }
    return finish(parse(json));
  };
}

function toTemporal(from: SqlType, to: SqlType): Conversion {
  if (from.kind === "interval") return (cell) => movedTime(0, intervalOf(String(cell)).us);
  if (from.kind === "date") return (cell) => inTimestamp(timestampOfDays(Number(cell)));
  const fromInstant = from.kind === "timestamp" || from.kind === "datetime";
  if (!fromInstant) return (cell) => TYPES[to.kind].parse(cell, to);
  if (to.kind === "date") return (cell) => daysOfTimestamp(cell as bigint);
  if (to.kind === "time") return (cell) => instantOf(cell as bigint).timeUs;
  return (cell) => cell;
}

/** Documents are kept as their text. */
function isSameDocument(from: TypeKind, to: TypeKind): boolean {
  return (from === "json" && to === "text") || (from === "file" && (to === "json" || to === "text"));
}

function arrayTo(from: SqlType & { readonly kind: "array" }, to: SqlType): Conversion {
  if (to.kind !== "array") return toText(from);
  const convert = castCell(from.element, to.element);
  return (cell) => arrayOfCells(cellsOfArray(String(cell), from.element.kind).map(convert), to.element.kind);
}

function textToArray(to: SqlType & { readonly kind: "array" }): Conversion {
  const convert = castCell(TEXT, to.element);
  return (cell) => arrayOfCells(parseArrayText(String(cell)).map(convert), to.element.kind);
}

function conversion(from: SqlType, to: SqlType): Conversion {
  if (from.kind === "embedding" && to.kind === "embedding") {
    return (cell) => (cell instanceof Uint8Array ? assertDimensions(cell, to.dimensions) : cell);
  }
  if (sameType(from, to) || isSameDocument(from.kind, to.kind)) return (cell) => cell;
  if (from.kind === "array") return arrayTo(from, to);
  if (to.kind === "text") return toText(from);
  if (from.kind === "text") return to.kind === "array" ? textToArray(to) : textTo(to);
  if (from.kind === "json") return fromJson(to);
  switch (to.kind) {
    case "boolean":
      return (cell) => Boolean(cell);
    case "interval":
      return (cell) => intervalCell({ months: 0, days: 0, us: BigInt(Number(cell)) });
    case "date":
    case "time":
    case "timestamp":
    case "datetime":
      return toTemporal(from, to);
    default:
      return toNumber(from, to);
  }
}

/** The conversion of a cell, NULL included. `castRule` must have a rule for the pair. */
export function castCell(from: SqlType, to: SqlType): (cell: Cell) => Cell {
  const convert = conversion(from, to);
  return (cell) => (cell === null ? null : convert(cell));
}
