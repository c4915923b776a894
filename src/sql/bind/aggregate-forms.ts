// The aggregate functions there are: what they take and give, and what SQLite calls them. SQLite's own work on storage forms; the others are registered
// with it (`functions/aggregates`).
import { MAX_PRECISION } from "../../model/decimal.ts";
import { BIGINT, BOOLEAN, DOUBLE, JSON_TYPE, type SqlType, TEXT, type TypeKind } from "../../model/sql-type.ts";
import { FLOAT_KINDS, INTEGER_KINDS, NUMBER_KINDS } from "../../model/type-kinds.ts";
import { sqliteAggregateName } from "../functions/aggregates/definition.ts";
import { windowAggregateName } from "../functions/aggregates/over-frames.ts";
import { arrayExpr } from "./array-call.ts";
import { documentOf } from "./document.ts";
import { castTo, type Operand, settled, typed } from "./operand.ts";
import type { BindSession } from "./session.ts";

export interface AggregateForm {
  /** Of the arguments as given. Undefined: there is no such aggregate. */
  readonly resolve: (
    types: readonly (SqlType | undefined)[],
  ) => { args: readonly SqlType[]; type: SqlType } | undefined;
  /** SQLite's name for it, given the argument types. */
  readonly sqlite: (args: readonly SqlType[]) => string;
  /** Applied to the finished call (FILTER and OVER included). */
  readonly finish: (call: string, args: readonly SqlType[]) => string;
  /** Made of the arguments before anything else. */
  readonly prepare?: (session: BindSession, operands: readonly Operand[]) => readonly Operand[];
  /** The same over a window, where that is another function. */
  readonly window?: string;
}

const UNORDERED: ReadonlySet<TypeKind> = new Set(["boolean", "json", "embedding", "file"]);

function oneArgument(
  typeOf: (type: SqlType) => SqlType | undefined,
  sqlite: (type: SqlType) => string,
  finish: (call: string, type: SqlType) => string = (call) => call,
): AggregateForm {
  return {
    finish: (call, [type]) => finish(call, type ?? TEXT),
    resolve: (types) => {
      const [given] = types;
      const type = given === undefined || types.length !== 1 ? undefined : typeOf(given);
      return given === undefined || type === undefined ? undefined : { args: [given], type };
    },
    sqlite: ([type]) => sqlite(type ?? TEXT),
  };
}

/** Takes a literal or NULL without a type as one of `type`, as PostgreSQL does where one candidate is left. */
function literalAs(type: SqlType, form: AggregateForm): AggregateForm {
  return { ...form, resolve: (types) => form.resolve(types.map((given) => given ?? type)) };
}

function sumType(type: SqlType): SqlType | undefined {
  if (INTEGER_KINDS.has(type.kind)) return BIGINT;
  if (FLOAT_KINDS.has(type.kind)) return type;
  if (type.kind === "interval") return type;
  return type.kind === "decimal" ? { kind: "decimal", precision: MAX_PRECISION, scale: type.scale } : undefined;
}

/** Fraction digits an average gains over its input. */
const AVERAGE_DIGITS = 4;

function averageDigits(scale: number): number {
  return Math.min(AVERAGE_DIGITS, MAX_PRECISION - scale);
}

function averageType(type: SqlType): SqlType | undefined {
  if (INTEGER_KINDS.has(type.kind) || FLOAT_KINDS.has(type.kind)) return DOUBLE;
  if (type.kind === "interval") return type;
  if (type.kind !== "decimal") return undefined;
  return { kind: "decimal", precision: MAX_PRECISION, scale: type.scale + averageDigits(type.scale) };
}

const ordered = (type: SqlType): SqlType | undefined => (UNORDERED.has(type.kind) ? undefined : type);
const booleanOnly = (type: SqlType): SqlType | undefined => (type.kind === "boolean" ? BOOLEAN : undefined);
const everyTrue = literalAs(
  BOOLEAN,
  oneArgument(booleanOnly, () => "MIN"),
);

/** Aggregates whose result a function reads. */
const TOTALS: Partial<Readonly<Record<TypeKind, string>>> = {
  decimal: sqliteAggregateName("decimal_total"),
  interval: sqliteAggregateName("interval_total"),
};

/** SQLite takes an integral double of a registered function for an INTEGER. */
const asReal = (call: string): string => `(${call} + 0.0)`;
const isNumeric = (type: SqlType | undefined): boolean => type === undefined || NUMBER_KINDS.has(type.kind);

/** A registered aggregate of so many numbers, taken and given as doubles. */
function ofDoubles(name: string, count: number): AggregateForm {
  const args = Array.from({ length: count }, () => DOUBLE);
  return {
    window: sqliteAggregateName(windowAggregateName(name)),
    resolve: (types) => (types.length === count && types.every(isNumeric) ? { args, type: DOUBLE } : undefined),
    sqlite: () => sqliteAggregateName(name),
    finish: asReal,
  };
}

