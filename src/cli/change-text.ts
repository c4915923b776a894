// What a subscription delivers, for programs: a JSON object or a CSV row for each row. Pure: events in, text out.
import type { Column, Row } from "../link/index.ts";
import {
  aboutText,
  type ChangeFormat,
  type ChangeFormatOptions,
  type DataEvent,
  knownRow,
  valuesOf,
} from "./change-format.ts";
import { ChangeTable } from "./change-table.ts";
import { csvHeader, csvRow, jsonCell, jsonRow } from "./export-format.ts";
import { safeText } from "./safe-text.ts";

export function changeFormat(options: ChangeFormatOptions): ChangeFormat {
  switch (options.settings.format) {
    case "json":
      return jsonChanges(options);
    case "csv":
      return csvChanges(options);
    case "table":
      return new ChangeTable(options);
    default:
      return options.settings.format satisfies never;
  }
}

function jsonChanges({ columns: first }: ChangeFormatOptions): ChangeFormat {
  let columns: readonly Column[] | undefined;
  return {
    text(event) {
      columns = event.kind === "schema" ? event.columns : (columns ?? first());
      const cursor = event.cursor === undefined ? "" : `,"cursor":${JSON.stringify(event.cursor)}`;
      return { data: jsonLines(event, columns, cursor), note: aboutText(event) };
    },
  };
}

function jsonLines(event: DataEvent, columns: readonly Column[], cursor: string): string {
  const row = (value: Row): string => jsonRow(columns, valuesOf(value, columns));
  switch (event.kind) {
    case "snapshot":
      return event.rows.map((each) => `{"change":"snapshot","row":${row(each)}}\n`).join("");
    case "ready":
      return `{"change":"ready"${cursor}}\n`;
    case "insert":
      return `{"change":"insert","row":${row(event.row)}${cursor}}\n`;
    case "update":
      return `{"change":"update","row":${row(event.row)},"old":${row(event.old)}${cursor}}\n`;
    case "delete":
      return event.old === undefined
        ? `{"change":"delete","key":[${(event.key ?? []).map((value) => jsonCell(value, "Text")).join(",")}]${cursor}}\n`
        : `{"change":"delete","old":${row(event.old)}${cursor}}\n`;
    case "reset":
      return `{"change":"reset","reason":${JSON.stringify(event.reason)}}\n`;
    case "schema":
      return `{"change":"schema","columns":[${columns.map(({ name }) => JSON.stringify(name)).join(",")}]${cursor}}\n`;
    default:
      return event satisfies never;
  }
}

/** The first column says what happened; of an update the old row comes first. */
function csvChanges({ columns: first, isTerminal }: ChangeFormatOptions): ChangeFormat {
  let columns: readonly Column[] | undefined;
  const lines = (event: DataEvent, at: readonly Column[]): readonly string[] => {
    const line = (kind: string, row: Row): string => `${kind},${csvRow(at, valuesOf(row, at))}\n`;
    switch (event.kind) {
      case "snapshot":
        return event.rows.map((row) => line("snapshot", row));
      case "insert":
        return [line("insert", event.row)];
      case "update":
        return [line("update_old", event.old), line("update", event.row)];
      case "delete":
        return [line("delete", knownRow(event, at))];
      case "reset":
        return [`reset${",".repeat(at.length)}\n`];
      case "schema":
      case "ready":
        return [];
      default:
        return event satisfies never;
    }
  };
  return {
    text(event) {
      const isNew = columns === undefined || event.kind === "schema";
      columns = event.kind === "schema" ? event.columns : (columns ?? first());
      const header = isNew ? `change,${csvHeader(columns)}\n` : "";
      const data = header + lines(event, columns).join("");
      return { data: isTerminal ? safeText(data) : data, note: aboutText(event) };
    },
  };
}
