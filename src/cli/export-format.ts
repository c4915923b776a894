// Results for programs: JSON and CSV. Values are exact: what a number of JSON could round is text, as the server itself writes it.
import type { Column, Value } from "../link/index.ts";
import { cellText } from "./cell-text.ts";

/** A terminal acts on some characters that JSON may hold as they are; escaped they mean the same. */
const ACTED_ON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    ACTED_ON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** JSON columns are put in as they are, every digit kept; a newline stands only between their parts. */
function embedded(json: string): string {
  return json
    .replace(/[\r\n\t]/g, " ")
    .replace(ACTED_ON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function jsonCell(value: Value, type: string): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return jsonList(value, type);
  const isNumber = type === "SmallInt" || type === "Int" || type === "Float" || type === "Double";
  if (typeof value === "number" && isNumber && Number.isFinite(value)) return JSON.stringify(value);
  const text = cellText(value, type) ?? "";
  return type === "Json" || type === "File" ? embedded(text) : quoted(text);
}

function jsonList(values: readonly Value[], type: string): string {
  const element = /^Array\((.*)\)$/.exec(type)?.[1] ?? "Float";
  return `[${values.map((value) => jsonCell(value, element)).join(",")}]`;
}

/** `{"id":"1","body":"x"}`; of columns with the same name each is there. */
export function jsonRow(columns: readonly Column[], row: readonly Value[]): string {
  const members = columns.map(({ name, type }, index) => `${quoted(name)}:${jsonCell(row[index] ?? null, type)}`);
  return `{${members.join(",")}}`;
}

/** An array, a row a line. */
export function jsonText(columns: readonly Column[], values: readonly (readonly Value[])[]): string {
  return `[${values.map((row) => jsonRow(columns, row)).join(",\n")}]\n`;
}

/** RFC 4180, lines ended by a newline alone. NULL is nothing, an empty text is `""`. */
export function csvCell(value: Value, type: string): string {
  const text = cellText(value, type);
  if (text === undefined) return "";
  return text === "" || /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvHeader(columns: readonly Column[]): string {
  return columns.map(({ name }) => csvCell(name, "Text")).join(",");
}

export function csvRow(columns: readonly Column[], row: readonly Value[]): string {
  return columns.map(({ type }, index) => csvCell(row[index] ?? null, type)).join(",");
}

export function csvText(columns: readonly Column[], values: readonly (readonly Value[])[]): string {
  return `${[csvHeader(columns), ...values.map((row) => csvRow(columns, row))].join("\n")}\n`;
}
