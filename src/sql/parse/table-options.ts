// `WITH (OPTION = value, …)` of CREATE TABLE, and the values that ALTER TABLE takes as well.
import { suggestion } from "../../base/closest.ts";
import { DbError } from "../../base/errors.ts";
import { ACCESS_LEVELS } from "../../model/role.ts";
import { type FlushPolicy, TABLE_KINDS, type TableKind } from "../../model/schema.ts";
import type { CreateTableOptions } from "../statement.ts";
import type { Cursor } from "./tokens.ts";

export interface TableOptionValues extends CreateTableOptions {
  readonly kind: TableKind | undefined;
}

const MAX_FLUSH_ROWS = 1_000_000;
const MAX_FLUSH_INTERVAL_SECONDS = 86_400;
/** A year: rows of STREAM tables live in memory. */
const MAX_TTL_SECONDS = 31_536_000;
/** As the server's setting. */
const MAX_DELETED_RETENTION_HOURS = 1_000_000;
const OPTION_NAMES = [
  "TYPE",
  "STORAGE_ID",
  "FLUSH_POLICY",
  "ACCESS_LEVEL",
  "USE_USER_STORAGE",
  "TTL_SECONDS",
  "PERSISTED",
  "DELETED_RETENTION_HOURS",
];

/** Stands after WITH. The values are checked one by one; what they mean together is the caller's. */
export function takeTableOptions(cursor: Cursor): TableOptionValues {
  const valueByName = new Map<string, string>();
  cursor.expectSymbol("(");
  do {
    const name = cursor.expectText().toUpperCase();
    if (!OPTION_NAMES.includes(name)) throw invalid(`Unknown table option '${name}'${suggestion(name, OPTION_NAMES)}`);
    if (valueByName.has(name)) throw invalid(`Table option '${name}' is given twice`);
    cursor.expectSymbol("=");
    valueByName.set(name, takeOptionValue(cursor));
  } while (cursor.takeSymbol(","));
  cursor.expectSymbol(")");
  return optionValues(valueByName);
}

/** The options of a table created without WITH. */
export const NO_TABLE_OPTIONS: TableOptionValues = optionValues(new Map());

/** A number, a word, or text in quotes. */
export function takeOptionValue(cursor: Cursor): string {
  return cursor.peek().kind === "number" ? cursor.take().text : cursor.expectText();
}

function optionValues(valueByName: ReadonlyMap<string, string>): TableOptionValues {
  const type = valueByName.get("TYPE");
  const storageId = valueByName.get("STORAGE_ID");
  const flushPolicy = valueByName.get("FLUSH_POLICY");
  const accessLevel = valueByName.get("ACCESS_LEVEL");
  const ttlSeconds = valueByName.get("TTL_SECONDS");
  const deletedRetention = valueByName.get("DELETED_RETENTION_HOURS");
  if (storageId !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(storageId)) {
    throw invalid(`STORAGE_ID '${storageId}' may only contain letters, digits, '_' and '-'`);
  }
  return {
    kind: type === undefined ? undefined : oneOf("TYPE", type, TABLE_KINDS),
    storageId,
    useUserStorage: parseFlag("USE_USER_STORAGE", valueByName.get("USE_USER_STORAGE")),
    flushPolicy: flushPolicy === undefined ? undefined : parseFlushPolicy(flushPolicy),
    accessLevel: accessLevel === undefined ? undefined : oneOf("ACCESS_LEVEL", accessLevel, ACCESS_LEVELS),
    ttlSeconds: ttlSeconds === undefined ? undefined : parseTtl(ttlSeconds),
    isPersisted: parseFlag("PERSISTED", valueByName.get("PERSISTED")),
    deletedRetentionHours: deletedRetention === undefined ? undefined : parseDeletedRetention(deletedRetention),
  };
}

function parseFlag(option: string, text = "FALSE"): boolean {
  const value = text.toUpperCase();
  if (value !== "TRUE" && value !== "FALSE") throw invalid(`${option} must be TRUE or FALSE, not '${text}'`);
  return value === "TRUE";
}

/** What the options mean for a table of a kind, and which of them it cannot have. */
export function assertOptionsFit(kind: TableKind, options: TableOptionValues): void {
  const { ttlSeconds, accessLevel, flushPolicy, storageId } = options;
  if (kind !== "shared" && accessLevel !== undefined) {
    throw invalid("Table option ACCESS_LEVEL applies to SHARED tables only");
  }
  if (kind !== "user" && options.useUserStorage) {
    throw invalid("Table option USE_USER_STORAGE applies to USER tables only");
  }
  if (kind !== "stream") {
    if (ttlSeconds !== undefined) throw invalid("Table option TTL_SECONDS applies to STREAM tables only");
    if (options.isPersisted) throw invalid("Table option PERSISTED applies to STREAM tables only");
    return;
  }
  if (ttlSeconds === undefined) throw invalid("STREAM tables must specify 'TTL_SECONDS'");
  if (flushPolicy !== undefined) throw invalid("Table option FLUSH_POLICY does not apply to STREAM tables");
  if (storageId !== undefined) throw invalid("Table option STORAGE_ID does not apply to STREAM tables");
  if (options.deletedRetentionHours !== undefined) {
    throw invalid("Table option DELETED_RETENTION_HOURS does not apply to STREAM tables");
  }
}

function parseTtl(text: string): number {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_TTL_SECONDS) return seconds;
  throw invalid(`TTL_SECONDS must be a whole number from 1 to ${MAX_TTL_SECONDS}, not '${text}'`);
}

export function parseDeletedRetention(text: string): number {
  const hours = /^\d{1,7}$/.test(text) ? Number(text) : -1;
  if (hours >= 0 && hours <= MAX_DELETED_RETENTION_HOURS) return hours;
  throw invalid(
    `DELETED_RETENTION_HOURS must be a whole number from 0 to ${MAX_DELETED_RETENTION_HOURS}, not '${text}'`,
  );
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value.toLowerCase());
  if (found !== undefined) return found;
  throw invalid(`${option} must be one of ${allowed.join(", ").toUpperCase()}, not '${value}'`);
}

/** `rows:N`, `interval:S` or both. */
function parseFlushPolicy(text: string): FlushPolicy {
  const limits = new Map<string, number>();
  for (const part of text.split(",")) {
    const [, name = "", digits = ""] = /^\s*(rows|interval)\s*:\s*(\d{1,9})\s*$/i.exec(part) ?? [];
    const key = name.toLowerCase();
    if (key === "" || limits.has(key)) {
      throw invalid(`FLUSH_POLICY '${text}' is not 'rows:N', 'interval:S' or 'rows:N,interval:S'`);
    }
    limits.set(key, Number(digits));
  }
  const rows = limits.get("rows");
  const intervalSeconds = limits.get("interval");
  if (rows !== undefined && (rows <= 0 || rows >= MAX_FLUSH_ROWS)) {
    throw invalid(`FLUSH_POLICY rows must be greater than 0 and less than ${MAX_FLUSH_ROWS}`);
  }
  if (intervalSeconds !== undefined && (intervalSeconds <= 0 || intervalSeconds >= MAX_FLUSH_INTERVAL_SECONDS)) {
    throw invalid(`FLUSH_POLICY interval must be greater than 0 and less than ${MAX_FLUSH_INTERVAL_SECONDS} seconds`);
  }
  return { rows, intervalSeconds };
}

function invalid(message: string): DbError {
  return new DbError("INVALID_SQL", message);
}
