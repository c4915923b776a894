// A live query for people: rows aligned below the names of the columns, each change with its time and kind. Columns grow with what they hold; nothing is cut.
import type { Column, Row, Value } from "../link/index.ts";
import { cellText, isNumeric } from "./cell-text.ts";
import {
  aboutText,
  type ChangeFormat,
  type ChangeFormatOptions,
  type ChangeText,
  type DataEvent,
  knownRow,
} from "./change-format.ts";
import { type Colors, colors, type Paint } from "./colors.ts";
import { safeLine } from "./safe-text.ts";
import { padEnd, padStart, textWidth } from "./text-width.ts";

/** Wide enough for `12:30:05 +`. */
const MARKER_WIDTH = 10;
const plain: Paint = (text) => text;

export class ChangeTable implements ChangeFormat {
  readonly #firstColumns: () => readonly Column[];
  readonly #nullText: string;
  readonly #paint: Colors;
  #columns: readonly Column[] | undefined;
  #widths: number[] = [];

  constructor({ settings, columns }: ChangeFormatOptions) {
    this.#firstColumns = columns;
    this.#nullText = settings.nullText;
    this.#paint = colors(settings.hasColor);
  }

  text(event: DataEvent, at: Date): ChangeText {
    let header = "";
    if (this.#columns === undefined || event.kind === "schema") {
      this.#columns = event.kind === "schema" ? event.columns : this.#firstColumns();
      header = this.#header(this.#columns, event.kind === "snapshot" ? event.rows : []);
    }
    return { data: header + this.#body(event, this.#columns, clock(at)), note: aboutText(event) };
  }

  #body(event: DataEvent, columns: readonly Column[], time: string): string {
    const { green, yellow, red } = this.#paint;
    switch (event.kind) {
      case "snapshot":
        return event.rows.map((row) => this.#line("", this.#cells(row, columns), plain)).join("");
      case "insert":
        return this.#line(`${time} +`, this.#cells(event.row, columns), green);
      case "update":
        return this.#line(`${time} ~`, this.#changedCells(event, columns), yellow);
      case "delete":
        return this.#line(`${time} -`, this.#cells(knownRow(event, columns), columns), red);
      case "ready":
      case "reset":
      case "schema":
        return "";
      default:
        return event satisfies never;
    }
  }

  #header(columns: readonly Column[], rows: readonly Row[]): string {
    const names = columns.map(({ name }) => safeLine(name));
    this.#widths = names.map(textWidth);
    for (const row of rows) this.#widen(this.#cells(row, columns));
    const rule = ["-".repeat(MARKER_WIDTH + 1), ...this.#widths.map((width) => "-".repeat(width + 2))].join("+");
    return `${this.#line("", names, this.#paint.bold)}${this.#paint.dim(rule)}\n`;
  }

  #line(marker: string, cells: readonly string[], paint: Paint): string {
    this.#widen(cells);
    const padded = cells.map((cell, index) => {
      const column = this.#columns?.[index];
      const pad = column !== undefined && isNumeric(column) ? padStart : padEnd;
      return pad(cell, this.#widths[index] ?? 0);
    });
    return `${paint([padEnd(marker, MARKER_WIDTH), ...padded].join(" | ").trimEnd())}\n`;
  }

  #widen(cells: readonly string[]): void {
    for (const [index, cell] of cells.entries())
      this.#widths[index] = Math.max(this.#widths[index] ?? 0, textWidth(cell));
  }

  #cells(row: Row, columns: readonly Column[]): readonly string[] {
    return columns.map((column) => this.#cell(row[column.name] ?? null, column));
  }

  #changedCells(event: Extract<DataEvent, { kind: "update" }>, columns: readonly Column[]): readonly string[] {
    return columns.map((column) => {
      const now = this.#cell(event.row[column.name] ?? null, column);
      if (!Object.hasOwn(event.old, column.name)) return now;
      const before = this.#cell(event.old[column.name] ?? null, column);
      return before === now ? now : `${before} → ${now}`;
    });
  }

  #cell(value: Value, column: Column): string {
    return safeLine(cellText(value, column.type) ?? this.#nullText);
  }
}

function clock(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
