// What a system view is: columns and where its rows come from. Binding, permission, SELECT and DESCRIBE read this description.
import type { OutputColumn, TableSchema } from "../../model/schema.ts";
import type { Cell, SqlType, TypeKind } from "../../model/sql-type.ts";
import { NUMBER_KINDS } from "../../model/type-kinds.ts";
import { TYPES } from "../../model/types.ts";
import type { CatalogView } from "../../storage/seams.ts";

/** Where computed views get what the catalog does not hold. */
export interface ViewSource {
  readonly catalog: CatalogView;
  /** In the order of LIVE_COLUMNS. */
  readonly liveQueries: () => readonly (readonly Cell[])[];
  /** In the order of CONNECTION_COLUMNS. */
  readonly connections: () => readonly (readonly Cell[])[];
  /** name, value, description, category. */
  readonly settings: () => readonly (readonly Cell[])[];
  /** In the order of AUDIT_LOG_COLUMNS, newest first. */
  readonly auditLog: () => readonly (readonly Cell[])[];
  /** In the order of SERVER_LOG_COLUMNS, oldest first. */
  readonly serverLog: () => readonly (readonly Cell[])[];
  /** metric_name, metric_value. */
  readonly stats: () => readonly (readonly Cell[])[];
  readonly storageFolder: string;
  /** Rows of versioned views as JSON, by view name: anybody may ask for these, and of a thousand tables they take 20 ms to put together. */
  readonly versionedJson: Map<string, { readonly version: number; readonly json: string }>;
  /** Every view, for information_schema. */
  readonly views: () => Iterable<SystemView>;
}

export interface SystemView {
  readonly name: string;
  readonly columns: readonly OutputColumn[];
  /** Readable by dba and system only. */
  readonly adminOnly: boolean;
  readonly rows: (source: ViewSource) => readonly (readonly Cell[])[];
  /** The rows change with the catalog's version and with nothing else. */
  readonly isVersioned?: boolean;
}

type ColumnSpec = Readonly<Record<string, SqlType>>;

export function columns(spec: ColumnSpec, key?: string): OutputColumn[] {
  return Object.entries(spec).map(([name, type]) => ({ name, type, flags: name === key ? ["pk", "nn", "uq"] : [] }));
}

const US_PER_MS = 1000;

/** Milliseconds as a TIMESTAMP cell. */
export function us(ms: number | undefined): Cell {
  return ms === undefined ? null : BigInt(Math.round(ms)) * BigInt(US_PER_MS);
}

export function text(value: string | undefined): Cell {
  return value ?? null;
}

/** Types whose literals DDL takes without quotes. */
const BARE_LITERALS: ReadonlySet<TypeKind> = new Set(["boolean", ...NUMBER_KINDS]);

/** A column default as DDL would spell it. */
export function defaultText(column: TableSchema["columns"][number]): Cell {
  if (column.default === undefined) return null;
  if (column.default.kind === "function") return `${column.default.name}()`;
  const { value } = column.default;
  if (value === null) return "NULL";
  const literal = TYPES[column.type.kind].toText(value, column.type);
  if (column.type.kind === "bytes") return `X'${literal.slice("\\x".length)}'`;
  return BARE_LITERALS.has(column.type.kind) ? literal : `'${literal.replaceAll("'", "''")}'`;
}
