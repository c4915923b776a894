// Views over the catalog: users, namespaces, tables, columns, segments, storages, types.
import type { TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, INT, JSON_TYPE, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import type { S3Config } from "../../model/storage.ts";
import { COLUMN_TYPES, typeText } from "../../model/types.ts";
import type { User } from "../../model/user.ts";
import { storageOfPath } from "../../storage/objects/routed-store.ts";
import { API_KEY_COLUMNS, apiKeyCells } from "./api-key-cells.ts";
import { columns, defaultText, type SystemView, text, us } from "./definition.ts";

function flushPolicyText(table: TableSchema): string | undefined {
  const policy = table.options.flushPolicy;
  if (policy === undefined) return undefined;
  const parts = [
    policy.rows === undefined ? [] : [`rows:${policy.rows}`],
    policy.intervalSeconds === undefined ? [] : [`interval:${policy.intervalSeconds}`],
  ];
  return parts.flat().join(",");
}

function columnsJson(table: TableSchema): string {
  return JSON.stringify(
    table.columns.map((column, index) => ({
      column_id: column.id,
      column_name: column.name,
      ordinal_position: index + 1,
      data_type: typeText(column.type),
      is_nullable: column.nullable,
      is_primary_key: index === table.keyIndex,
      default_value: defaultText(column),
    })),
  );
}

function optionsJson(table: TableSchema): string {
  return JSON.stringify({
    storage_id: table.options.storageId,
    ...(table.kind === "user" ? { use_user_storage: table.options.useUserStorage ?? false } : {}),
    flush_policy: flushPolicyText(table) ?? null,
    access_level: table.kind === "shared" ? table.options.accessLevel : null,
    ...(table.kind === "stream"
      ? { ttl_seconds: table.options.ttlSeconds, persisted: table.options.isPersisted ?? false }
      : { deleted_retention_hours: table.options.deletedRetentionHours ?? null }),
  });
}

function authType({ oauth, passwordHash }: User): string {
  if (oauth !== undefined) return "oauth";
  return passwordHash === "" ? "internal" : "password";
}

const users: SystemView = {
  name: "system.users",
  adminOnly: true,
  columns: columns(
    {
      user_id: TEXT,
      password_hash: TEXT,
      role: TEXT,
      email: TEXT,
      auth_type: TEXT,
      storage_mode: TEXT,
      storage_id: TEXT,
      failed_login_attempts: INT,
      locked_until: TIMESTAMP,
      last_login_at: TIMESTAMP,
      created_at: TIMESTAMP,
      updated_at: TIMESTAMP,
      deleted_at: TIMESTAMP,
    },
    "user_id",
  ),
  rows: ({ catalog }) =>
    catalog.users().map((user) => [
      user.id,
      // The hash never leaves the server, whoever asks.
      "***",
      user.role,
      text(user.email),
      authType(user),
      user.storageMode ?? "table",
      text(user.storageId),
      user.failedLogins,
      us(user.lockedUntilMs),
      us(user.lastLoginAtMs),
      us(user.createdAtMs),
      us(user.updatedAtMs),
      us(user.deletedAtMs),
    ]),
};

const apiKeys: SystemView = {
  name: "system.api_keys",
  adminOnly: true,
  columns: API_KEY_COLUMNS,
  rows: ({ catalog }) => catalog.apiKeys().map(apiKeyCells),
};

const namespaces: SystemView = {
  name: "system.namespaces",
  adminOnly: true,
  columns: columns(
    { namespace_id: TEXT, name: TEXT, created_at: TIMESTAMP, options: JSON_TYPE, table_count: INT },
    "namespace_id",
  ),
  rows: ({ catalog }) =>
    catalog
      .namespaces()
      .map((namespace) => [
        namespace.name,
        namespace.name,
        us(namespace.createdAtMs),
        namespace.options === undefined ? null : JSON.stringify(namespace.options),
        catalog.tables().filter((table) => table.namespace === namespace.name).length,
      ]),
};

const tables: SystemView = {
  name: "system.tables",
  adminOnly: true,
  columns: columns({
    namespace_id: TEXT,
    table_name: TEXT,
    table_type: TEXT,
    storage_id: TEXT,
    version: BIGINT,
    options: JSON_TYPE,
    comment: TEXT,
    updated_at: TIMESTAMP,
    created_at: TIMESTAMP,
  }),
  rows: ({ catalog }) => [
    ...catalog
      .tables()
      .map((table) => [
        table.namespace,
        table.name,
        table.kind,
        table.options.storageId,
        BigInt(table.version),
        optionsJson(table),
        null,
        us(table.updatedAtMs),
        us(table.createdAtMs),
      ]),
    ...catalog
      .views()
      .map(({ namespace, name, updatedAtMs, createdAtMs }) => [
        namespace,
        name,
        "view",
        null,
        1n,
        "{}",
        null,
        us(updatedAtMs),
        us(createdAtMs),
      ]),
  ],
};

const userViews: SystemView = {
  name: "system.views",
  adminOnly: true,
  isVersioned: true,
  columns: columns({
    namespace_id: TEXT,
    view_name: TEXT,
    definition: TEXT,
    columns: JSON_TYPE,
    created_at: TIMESTAMP,
    updated_at: TIMESTAMP,
  }),
  rows: ({ catalog }) =>
    catalog
      .views()
      .map((view) => [
        view.namespace,
        view.name,
        view.text,
        JSON.stringify(view.columns.map(({ name, type }) => ({ column_name: name, data_type: typeText(type) }))),
        us(view.createdAtMs),
        us(view.updatedAtMs),
      ]),
};

const schemas: SystemView = {
  name: "system.schemas",
  adminOnly: true,
  columns: columns({
    table_id: TEXT,
    table_name: TEXT,
    namespace_id: TEXT,
    table_type: TEXT,
    created_at: TIMESTAMP,
    schema_version: INT,
    columns: JSON_TYPE,
    updated_at: TIMESTAMP,
    options: JSON_TYPE,
    access_level: TEXT,
    is_latest: BOOLEAN,
    storage_id: TEXT,
  }),
  rows: ({ catalog }) =>
    catalog
      .tables()
      .flatMap((latest) =>
        catalog
          .tableVersions(latest.id)
          .map((table) => [
            String(table.id),
            table.name,
            table.namespace,
            table.kind,
            us(table.createdAtMs),
            table.version,
            columnsJson(table),
            us(table.updatedAtMs),
            optionsJson(table),
            table.kind === "shared" ? table.options.accessLevel : null,
            table.version === latest.version,
            table.options.storageId,
          ]),
      ),
};

const columnView: SystemView = {
  name: "system.columns",
  adminOnly: true,
  columns: columns({
    namespace_id: TEXT,
    table_name: TEXT,
    version: BIGINT,
    column_id: BIGINT,
    column_name: TEXT,
    data_type: TEXT,
    default_value: TEXT,
    ordinal: BIGINT,
    nullable: BOOLEAN,
    primary_key: BOOLEAN,
  }),
  rows: ({ catalog }) =>
    catalog
      .tables()
      .flatMap((table) =>
        table.columns.map((column, index) => [
          table.namespace,
          table.name,
          BigInt(table.version),
          BigInt(column.id),
          column.name,
          typeText(column.type),
          defaultText(column),
          BigInt(index + 1),
          column.nullable,
          index === table.keyIndex,
        ]),
      ),
};

const segments: SystemView = {
  name: "system.segments",
  adminOnly: true,
  columns: columns({
    segment_id: BIGINT,
    namespace_id: TEXT,
    table_name: TEXT,
    scope: TEXT,
    storage_id: TEXT,
    path: TEXT,
    row_count: BIGINT,
    size_bytes: BIGINT,
    min_seq: BIGINT,
    max_seq: BIGINT,
    schema_version: INT,
    created_at: TIMESTAMP,
  }),
  rows: ({ catalog }) =>
    catalog.allSegments().map((segment) => {
      const table = catalog.tableById(segment.tableId);
      return [
        BigInt(segment.id),
        text(table?.namespace),
        text(table?.name),
        segment.scope === "" ? "shared" : segment.scope,
        storageOfPath(segment.path),
        segment.path,
        BigInt(segment.rows),
        BigInt(segment.bytes),
        segment.minSeq,
        segment.maxSeq,
        segment.schemaVersion,
        us(segment.createdAtMs),
      ];
    }),
};

const storages: SystemView = {
  name: "system.storages",
  adminOnly: true,
  columns: columns(
    {
      storage_id: TEXT,
      storage_name: TEXT,
      description: TEXT,
      storage_type: TEXT,
      base_directory: TEXT,
      credentials: JSON_TYPE,
      config_json: JSON_TYPE,
      shared_tables_template: TEXT,
      user_tables_template: TEXT,
      created_at: TIMESTAMP,
      updated_at: TIMESTAMP,
    },
    "storage_id",
  ),
  rows: ({ catalog, storageFolder }) =>
    catalog.storages().map((storage) => [
      storage.id,
      storage.name,
      text(storage.description),
      storage.type,
      storage.base === "" ? storageFolder : storage.base,
      // Never shown, whoever asks.
      storage.sealedCredentials === undefined ? null : '"***"',
      storage.s3 === undefined ? null : s3Json(storage.s3),
      storage.sharedTablesTemplate,
      storage.userTablesTemplate,
      us(storage.createdAtMs === 0 ? undefined : storage.createdAtMs),
      us(storage.updatedAtMs === 0 ? undefined : storage.updatedAtMs),
    ]),
};

function s3Json({ endpoint, region, virtualHostedStyle }: S3Config): string {
  return JSON.stringify({ endpoint, region, virtual_hosted_style: virtualHostedStyle });
}

const datatypes: SystemView = {
  name: "system.datatypes",
  adminOnly: true,
  columns: columns({ kalam_type: TEXT, sql_name: TEXT, description: TEXT }),
  rows: () =>
    Object.entries(COLUMN_TYPES).flatMap(([kind, row]) =>
      row.names.map((name) => {
        const wire = row.wireName(kind === "decimal" ? { kind, precision: 38, scale: 10 } : BIGINT);
        return [
          typeof wire === "string" ? wire : (Object.keys(wire)[0] ?? kind),
          name.toUpperCase(),
          `stored as SQLite ${row.sqlite}, Parquet ${row.parquet}`,
        ];
      }),
    ),
};

export const CATALOG_VIEWS: readonly SystemView[] = [
  users,
  apiKeys,
  namespaces,
  tables,
  userViews,
  schemas,
  { ...schemas, name: "system.table_schemas" },
  columnView,
  segments,
  storages,
  datatypes,
];
