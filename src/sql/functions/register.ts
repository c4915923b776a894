// Registers every overload and cast with a SQLite connection, bun:sqlite's or node:sqlite's. Both rethrow what a function threw, unchanged, from the call
// that ran the statement, so a DbError arrives as itself.
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION } from "../../model/decimal.ts";
import { arrayOf, type Cell, type SqliteValue, type SqlType, type TypeKind } from "../../model/sql-type.ts";
import { cellFromSqlite, cellToSqlite, TYPES, typeOfKind } from "../../model/types.ts";
import { AGGREGATE_FUNCTIONS } from "./aggregates/aggregate-list.ts";
import { sqliteAggregateName } from "./aggregates/definition.ts";
import { castCell, castRule } from "./casts.ts";
import type { Evaluator, FunctionDefinition, Overload } from "./definition.ts";
import { FUNCTIONS } from "./function-list.ts";
import type { Generators } from "./generators.ts";
import { sqliteCastName, sqliteName, TYPE_NUMBERS, typeOfNumbers } from "./sqlite-names.ts";

type SqliteFunction = (...args: SqliteValue[]) => SqliteValue;

interface SqliteFunctionOptions {
  readonly deterministic: boolean;
  readonly varargs: boolean;
  /** 64-bit integers arrive as BigInt: the name of the option in bun:sqlite … */
  readonly safeIntegers: boolean;
  /** … and in node:sqlite. */
  readonly useBigIntArguments: boolean;
}

interface SqliteAggregateOptions extends SqliteFunctionOptions {
  readonly start: () => unknown;
  readonly step: (state: unknown, ...args: SqliteValue[]) => unknown;
  readonly inverse?: (state: unknown, ...args: SqliteValue[]) => unknown;
  readonly result: (state: unknown) => SqliteValue;
}

/** What `Database` of bun:sqlite and `DatabaseSync` of node:sqlite share. */
export interface SqliteConnection {
  function(name: string, options: SqliteFunctionOptions, evaluate: SqliteFunction): unknown;
  aggregate(name: string, options: SqliteAggregateOptions): unknown;
}

const KINDS = Object.keys(TYPES) as readonly TypeKind[];
/** More combinations of scales than any schema has; past it a combination is prepared anew at each call. */
const MAX_PREPARED = 256;

/** Integers leave as BigInt: node:sqlite makes a REAL of every number. */
function toSqlite(cell: Cell, type: SqlType): SqliteValue {
  const value = cellToSqlite(cell, type);
  return typeof value === "number" && TYPES[type.kind].sqlite === "INTEGER" ? BigInt(value) : value;
}

function isWide(kind: TypeKind): boolean {
  return TYPES[kind].wide;
}

interface Registration {
  readonly name: string;
  readonly kinds: readonly TypeKind[];
  readonly deterministic: boolean;
  readonly evaluate: SqliteFunction;
}

function register(db: SqliteConnection, { name, kinds, deterministic, evaluate }: Registration): void {
  const wide = kinds.some(isWide);
  db.function(name, { deterministic, varargs: true, safeIntegers: wide, useBigIntArguments: wide }, evaluate);
}

/** Evaluators by the numbers (precisions, scales) that follow the arguments. */
function preparedBy<T>(prepare: (numbers: readonly number[]) => T): (numbers: readonly SqliteValue[]) => T {
  const byNumbers = new Map<string, T>();
  return (numbers) => {
    const key = numbers.join();
    const known = byNumbers.get(key);
    if (known !== undefined) return known;
    const made = prepare(numbers.map(Number));
    if (byNumbers.size < MAX_PREPARED) byNumbers.set(key, made);
    return made;
  };
}

interface Prepared {
  readonly evaluate: Evaluator;
  readonly argTypes: readonly SqlType[];
  readonly result: SqlType;
}

function prepareOverload(overload: Overload, scales: readonly number[], generators: Generators): Prepared {
  let next = 0;
  const argTypes = overload.args.map((kind): SqlType => {
    const type = typeOfKind(kind);
    if (type.kind !== "decimal" || overload.variadic) return type;
    next += 1;
    return { ...type, scale: scales[next - 1] ?? 0 };
  });
  return { argTypes, evaluate: overload.prepare(argTypes, generators), result: overload.returns(argTypes) };
}

