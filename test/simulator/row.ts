// The one row shape of the simulator's tables, and its values in a form in which equal means the same, whoever sent them.
import type { Random } from "./random.ts";

export const COLUMNS = ["id", "room", "n", "note", "f", "b", "d", "at"] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** `extra` is never written nor looked at: it is renamed, dropped and added, and moves the places of the others. */
export const TABLE_COLUMNS =
  "(id BIGINT PRIMARY KEY, extra INT DEFAULT 0, room TEXT NOT NULL, n INT, note TEXT, f DOUBLE, b BOOLEAN, d DECIMAL(8,2), at TIMESTAMP)";

/** Of tables that are no streams. */
export const FILE_TABLE_COLUMNS = TABLE_COLUMNS.replace(/\)$/, ", doc FILE)");

/** `d` counts hundredths, `at` microseconds; numbers so small that arithmetic on them is exact everywhere. */
export interface ModelRow {
  readonly id: number;
  readonly room: string;
  readonly n: number | null;
  readonly note: string | null;
  readonly f: number | null;
  readonly b: boolean | null;
  readonly d: number | null;
  readonly at: number | null;
}

/** What a column is that no statement gave a value. */
export const EMPTY_ROW: ModelRow = { id: 0, room: "", n: null, note: null, f: null, b: null, d: null, at: null };

export type ModelValue = string | number | boolean | null;

export const KEYS = 24;
const ROOMS = ["a", "b", "B", "c"] as const;
const NOTES = [null, "", "x1", "xy", "XY", "x%y", "other", "a_b", "it's"] as const;
const FLOATS = [null, -1.5, 0, 0.5, 2, 1000] as const;
const HUNDREDTHS = [null, -125, 0, 50, 999, 1230] as const;
export const NEW_YEAR_2026 = 1_767_225_600_000_000;
const TIMES = [null, NEW_YEAR_2026, NEW_YEAR_2026 + 1, NEW_YEAR_2026 + 86_400_000_000] as const;

export function randomRow(random: Random, id = random.below(KEYS)): ModelRow {
  return {
    id,
    room: random.pick(ROOMS),
    n: random.chance(15) ? null : random.below(10),
    note: random.pick(NOTES),
    f: random.pick(FLOATS),
    b: random.pick([null, true, false]),
    d: random.pick(HUNDREDTHS),
    at: random.pick(TIMES),
  };
}

/** A value for a filter or an assignment; of `room` never NULL. */
export function randomValue(random: Random, column: ColumnName): ModelValue {
  return randomRow(random)[column];
}

/** As SQL and the wire write it. */
export function valueText(column: ColumnName, value: ModelValue): string | null {
  if (value === null) return null;
  if (column === "d" && typeof value === "number") {
    const digits = Math.abs(value).toString().padStart(3, "0");
    return `${value < 0 ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
  }
  return String(value);
}

export function literal(column: ColumnName, value: ModelValue): string {
  if (value === null) return "NULL";
  if (column === "at" && typeof value === "number") {
    const fraction = String(value % 1_000_000).padStart(6, "0");
    const seconds = new Date(Math.floor(value / 1_000_000) * 1000).toISOString().slice(0, 19).replace("T", " ");
    return `TIMESTAMP '${seconds}.${fraction}'`;
  }
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return valueText(column, value) ?? "NULL";
}

/** The cells of the columns as text; two rows are the same if these are equal. */
export function rowText(row: ModelRow, columns: readonly ColumnName[]): string {
  return JSON.stringify(columns.map((column) => valueText(column, row[column])));
}

/** A scalar as text; anything else shows as what it is. */
export function cellText(cell: unknown): string {
  const isScalar =
    typeof cell === "string" || typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean";
  return isScalar ? String(cell) : `not a scalar: ${JSON.stringify(cell)}`;
}

/** The same of a row that came over the wire. */
export function wireText(row: Readonly<Record<string, unknown>>, columns: readonly ColumnName[]): string {
  return JSON.stringify(columns.map((column) => (row[column] === null ? null : cellText(row[column]))));
}

/** A row that came with all its columns. */
export function rowOfWire(cells: Readonly<Record<string, unknown>>): ModelRow {
  const number = (name: ColumnName): number | null => (cells[name] === null ? null : Number(cells[name]));
  const text = (name: ColumnName): string | null => (cells[name] === null ? null : cellText(cells[name]));
  const hundredths = number("d");
  return {
    id: Number(cells["id"]),
    room: cellText(cells["room"]),
    n: number("n"),
    note: text("note"),
    f: number("f"),
    b: cells["b"] === null ? null : cells["b"] === true,
    d: hundredths === null ? null : Math.round(hundredths * 100),
    at: number("at"),
  };
}

/** The row of a text made by `rowText` or `wireText` of all columns. */
export function rowOfText(text: string): ModelRow {
  const values: unknown = JSON.parse(text);
  if (!Array.isArray(values)) throw new Error(`not a row: ${text}`);
  const cells = Object.fromEntries(COLUMNS.map((column, index) => [column, values[index]]));
  return rowOfWire({ ...cells, b: cells["b"] === null ? null : cells["b"] === "true" });
}

export function textOf(row: ModelRow | undefined): string {
  return row === undefined ? "nothing" : rowText(row, COLUMNS);
}
