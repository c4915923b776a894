// What PostgreSQL prints and what the server sends, made one text for each value, so that answers can be laid side by side.
import type { SqlResult } from "../support/test-server.ts";

const DIGITS = 11;
const FRACTION_DIGITS = 14;

/** Doubles and quotients of decimals may differ in their last digits. */
function number(text: string): string {
  const value = Number(text);
  if (Number.isNaN(value)) return text;
  if (/^-?\d{1,17}(\.0*)?$/.test(text)) return String(BigInt(text.replace(/\.0*$/, "")));
  return String(Number(value.toPrecision(DIGITS)) + 0);
}

/** A quotient has 16 fraction digits here, more in PostgreSQL where it is small. */
const decimal = (text: string): string =>
  number(Math.abs(Number(text)) < 1 ? Number(text).toFixed(FRACTION_DIGITS) : text);

function double(text: string): string {
  const value = Number(text);
  return Number.isNaN(value) ? text : String(Number(value.toPrecision(DIGITS)) + 0);
}

/** Arrays and objects alike, whatever the order of their members. */
function document(text: string): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value === "number") return number(String(value));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, member]) => [key, sorted(member)]),
    );
  };
  return JSON.stringify(sorted(JSON.parse(text)));
}

/** In microseconds, as moments are sent. */
const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;

function seconds(microseconds: bigint): string {
  const digits = String(microseconds).padStart(6, "0").replace(/0+$/, "");
  return digits === "" ? "" : `.${digits}`;
}

/** Days and times as PostgreSQL writes them; `zone` stands before the era. */
function moment(micros: bigint, zone = ""): string {
  const rest = ((micros % SECOND) + SECOND) % SECOND;
  const iso = new Date(Number((micros - rest) / 1000n)).toISOString();
  const yearEnd = iso.indexOf("-", 1);
  const year = Number(iso.slice(0, yearEnd));
  const counted = String(year < 1 ? 1 - year : year).padStart(4, "0");
  return `${counted}${iso.slice(yearEnd, -5).replace("T", " ")}${seconds(rest)}${zone}${year < 1 ? " BC" : ""}`;
}

function clock(micros: bigint): string {
  const two = (part: bigint): string => String(part).padStart(2, "0");
  const whole = micros / SECOND;
  return `${two(whole / 3600n)}:${two((whole / 60n) % 60n)}:${two(whole % 60n)}${seconds(micros % SECOND)}`;
}

/** The type of the elements of an array type. */
function elementOf(type: unknown): unknown {
  return typeof type === "object" && type !== null && "Array" in type ? type.Array : undefined;
}

/** A cell as it was sent, as text. */
const textOf = (cell: unknown): string => (typeof cell === "string" ? cell : JSON.stringify(cell));

function kalamText(cell: unknown, type: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  const element = elementOf(type);
  if (element !== undefined) {
    return Array.isArray(cell) ? JSON.stringify(cell.map((one) => kalamText(one, element))) : textOf(cell);
  }
  const text = textOf(cell);
  if (typeof type === "object") return decimal(text);
  switch (type) {
    case "Boolean":
      return text === "true" ? "t" : "f";
    case "SmallInt":
    case "Int":
    case "BigInt":
      return number(text);
    case "Float":
    case "Double":
      return double(text);
    case "Timestamp":
      return moment(BigInt(text));
    case "DateTime":
      return moment(BigInt(text), "+00");
    case "Date":
      return moment(BigInt(text) * DAY).replace(" 00:00:00", "");
    case "Time":
      return clock(BigInt(text));
    case "Json":
      return document(text);
    case "Bytes":
      return Array.isArray(cell) ? `\\x${Buffer.from(cell).toString("hex")}` : text;
    default:
      return text;
  }
}

/** `{a,NULL,"b c"}` read into its elements. */
function elements(text: string): (string | null)[] {
  const found: (string | null)[] = [];
  const item = /"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs;
  for (const match of text.matchAll(item)) {
    if (match[1] !== undefined) found.push(match[1].replaceAll(/\\(.)/gs, "$1"));
    else found.push(match[2] === "NULL" ? null : (match[2] ?? ""));
  }
  return found;
}

function postgresText(text: string | null, type: unknown): string | null {
  if (text === null) return null;
  const element = elementOf(type);
  if (element !== undefined) return JSON.stringify(elements(text).map((one) => postgresText(one, element)));
  if (typeof type === "object") return decimal(text);
  switch (type) {
    case "SmallInt":
    case "Int":
    case "BigInt":
      return number(text);
    case "Float":
    case "Double":
      return double(text);
    case "Json":
      return document(text);
    default:
      return text;
  }
}

function inOrder(rows: readonly string[], isOrdered: boolean): readonly string[] {
  return isOrdered ? rows : rows.toSorted();
}

/** The answers as lists of lines; the server's types say how PostgreSQL's text is to be read. */
export function sideBySide(
  postgres: readonly (readonly (string | null)[])[],
  kalam: SqlResult,
  isOrdered: boolean,
): { readonly postgres: readonly string[]; readonly kalam: readonly string[] } {
  const types = (kalam.schema ?? []).map((field) => field.data_type);
  const line = (values: readonly (string | null)[]): string => JSON.stringify(values);
  return {
    postgres: inOrder(
      postgres.map((row) => line(row.map((value, at) => postgresText(value, types[at])))),
      isOrdered,
    ),
    kalam: inOrder(
      (kalam.rows ?? []).map((row) => line(row.map((value, at) => kalamText(value, types[at])))),
      isOrdered,
    ),
  };
}