function overloadFunction(definition: FunctionDefinition, overload: Overload, generators: Generators): SqliteFunction {
  const prepared = preparedBy((scales) => prepareOverload(overload, scales, generators));
  const fixedCount = overload.variadic ? undefined : overload.args.length;
  const withoutScales = fixedCount === undefined || !overload.args.includes("decimal") ? prepared([]) : undefined;
  return (...values) => {
    const count = fixedCount ?? values.length;
    const { evaluate, argTypes, result } = withoutScales ?? prepared(values.slice(count));
    const last = argTypes.at(-1);
    const cells: Cell[] = [];
    for (let i = 0; i < count; i++) {
      const value = values[i] ?? null;
      const type = argTypes[i] ?? last;
      if (value === null && definition.strict) return null;
      cells.push(type === undefined ? null : cellFromSqlite(value, type));
    }
    return toSqlite(evaluate(...cells), result);
  };
}

function sourceType(from: TypeKind, numbers: readonly number[]): SqlType {
  return from === "decimal" ? { kind: from, precision: MAX_PRECISION, scale: numbers[0] ?? 0 } : typeOfKind(from);
}

function targetType(to: TypeKind, numbers: readonly number[]): SqlType {
  return to === "embedding" ? { kind: to, dimensions: numbers[0] ?? 0 } : typeOfKind(to);
}

/** Source and target of a cast from the numbers that `castArguments` gave it. */
function castTypes(from: TypeKind, to: TypeKind, numbers: readonly number[]): readonly [SqlType, SqlType] {
  if (from === "array" || to === "array") {
    const [first, last] = [typeOfNumbers(numbers), typeOfNumbers(numbers.slice(-TYPE_NUMBERS))];
    return [from === "array" ? arrayOf(first) : typeOfKind(from), to === "array" ? arrayOf(last) : typeOfKind(to)];
  }
  const [precision = MAX_PRECISION, scale = 0] = from === "decimal" ? numbers.slice(1) : numbers;
  const target = to === "decimal" ? { kind: to, precision, scale } : targetType(to, numbers);
  return [sourceType(from, numbers), target];
}

const NUMBERED: ReadonlySet<TypeKind> = new Set(["decimal", "embedding", "array"]);

function castFunction(from: TypeKind, to: TypeKind): SqliteFunction {
  const prepared = preparedBy((numbers) => {
    const [source, target] = castTypes(from, to, numbers);
    return { source, target, convert: castCell(source, target) };
  });
  const withoutNumbers = NUMBERED.has(from) || NUMBERED.has(to) ? undefined : prepared([]);
  return (value = null, ...numbers) => {
    const { source, target, convert } = withoutNumbers ?? prepared(numbers);
    return toSqlite(convert(cellFromSqlite(value, source)), target);
  };
}

/** Once for each connection, before any statement is prepared on it. */
export function registerFunctions(db: SqliteConnection, generators: Generators): void {
  for (const { name, ...steps } of AGGREGATE_FUNCTIONS) {
    const options = { deterministic: true, varargs: true, safeIntegers: true, useBigIntArguments: true };
    db.aggregate(sqliteAggregateName(name), { ...options, ...steps });
  }
  for (const definition of FUNCTIONS) {
    for (const overload of definition.overloads) {
      if (overload.sqlite !== undefined) continue;
      register(db, {
        name: sqliteName(definition.name, overload),
        kinds: overload.args,
        deterministic: definition.deterministic,
        evaluate: overloadFunction(definition, overload, generators),
      });
    }
  }
  for (const from of KINDS) {
    for (const to of KINDS) {
      if (castRule(typeOfKind(from), typeOfKind(to)) === undefined) continue;
      register(db, {
        name: sqliteCastName(from, to),
        kinds: [from],
        deterministic: true,
        evaluate: castFunction(from, to),
      });
    }
  }
}

/** The DbError behind what SQLite threw while it ran a statement; undefined when it is nobody's fault but ours. */
export function errorFromSqlite(error: unknown): DbError | undefined {
  if (error instanceof DbError) return error;
  if (!(error instanceof Error)) return undefined;
  if (/integer overflow/.test(error.message)) {
    return new DbError("SQL_EXECUTION_ERROR", "bigint out of range", { cause: error });
  }
  // Window functions check their numbers while they run: ntile(0), a frame of -1 rows.
  if (/must be a (?:non-negative|positive) (?:integer|number)$/.test(error.message)) {
    return new DbError("SQL_EXECUTION_ERROR", error.message, { cause: error });
  }
  if (/string or blob too big/.test(error.message)) {
    return new DbError("SQL_EXECUTION_ERROR", "a value of the statement is too large", { cause: error });
  }
  if (/out of memory/.test(error.message)) {
    return new DbError("OUT_OF_MEMORY", "the statement needs more memory than it may use", { cause: error });
  }
  if (/disk is full/.test(error.message)) return new DbError("STORAGE_FULL", "the disk is full", { cause: error });
  return undefined;
}
