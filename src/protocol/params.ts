// Values of `$1 … $n` as they come in JSON or MessagePack.
import { DbError } from "../base/errors.ts";
import type { Param } from "../model/param.ts";
import type { Cell } from "../model/sql-type.ts";

export interface ParamLimits {
  readonly maxParams: number;
  readonly maxParamBytes: number;
}

export const DEFAULT_PARAM_LIMITS: ParamLimits = { maxParams: 50, maxParamBytes: 512 * 1024 };

export function parseParams(value: unknown, limits: ParamLimits = DEFAULT_PARAM_LIMITS): readonly Param[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new DbError("INVALID_INPUT", "Invalid JSON payload: `params` must be an array");
  if (value.length > limits.maxParams) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `Statement 1 failed: Too many parameters: ${value.length} (maximum ${limits.maxParams})`,
    );
  }
  return value.map((item: unknown, index) => parseParam(item, index + 1, limits.maxParamBytes));
}

/** As many as a statement may write out between brackets without trouble. */
const MAX_LIST_VALUES = 10_000;

function parseParam(value: unknown, position: number, maxBytes: number): Param {
  if (!Array.isArray(value)) return parseValue(value, position, maxBytes);
  if (value.length > MAX_LIST_VALUES) throw invalid(position, `an array may have ${MAX_LIST_VALUES} values`);
  const items: readonly unknown[] = value;
  const list = items.map((item) => parseValue(item, position, maxBytes));
  const bytes = list.reduce<number>((sum, item) => sum + sizeOf(item), 0);
  if (bytes > maxBytes) throw tooLarge(position, bytes, maxBytes);
  return list;
}

function sizeOf(cell: Cell): number {
  return typeof cell === "string" || cell instanceof Uint8Array ? byteLength(cell) : 8;
}

function parseValue(value: unknown, position: number, maxBytes: number): Cell {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? value : Number(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    throw invalid(position, "the number is out of range");
  }
  if (typeof value === "string" || value instanceof Uint8Array) {
    if (byteLength(value) <= maxBytes) return value;
    throw tooLarge(position, byteLength(value), maxBytes);
  }
  const what = Array.isArray(value) ? "arrays of arrays" : "objects";
  throw invalid(position, `${what} are not supported, pass JSON as text`);
}

function tooLarge(position: number, bytes: number, maxBytes: number): DbError {
  const message = `Statement 1 failed: Parameter $${position} is ${bytes} bytes (maximum ${maxBytes})`;
  return new DbError("SQL_EXECUTION_ERROR", message);
}

function byteLength(value: string | Uint8Array): number {
  return typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
}

function invalid(position: number, text: string): DbError {
  return new DbError("INVALID_PARAMETER", `Parameter $${position} invalid: ${text}`);
}
