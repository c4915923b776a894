// How one kind of setting is read and shown. A parser takes what a flag or variable (text) or server.toml (typed) gives; its error says what was
// expected, unit included. The loader adds which setting it was and where the value came from.
import { isIP } from "node:net";
import { DbError } from "../base/errors.ts";

/** What a source can hold: text from flags and the environment, the rest from TOML. */
export type RawValue = string | number | boolean | readonly string[];

export interface ValueType<T> {
  /** The value's name in `--help`: PORT, BYTES. */
  readonly metavar: string;
  /** In words, for errors and the reference: "a whole number of seconds, 1 to 3600". */
  readonly expects: string;
  parse(raw: RawValue): T;
  format(value: T): string;
}

function quoted(raw: RawValue): string {
  const text = JSON.stringify(raw);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function mismatch(raw: RawValue, expects: string): DbError {
  return new DbError("INVALID_CONFIG", `expected ${expects}, got ${quoted(raw)}`);
}

function wholeNumber(raw: RawValue): number | undefined {
  if (typeof raw === "number") return Number.isSafeInteger(raw) ? raw : undefined;
  if (typeof raw !== "string" || !/^\s*\d{1,16}\s*$/.test(raw)) return undefined;
  const value = Number(raw);
  return Number.isSafeInteger(value) ? value : undefined;
}

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
  readonly metavar?: string;
}

export function integer({ min, max, unit, metavar = "N" }: IntegerRange): ValueType<number> {
  const expects = `a whole number${unit === undefined ? "" : ` of ${unit}`}, ${min} to ${max}`;
  return { metavar, expects, parse: within({ min, max, expects }, wholeNumber), format: String };
}

interface Within {
  readonly min: number;
  readonly max: number;
  readonly expects: string;
}

function within({ min, max, expects }: Within, read: (raw: RawValue) => number | undefined): (raw: RawValue) => number {
  return (raw) => {
    const value = read(raw);
    if (value === undefined || value < min || value > max) throw mismatch(raw, expects);
    return value;
  };
}

const BYTES_PER_UNIT: Record<string, number> = {
  "": 1,
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

const BINARY_UNITS = ["GiB", "MiB", "KiB"] as const;

function formatBytes(bytes: number): string {
  for (const unit of BINARY_UNITS) {
    const size = BYTES_PER_UNIT[unit.toLowerCase()] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

function bytesOf(raw: RawValue): number | undefined {
  if (typeof raw !== "string") return wholeNumber(raw);
  const match = /^\s*(\d{1,16})\s*([a-z]{0,3})\s*$/i.exec(raw);
  const perUnit = BYTES_PER_UNIT[match?.[2]?.toLowerCase() ?? ""];
  if (match === null || perUnit === undefined) return undefined;
  const value = Number(match[1]) * perUnit;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A size in bytes: a bare number, or one with KB, MB, GB (1000) or KiB, MiB, GiB (1024). */
export function byteSize(min: number, max: number): ValueType<number> {
  const expects = `a size in bytes, ${formatBytes(min)} to ${formatBytes(max)} (units KB, MB, GB, KiB, MiB, GiB)`;
  return { metavar: "BYTES", expects, parse: within({ min, max, expects }, bytesOf), format: formatBytes };
}

const TRUE_WORDS = new Set(["true", "1", "yes", "on"]);
const FALSE_WORDS = new Set(["false", "0", "no", "off"]);

export const boolean: ValueType<boolean> = {
  metavar: "BOOL",
  expects: "true or false",
  parse: (raw) => {
    if (typeof raw === "boolean") return raw;
    const word = typeof raw === "string" ? raw.trim().toLowerCase() : "";
    if (TRUE_WORDS.has(word)) return true;
    if (FALSE_WORDS.has(word)) return false;
    throw mismatch(raw, "true or false");
  },
  format: String,
};

export function choice<T extends string>(options: readonly T[]): ValueType<T> {
  const expects = `one of ${options.join(", ")}`;
  return {
    metavar: options.join("|"),
    expects,
    parse: (raw) => {
      const found = options.find((option) => typeof raw === "string" && option === raw.trim().toLowerCase());
      if (found === undefined) throw mismatch(raw, expects);
      return found;
    },
    format: (value) => value,
  };
}

export function text(metavar: string, expects = "a non-empty text"): ValueType<string> {
  return {
    metavar,
    expects,
    parse: (raw) => {
      if (typeof raw !== "string" || raw.trim() === "" || raw.includes("\u0000")) throw mismatch(raw, expects);
      return raw;
    },
    format: (value) => value,
  };
}

export function optionalText(metavar: string, expects: string): ValueType<string> {
  return {
    metavar,
    expects,
    parse: (raw) => {
      if (typeof raw !== "string" || raw.includes("\u0000")) throw mismatch(raw, expects);
      return raw.trim();
    },
    format: (value) => value,
  };
}

/** Absent until given. The value never appears in an error: a mistyped secret is still a secret. */
export const secretText: ValueType<string | undefined> = {
  metavar: "SECRET",
  expects: "a text",
  parse: (raw) => {
    if (typeof raw !== "string") throw new DbError("INVALID_CONFIG", "expected a text in quotes");
    return raw;
  },
  format: (value) => value ?? "",
};

function list(metavar: string, expects: string, accepts: (item: string) => boolean): ValueType<readonly string[]> {
  return {
    metavar,
    expects,
    parse: (raw) => {
      if (typeof raw === "number" || typeof raw === "boolean") throw mismatch(raw, expects);
      const items = (typeof raw === "string" ? raw.split(",") : raw).map((item) => item.trim());
      const present = items.filter((item) => item !== "");
      const bad = present.find((item) => !accepts(item));
      if (bad !== undefined) throw mismatch(bad, expects);
      return present;
    },
    format: (value) => value.join(","),
  };
}

function isOrigin(item: string): boolean {
  return item === "*" || (URL.canParse(item) && new URL(item).origin === item);
}

/** Origins as a browser sends them; `*` is any. */
export const originList = list("ORIGINS", 'comma-separated origins such as "https://app.example.com"', isOrigin);

export function isAddressRange(item: string): boolean {
  const [address = "", bits, ...rest] = item.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

export const addressRangeList = list(
  "RANGES",
  'comma-separated IP addresses or ranges such as "10.0.0.0/8"',
  isAddressRange,
);

/** https, or http on this machine. */
export function isIssuerUrl(item: string): boolean {
  if (!URL.canParse(item)) return false;
  const { protocol, hostname, username, password, hash } = new URL(item);
  if (username !== "" || password !== "" || hash !== "") return false;
  const isLoopback = hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isLoopback);
}

export const issuerList = list(
  "URLS",
  'comma-separated https URLs such as "https://login.example.com/realms/main"',
  isIssuerUrl,
);

export const textList = list("TEXTS", "comma-separated texts", () => true);
