// The range checks of arithmetic, with PostgreSQL's messages. NaN is refused everywhere: no SQLite REAL can hold it.
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION } from "../../model/decimal.ts";

const DECIMAL_LIMIT = 10n ** BigInt(MAX_PRECISION);
const INT64_LIMIT = 2n ** 63n;

export function outOfRange(what: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", `${what} out of range`);
}

export function divisionByZero(): DbError {
  return new DbError("SQL_EXECUTION_ERROR", "division by zero");
}

export function inSmallint(value: number): number {
  if (value < -32_768 || value > 32_767) throw outOfRange("smallint");
  // + 0 turns -0 into 0.
  return value + 0;
}

export function inInt(value: number): number {
  if (value < -2_147_483_648 || value > 2_147_483_647) throw outOfRange("integer");
  return value + 0;
}

export function inBigint(value: bigint): bigint {
  if (value < -INT64_LIMIT || value >= INT64_LIMIT) throw outOfRange("bigint");
  return value;
}

export function inDecimal(value: bigint): bigint {
  if (value <= -DECIMAL_LIMIT || value >= DECIMAL_LIMIT) {
    throw new DbError("SQL_EXECUTION_ERROR", "value overflows numeric format");
  }
  return value;
}

/** A double result: never NaN, never -0 (SQLite drops its sign). */
export function inDouble(value: number): number {
  if (Number.isNaN(value)) throw new DbError("SQL_EXECUTION_ERROR", "the result is NaN, which is not supported");
  return value + 0;
}

/** A double computed from operands: infinite only if one of them was. */
export function finiteDouble(value: number, operands: readonly number[]): number {
  if (!Number.isFinite(value) && operands.every(Number.isFinite)) {
    throw new DbError("SQL_EXECUTION_ERROR", "value out of range: overflow");
  }
  return inDouble(value);
}

/** As `finiteDouble`, rounded to single precision. */
export function finiteFloat(value: number, operands: readonly number[]): number {
  return finiteDouble(Math.fround(value), operands);
}