function bitwise(name: string): AggregateForm {
  const integer = (type: SqlType): SqlType | undefined => (INTEGER_KINDS.has(type.kind) ? type : undefined);
  return {
    ...oneArgument(integer, () => sqliteAggregateName(name)),
    window: sqliteAggregateName(windowAggregateName(name)),
  };
}

const JSON_AGG: AggregateForm = {
  window: sqliteAggregateName(windowAggregateName("json_list")),
  prepare: (session, operands) => operands.map((operand) => documentOf(session, operand)),
  resolve: (types) => (types.length === 1 ? { args: [JSON_TYPE], type: JSON_TYPE } : undefined),
  sqlite: () => sqliteAggregateName("json_list"),
  finish: (call) => call,
};

const ARRAY_AGG: AggregateForm = {
  prepare: (session, operands) =>
    operands.map((operand) => {
      const value = settled(operand);
      return typed(arrayExpr(session, [value], value.type), operand.position);
    }),
  resolve: ([type, ...more]) => (type === undefined || more.length > 0 ? undefined : { args: [type], type }),
  sqlite: () => sqliteAggregateName("array_list"),
  finish: (call) => call,
};

const JSON_OBJECT_AGG: AggregateForm = {
  window: sqliteAggregateName(windowAggregateName("json_object")),
  prepare: (session, [key, value, ...rest]) =>
    key === undefined || value === undefined ? [] : [keyText(key), documentOf(session, value), ...rest],
  resolve: (types) => (types.length === 2 ? { args: [TEXT, JSON_TYPE], type: JSON_TYPE } : undefined),
  sqlite: () => sqliteAggregateName("json_object"),
  finish: (call) => call,
};

function keyText(key: Operand): Operand {
  return typed(castTo(key, TEXT), key.position);
}

const PAIR_AGGREGATES = [
  "covar_pop",
  "covar_samp",
  "corr",
  "regr_slope",
  "regr_intercept",
  "regr_r2",
  "regr_avgx",
  "regr_avgy",
  "regr_sxx",
  "regr_syy",
  "regr_sxy",
];

export const AGGREGATES: Readonly<Record<string, AggregateForm>> = {
  ...Object.fromEntries(PAIR_AGGREGATES.map((name) => [name, ofDoubles(name, 2)])),
  var_samp: ofDoubles("var_samp", 1),
  variance: ofDoubles("var_samp", 1),
  var_pop: ofDoubles("var_pop", 1),
  stddev_samp: ofDoubles("stddev_samp", 1),
  stddev: ofDoubles("stddev_samp", 1),
  stddev_pop: ofDoubles("stddev_pop", 1),
  bit_and: bitwise("bit_and"),
  bit_or: bitwise("bit_or"),
  bit_xor: bitwise("bit_xor"),
  array_agg: ARRAY_AGG,
  json_agg: JSON_AGG,
  jsonb_agg: JSON_AGG,
  json_object_agg: JSON_OBJECT_AGG,
  jsonb_object_agg: JSON_OBJECT_AGG,
  count: {
    finish: (call) => call,
    resolve: (types) => (types.length === 1 ? { args: [types[0] ?? TEXT], type: BIGINT } : undefined),
    sqlite: () => "COUNT",
  },
  sum: oneArgument(
    sumType,
    (type) => TOTALS[type.kind] ?? "SUM",
    (call, { kind }) => (TOTALS[kind] === undefined ? call : `k_${kind}_sum_text(${call})`),
  ),
  avg: oneArgument(
    averageType,
    (type) => TOTALS[type.kind] ?? "AVG",
    (call, type) => {
      if (type.kind === "interval") return `k_interval_average_text(${call})`;
      return type.kind === "decimal" ? `k_decimal_average_text_int(${call}, ${averageDigits(type.scale)})` : call;
    },
  ),
  min: literalAs(
    TEXT,
    oneArgument(ordered, () => "MIN"),
  ),
  max: literalAs(
    TEXT,
    oneArgument(ordered, () => "MAX"),
  ),
  bool_and: everyTrue,
  every: everyTrue,
  bool_or: literalAs(
    BOOLEAN,
    oneArgument(booleanOnly, () => "MAX"),
  ),
  string_agg: {
    finish: (call) => call,
    resolve: (types) => {
      const areTexts = types.every((type) => type === undefined || type.kind === "text");
      return types.length === 2 && areTexts ? { args: [TEXT, TEXT], type: TEXT } : undefined;
    },
    sqlite: () => "group_concat",
  },
};
