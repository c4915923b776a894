// The list of system views, and their rows as the JSON a query unpacks.
import type { Cell } from "../../model/sql-type.ts";
import { CATALOG_VIEWS } from "./catalog-views.ts";
import type { SystemView, ViewSource } from "./definition.ts";
import { indexView } from "./index-view.ts";
import { informationColumns, informationTables, informationViews } from "./information-schema.ts";
import { JOB_VIEWS } from "./job-views.ts";
import { MEMORY_VIEWS } from "./memory-views.ts";
import { tableOptions } from "./table-options.ts";

const ALL: readonly SystemView[] = [
  ...CATALOG_VIEWS,
  indexView,
  tableOptions,
  ...JOB_VIEWS,
  ...MEMORY_VIEWS,
  informationTables,
  informationColumns,
  informationViews,
];

/** By full name. */
export const SYSTEM_VIEWS: ReadonlyMap<string, SystemView> = new Map(ALL.map((view) => [view.name, view]));

/** Namespaces that hold views only. */
export const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(ALL.map((view) => view.name.split(".")[0] ?? ""));

/** A view's rows as the JSON that a query unpacks: SQLite forms, 64-bit integers as bare digits. */
export function viewRowsJson(view: SystemView, source: ViewSource): string {
  if (view.isVersioned !== true) return rowsJson(view, source);
  const { version } = source.catalog;
  const kept = source.versionedJson.get(view.name);
  if (kept?.version === version) return kept.json;
  const json = rowsJson(view, source);
  source.versionedJson.set(view.name, { version, json });
  return json;
}

function rowsJson(view: SystemView, source: ViewSource): string {
  const rows = view.rows(source).map((row) => `[${row.map(cellJson).join(",")}]`);
  return `[${rows.join(",")}]`;
}

function cellJson(cell: Cell): string {
  if (typeof cell === "bigint") return cell.toString();
  if (typeof cell === "boolean") return cell ? "1" : "0";
  return JSON.stringify(cell);
}
