// Checked reading of what the data file holds. The file is ours, but disks and hands are not: a value of the wrong form stops the start with
// the name of the row, instead of travelling on under a type it does not have.
import { DbError } from "../../base/errors.ts";
import { isRecord } from "../../base/is-record.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function damaged(what: string, value: unknown): DbError {
  const shown = typeof value === "bigint" ? value.toString() : JSON.stringify(value);
  return new DbError("STORAGE_ERROR", `The catalog is damaged: ${what} is ${shown?.slice(0, 100) ?? "missing"}`);
}

export function toFields(value: unknown, what: string): Fields {
  if (!isRecord(value)) throw damaged(what, value);
  return value;
}

export function toText(value: unknown, what: string): string {
  if (typeof value !== "string") throw damaged(what, value);
  return value;
}

/** A whole number that fits a JS number, stored as number or bigint. */
export function toCount(value: unknown, what: string): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw damaged(what, value);
  return number;
}

export function toWide(value: unknown, what: string): bigint {
  if (typeof value !== "bigint") throw damaged(what, value);
  return value;
}

export function toReal(value: unknown, what: string): number {
  if (typeof value !== "number") throw damaged(what, value);
  return value;
}

export function toFlag(value: unknown, what: string): boolean {
  if (typeof value !== "boolean") throw damaged(what, value);
  return value;
}

export function toArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged(what, value);
  return value;
}

export function toOneOf<T extends string>(value: unknown, known: readonly T[], what: string): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw damaged(what, value);
  return found;
}

/** NULL in SQLite, absent in JSON. */
export function toOptional<T>(value: unknown, read: (value: unknown, what: string) => T, what: string): T | undefined {
  return value === null || value === undefined ? undefined : read(value, what);
}
