// Results as a table with borders, and expanded, a line for each column. Everything shown is safe for a terminal; nothing is cut: a wide table is for the pager.
import type { Column, Value } from "../link/index.ts";
import { cellText, isNumeric } from "./cell-text.ts";
import { safeLine, safeText } from "./safe-text.ts";
import { expandTabs, padEnd, padStart, textWidth } from "./text-width.ts";

export interface TableStyle {
  /** What stands for NULL. */
  readonly nullText: string;
  /** Adds colour, or nothing. */
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

export const PLAIN_STYLE: TableStyle = { nullText: "NULL", dim: (text) => text, bold: (text) => text };

export interface TableData {
  readonly columns: readonly Column[];
  readonly values: readonly (readonly Value[])[];
}

/** A cell as the lines it takes. */
interface ShownCell {
  readonly lines: readonly string[];
  readonly isNull: boolean;
}

export function shownCell(value: Value, column: Column, nullText: string): ShownCell {
  const text = cellText(value, column.type);
  if (text === undefined) return { lines: [nullText], isNull: true };
  return { lines: safeText(text).split("\n").map(expandTabs), isNull: false };
}

function widthOf(lines: readonly string[]): number {
  return lines.reduce((width, line) => Math.max(width, textWidth(line)), 0);
}

/** A table as psql's `\pset border 2` draws it. A `+` at the right edge of a cell says that it goes on in the next line. */
export function tableText({ columns, values }: TableData, style: TableStyle): string {
  const rows = values.map((row) =>
    columns.map((column, index) => shownCell(row[index] ?? null, column, style.nullText)),
  );
  const names = columns.map(({ name }) => safeLine(name));
  const widths = names.map((name, index) =>
    rows.reduce((width, row) => Math.max(width, widthOf(row[index]?.lines ?? [])), textWidth(name)),
  );
  const rule = style.dim(`+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`);
  const bar = style.dim("|");
  const header = names.map((name, index) => ` ${style.bold(centred(name, widths[index] ?? 0))} `).join(bar);
  const lines = [rule, `${bar}${header}${bar}`, rule];
  for (const row of rows) lines.push(...rowLines(row, { columns, widths, bar, style }));
  lines.push(rule);
  return `${lines.join("\n")}\n`;
}

interface RowLayout {
  readonly columns: readonly Column[];
  readonly widths: readonly number[];
  readonly bar: string;
  readonly style: TableStyle;
}

function rowLines(row: readonly ShownCell[], { columns, widths, bar, style }: RowLayout): string[] {
  const height = row.reduce((most, cell) => Math.max(most, cell.lines.length), 1);
  return Array.from({ length: height }, (_unused, line) => {
    const cells = row.map((cell, index) => {
      const text = cell.lines[line] ?? "";
      const column = columns[index];
      const pad = column !== undefined && isNumeric(column) ? padStart : padEnd;
      const padded = pad(text, widths[index] ?? 0);
      const more = line + 1 < cell.lines.length ? style.dim("+") : " ";
      return ` ${cell.isNull ? style.dim(padded) : padded}${more}`;
    });
    return `${bar}${cells.join(bar)}${bar}`;
  });
}

function centred(text: string, width: number): string {
  const left = Math.floor((width - textWidth(text)) / 2);
  return padEnd(" ".repeat(Math.max(0, left)) + text, width);
}

const VALUE_RULE = 10;

function recordTitle(number: number): string {
  return `-[ RECORD ${number} ]`;
}

/** Each row as a list of `column | value`. */
export function expandedText({ columns, values }: TableData, style: TableStyle): string {
  const names = columns.map(({ name }) => safeLine(name));
  // The rule of the longest title, so that all of them meet the line between names and values.
  const nameWidth = Math.max(widthOf(names), recordTitle(values.length).length - 1);
  const lines: string[] = [];
  for (const [number, row] of values.entries()) {
    lines.push(style.dim(`${recordTitle(number + 1).padEnd(nameWidth + 1, "-")}+${"-".repeat(VALUE_RULE)}`));
    for (const [index, column] of columns.entries()) {
      const cell = shownCell(row[index] ?? null, column, style.nullText);
      for (const [line, text] of cell.lines.entries()) {
        const name = line === 0 ? style.bold(padEnd(names[index] ?? "", nameWidth)) : " ".repeat(nameWidth);
        lines.push(`${name} ${style.dim(line === 0 ? "|" : ":")} ${cell.isNull ? style.dim(text) : text}`);
      }
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** Columns the widest line of it takes; rules are as wide as their rows. */
export function tableWidth(text: string): number {
  return textWidth(Bun.stripANSI(text.slice(0, text.indexOf("\n"))));
}
