// A result as the user asked for it, and the line below it.
import type { QueryResult } from "../link/index.ts";
import { colors } from "./colors.ts";
import { csvText, jsonText } from "./export-format.ts";
import { safeText } from "./safe-text.ts";
import type { Settings } from "./settings.ts";
import { expandedText, type TableData, tableText, tableWidth } from "./table-format.ts";

export type ResultSettings = Pick<Settings, "format" | "expanded" | "nullText" | "quiet" | "hasColor">;

export type ShownResult = Pick<QueryResult, "columns" | "values" | "message">;

export interface ResultText {
  readonly rows: string;
  /** What was done, and how many rows: for people. */
  readonly note: string;
}

/** `width`: columns of the terminal, or undefined when the output is none. */
export function resultText(
  result: ShownResult,
  settings: ResultSettings,
  { width, isTerminal }: { readonly width: number; readonly isTerminal: boolean },
): ResultText {
  const hasRows = result.columns.length > 0;
  const rows = hasRows ? rowsText(result, settings, { width, isTerminal }) : "";
  return { rows, note: settings.quiet ? "" : noteOf(result, hasRows && settings.format === "table") };
}

function noteOf(result: ShownResult, countsRows: boolean): string {
  const count = countsRows ? `(${result.values.length} ${result.values.length === 1 ? "row" : "rows"})\n` : "";
  return count + (result.message === undefined ? "" : `${safeText(result.message)}\n`);
}

interface Screen {
  readonly width: number;
  readonly isTerminal: boolean;
}

function rowsText(result: ShownResult, settings: ResultSettings, screen: Screen): string {
  const { columns, values } = result;
  switch (settings.format) {
    case "json":
      return jsonText(columns, values);
    case "csv": {
      const text = csvText(columns, values);
      // A file gets the bytes as they are; a terminal would act on some of them.
      return screen.isTerminal ? safeText(text) : text;
    }
    case "table":
      return bordered(result, settings, screen);
    default:
      return settings.format satisfies never;
  }
}

function bordered(data: TableData, { expanded, nullText, hasColor }: ResultSettings, screen: Screen): string {
  const { bold, dim } = colors(hasColor);
  const style = { nullText, bold, dim };
  if (expanded === "on") return expandedText(data, style);
  const table = tableText(data, style);
  const isTooWide = expanded === "auto" && screen.isTerminal && tableWidth(table) > screen.width;
  return isTooWide ? expandedText(data, style) : table;
}
