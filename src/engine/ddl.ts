// Namespaces and tables: CREATE, DROP, SHOW, DESCRIBE, USE.
import { assertMayCreateTable } from "../auth/access.ts";
import { assertNever, DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import { type OutputColumn, type TableKind, type TableOptions, type TableSchema } from "../model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, INT, TEXT } from "../model/sql-type.ts";
import { LOCAL_STORAGE } from "../model/storage.ts";
import { typeText } from "../model/types.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { CreateTable, Statement, TableRef } from "../sql/statement.ts";
import type { WriteTx } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";
import { namespaceHint, relationHint } from "./names.ts";
import { messageResult, rowsResult } from "./outcome.ts";
import type { Session } from "./session.ts";
import { describedText } from "./table-text.ts";
import { assertNotViewed, assertNoViews } from "./view-dependents.ts";
import { columns, defaultText } from "./views/definition.ts";
import { SYSTEM_NAMESPACES, SYSTEM_VIEWS } from "./views/registry.ts";
import { assertNotWatched, assertViewNotWatched } from "./watched.ts";

export type DdlStatement = Extract<
  Statement,
  {
    readonly kind:
      | "createTable"
      | "dropTable"
      | "createNamespace"
      | "alterNamespace"
      | "dropNamespace"
      | "showNamespaces"
      | "showTables"
      | "describeTable";
  }
>;

const MAX_NAMESPACE_OPTIONS = 100;

export function namespaceOf(ref: TableRef, session: Session): Name {
  return ref.namespace ?? session.namespace;
}

/** The table a statement names, or the error PostgreSQL gives. */
export function requireTable(ref: TableRef, session: Session, deps: Pick<EngineDeps, "catalog">): TableSchema {
  const namespace = namespaceOf(ref, session);
  const table = deps.catalog.table(namespace, ref.name);
  if (table !== undefined) return table;
  const hint = relationHint(namespace, ref.name, deps.catalog);
  throw new DbError("TABLE_NOT_FOUND", `relation '${namespace}.${ref.name}' does not exist`, hint);
}

export async function runDdl(statement: DdlStatement, session: Session, deps: EngineDeps): Promise<StatementResult> {
  switch (statement.kind) {
    case "createTable":
      return createTable(statement, session, deps);
    case "dropTable":
      return dropTable(statement, session, deps);
    case "createNamespace":
      return createNamespace(statement, session, deps);
    case "alterNamespace":
      return alterNamespace(statement, session, deps);
    case "dropNamespace":
      return dropNamespace(statement, session, deps);
    case "showNamespaces":
      return showNamespaces(session, deps);
    case "showTables":
      return showTables(statement.namespace, session, deps);
    case "describeTable":
      return describeTable(statement, session, deps);
    default:
      return assertNever(statement, "statement");
  }
}

async function createNamespace(
  statement: { readonly name: Name; readonly ifNotExists: boolean },
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  const { value: created } = await deps.writer.submit((tx) => {
    if (tx.catalog.namespace(statement.name) !== undefined) {
      if (statement.ifNotExists) return false;
      throw new DbError("ALREADY_EXISTS", `Namespace '${statement.name}' already exists`);
    }
    tx.createNamespace(statement.name);
    return true;
  });
  const what = created ? "created successfully" : "already exists";
  return messageResult(session, `Namespace '${statement.name}' ${what}`);
}

async function alterNamespace(
  { name, options }: Extract<DdlStatement, { kind: "alterNamespace" }>,
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  await deps.writer.submit((tx) => {
    const current = tx.catalog.namespace(name);
    if (current === undefined) {
      throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${name}' does not exist`, namespaceHint(name, tx.catalog));
    }
    if (Object.keys({ ...current.options, ...options }).length > MAX_NAMESPACE_OPTIONS) {
      throw new DbError("UNSUPPORTED", `A namespace has at most ${MAX_NAMESPACE_OPTIONS} options`);
    }
    tx.alterNamespace(name, options);
  });
  return messageResult(session, `Namespace '${name}' altered successfully`);
}

async function dropNamespace(
  statement: { readonly name: Name; readonly ifExists: boolean },
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  const { value: dropped } = await deps.writer.submit((tx) => {
    if (tx.catalog.namespace(statement.name) === undefined) {
      if (statement.ifExists) return false;
      throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${statement.name}' does not exist`);
    }
    for (const table of tx.catalog.tables()) {
      if (table.namespace !== statement.name) continue;
      assertNotWatched(table, deps);
      assertNotViewed(tx.catalog, table, statement.name);
    }
    for (const view of tx.catalog.views()) if (view.namespace === statement.name) assertViewNotWatched(view, deps);
    assertNoViews(
      tx.catalog,
      `drop namespace '${statement.name}'`,
      ({ namespace, views }) =>
        namespace !== statement.name && views.some((view) => view.startsWith(`${statement.name}.`)),
    );
    tx.dropNamespace(statement.name);
    return true;
  });
  return messageResult(session, `Namespace '${statement.name}' ${dropped ? "dropped successfully" : "does not exist"}`);
}

async function createTable(statement: CreateTable, session: Session, deps: EngineDeps): Promise<StatementResult> {
  assertMayCreateTable(session.role, statement.tableKind, deps.tableDefinitionRole);
  const namespace = namespaceOf(statement.table, session);
  const definition = tableDefinition(statement, namespace);
  const full = `${namespace}.${statement.table.name}`;
  const { value: created } = await deps.writer.submit((tx) => {
    assertNamespace(tx, namespace);
    if (tx.catalog.table(namespace, statement.table.name) !== undefined) {
      if (statement.ifNotExists) return false;
      throw new DbError("ALREADY_EXISTS", `Table ${full} already exists`);
    }
    const { storageId } = definition.options;
    if (tx.catalog.storage(storageId) === undefined) {
      throw new DbError("NOT_FOUND", `Storage '${storageId}' does not exist`);
    }
    tx.createTable(definition);
    return true;
  });
  if (!created) return messageResult(session, `Table ${full} already exists`);
  return messageResult(session, `${statement.tableKind.toUpperCase()} table ${full} created successfully`);
}

function assertNamespace(tx: WriteTx, namespace: Name): void {
  if (tx.catalog.namespace(namespace) !== undefined) return;
  throw new DbError(
    "NAMESPACE_NOT_FOUND",
    `Namespace '${namespace}' does not exist. Create it first with CREATE NAMESPACE.`,
    namespaceHint(namespace, tx.catalog),
  );
}

function tableDefinition(statement: CreateTable, namespace: Name): Parameters<WriteTx["createTable"]>[0] {
  const { storageId = LOCAL_STORAGE } = statement;
  return {
    namespace,
    name: statement.table.name,
    kind: statement.tableKind,
    columns: statement.columns.map((column, index) => ({ id: index + 1, ...column })),
    keyIndex: statement.columns.findIndex((column) => column.name === statement.key),
    options: tableOptions(statement, statement.tableKind, storageId),
  };
}

function tableOptions(statement: CreateTable, kind: TableKind, storageId: string): TableOptions {
  if (kind !== "shared" && statement.accessLevel !== undefined) {
    throw new DbError("INVALID_SQL", "ACCESS_LEVEL applies to SHARED tables only");
  }
  const { flushPolicy, accessLevel = "private", ttlSeconds, deletedRetentionHours } = statement;
  return {
    storageId,
    flushPolicy,
    accessLevel,
    ...(statement.useUserStorage ? { useUserStorage: true } : {}),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(statement.isPersisted ? { isPersisted: true } : {}),
    ...(deletedRetentionHours === undefined ? {} : { deletedRetentionHours }),
  };
}

async function dropTable(
  statement: { readonly table: TableRef; readonly ifExists: boolean },
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  const namespace = namespaceOf(statement.table, session);
  const full = `${namespace}.${statement.table.name}`;
  const { value: dropped } = await deps.writer.submit((tx) => {
    const table = tx.catalog.table(namespace, statement.table.name);
    if (table === undefined) {
      if (statement.ifExists) return false;
      const view = tx.catalog.view(namespace, statement.table.name);
      if (view !== undefined) throw new DbError("INVALID_SQL", `${full} is a view`, { hint: "Use DROP VIEW." });
      throw new DbError(
        "TABLE_NOT_FOUND",
        `Table '${statement.table.name}' not found in namespace '${namespace}'`,
        relationHint(namespace, statement.table.name, tx.catalog),
      );
    }
    assertNotWatched(table, deps);
    assertNotViewed(tx.catalog, table);
    tx.dropTable(table);
    return true;
  });
  return messageResult(
    session,
    dropped ? `Table ${full} dropped successfully` : `Table ${full} does not exist (skipped)`,
  );
}

function showNamespaces(session: Session, deps: EngineDeps): StatementResult {
  const view = SYSTEM_VIEWS.get("system.namespaces");
  if (view === undefined) throw new Error("system.namespaces is missing");
  return rowsResult(session, view.columns, view.rows(deps.views));
}

const SHOW_TABLES = columns({
  namespace_id: TEXT,
  table_name: TEXT,
  table_type: TEXT,
  storage_id: TEXT,
  schema_version: BIGINT,
});

export function assertNamespaceExists(namespace: Name, { catalog }: Pick<EngineDeps, "catalog">): void {
  if (catalog.namespace(namespace) !== undefined || SYSTEM_NAMESPACES.has(namespace)) return;
  throw new DbError(
    "NAMESPACE_NOT_FOUND",
    `Namespace '${namespace}' does not exist`,
    namespaceHint(namespace, catalog),
  );
}

function showTables(namespace: Name | undefined, session: Session, deps: EngineDeps): StatementResult {
  if (namespace !== undefined) assertNamespaceExists(namespace, deps);
  const rows = deps.catalog
    .tables()
    .filter((table) => namespace === undefined || table.namespace === namespace)
    .map((table) => [table.namespace, table.name, table.kind, table.options.storageId, BigInt(table.version)]);
  return rowsResult(session, SHOW_TABLES, rows);
}

/** A longer history is cut after the newest versions: this runs on the main thread, for anybody. */
const MAX_DESCRIBED_ROWS = 5_000;

const DESCRIBE = columns({
  column_name: TEXT,
  ordinal_position: INT,
  column_id: BIGINT,
  data_type: TEXT,
  is_nullable: BOOLEAN,
  is_primary_key: BOOLEAN,
  column_default: TEXT,
  column_comment: TEXT,
  schema_version: INT,
});

function describeTable(
  statement: { readonly table: TableRef; readonly history: boolean },
  session: Session,
  deps: EngineDeps,
): StatementResult {
  const namespace = namespaceOf(statement.table, session);
  const { name } = statement.table;
  const view = deps.catalog.view(namespace, name) ?? SYSTEM_VIEWS.get(`${namespace}.${name}`);
  if (view !== undefined && !statement.history) return rowsResult(session, DESCRIBE, viewColumnRows(view));
  const table = requireTable(statement.table, session, deps);
  const versions = statement.history ? deps.catalog.tableVersions(table.id).toReversed() : [table];
  const rows: Cell[][] = [];
  for (const version of versions) {
    if (rows.length > 0 && rows.length + version.columns.length > MAX_DESCRIBED_ROWS) break;
    rows.push(...describedColumns(version));
  }
  return { ...rowsResult(session, DESCRIBE, rows), message: describedText(table) };
}

function describedColumns(table: TableSchema): Cell[][] {
  return table.columns.map((column, index) => [
    column.name,
    index + 1,
    BigInt(column.id),
    typeText(column.type),
    column.nullable,
    index === table.keyIndex,
    defaultText(column),
    null,
    table.version,
  ]);
}

function viewColumnRows({ columns }: { readonly columns: readonly Pick<OutputColumn, "name" | "type">[] }): Cell[][] {
  return columns.map(({ name, type }, index) => {
    return [name, index + 1, BigInt(index + 1), typeText(type), true, false, null, null, 1];
  });
}
