// Values of `$1 … $n` as they come in JSON or MessagePack.
import { DbError } from "../base/errors.ts";
import type { Cell } from "../model/sql-type.ts";

export interface ParamLimits {
  readonly maxParams: number;
  readonly maxParamBytes: number;
}

export const DEFAULT_PARAM_LIMITS: ParamLimits = { maxParams: 50, maxParamBytes: 512 * 1024 };

export function parseParams(value: unknown, limits: ParamLimits = DEFAULT_PARAM_LIMITS): readonly Cell[] {
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

function parseParam(value: unknown, position: number, maxBytes: number): Cell {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? value : Number(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    throw invalid(position, "the number is out of range");
  }
  if (typeof value === "string" || value instanceof Uint8Array) {
    if (byteLength(value) <= maxBytes) return value;
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `Statement 1 failed: Parameter $${position} is ${byteLength(value)} bytes (maximum ${maxBytes})`,
    );
  }
  throw invalid(position, `${Array.isArray(value) ? "arrays" : "objects"} are not supported, pass JSON as text`);
}

function byteLength(value: string | Uint8Array): number {
  return typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
}

function invalid(position: number, text: string): DbError {
  return new DbError("INVALID_PARAMETER", `Parameter $${position} invalid: ${text}`);
}
