// information_schema: every table and view with its columns, for tools and completion. Open to every role, as in PostgreSQL names are not secret.
import { SYSTEM_COLUMNS, type TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, INT, type SqlType, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import { typeText } from "../../model/types.ts";
import { columns, defaultText, type SystemView, us } from "./definition.ts";

export const informationTables: SystemView = {
  name: "information_schema.tables",
  adminOnly: false,
  isVersioned: true,
  columns: columns({
    table_catalog: TEXT,
    table_schema: TEXT,
    table_name: TEXT,
    table_type: TEXT,
    kalamdb_table_type: TEXT,
    storage_id: TEXT,
    use_user_storage: BOOLEAN,
    flush_row_threshold: BIGINT,
    flush_interval_seconds: BIGINT,
    ttl_seconds: BIGINT,
    schema_version: INT,
    created_at: TIMESTAMP,
    updated_at: TIMESTAMP,
  }),
  rows: ({ catalog, views }) => [
    ...catalog
      .tables()
      .map((table) => [
        "kalam",
        table.namespace,
        table.name,
        "BASE TABLE",
        table.kind,
        ...optionCells(table),
        table.version,
        us(table.createdAtMs),
        us(table.updatedAtMs),
      ]),
    ...catalog
      .views()
      .map(({ namespace, name, createdAtMs, updatedAtMs }) => [
        "kalam",
        namespace,
        name,
        "VIEW",
        "view",
        ...NO_OPTIONS,
        1,
        us(createdAtMs),
        us(updatedAtMs),
      ]),
    ...[...views()].map((view) => {
      const [schema = "", name = ""] = view.name.split(".");
      return ["kalam", schema, name, "VIEW", "system", ...NO_OPTIONS, 1, null, null];
    }),
  ],
};

/** storage_id, use_user_storage, flush_row_threshold, flush_interval_seconds, ttl_seconds. */
export function optionCells({ kind, options }: TableSchema): Cell[] {
  const { storageId, useUserStorage = false, flushPolicy, ttlSeconds } = options;
  return [
    storageId,
    kind === "user" ? useUserStorage : null,
    optionalBigint(flushPolicy?.rows),
    optionalBigint(flushPolicy?.intervalSeconds),
    optionalBigint(ttlSeconds),
  ];
}

const NO_OPTIONS: readonly Cell[] = [null, null, null, null, null];

export function optionalBigint(value: number | undefined): Cell {
  return value === undefined ? null : BigInt(value);
}

export const informationColumns: SystemView = {
  name: "information_schema.columns",
  adminOnly: false,
  isVersioned: true,
  columns: columns({
    table_catalog: TEXT,
    table_schema: TEXT,
    table_name: TEXT,
    column_name: TEXT,
    ordinal_position: BIGINT,
    column_default: TEXT,
    is_nullable: TEXT,
    data_type: TEXT,
  }),
  rows: ({ catalog, views }) => [
    ...catalog.tables().flatMap((table) =>
      [
        ...table.columns.map((column) => ({ ...column, defaultValue: defaultText(column) })),
        ...SYSTEM_COLUMNS.map((column) => ({ ...column, nullable: false, defaultValue: null })),
      ].map((column, index) =>
        columnRow(table, {
          name: column.name,
          type: column.type,
          nullable: column.nullable,
          default: column.defaultValue,
          index,
        }),
      ),
    ),
    ...catalog
      .views()
      .flatMap((view) =>
        view.columns.map(({ name, type }, index) =>
          columnRow(view, { name, type, nullable: true, default: null, index }),
        ),
      ),
    ...[...views()].flatMap((view) => {
      const [namespace = "", name = ""] = view.name.split(".");
      return view.columns.map((column, index) =>
        columnRow({ namespace, name }, { name: column.name, type: column.type, nullable: true, default: null, index }),
      );
    }),
  ],
};

function columnRow(
  table: { readonly namespace: string; readonly name: string },
  column: {
    readonly name: string;
    readonly type: SqlType;
    readonly nullable: boolean;
    readonly default: Cell;
    readonly index: number;
  },
): Cell[] {
  return [
    "kalam",
    table.namespace,
    table.name,
    column.name,
    BigInt(column.index + 1),
    column.default,
    column.nullable ? "YES" : "NO",
    typeText(column.type),
  ];
}

/** A definition may hold what only its maker should see: it is in system.views. */
export const informationViews: SystemView = {
  name: "information_schema.views",
  adminOnly: false,
  isVersioned: true,
  columns: columns({
    table_catalog: TEXT,
    table_schema: TEXT,
    table_name: TEXT,
    view_definition: TEXT,
    check_option: TEXT,
    is_updatable: TEXT,
  }),
  rows: ({ catalog }) => catalog.views().map(({ namespace, name }) => ["kalam", namespace, name, null, "NONE", "NO"]),
};
