// CREATE INDEX, DROP INDEX and SHOW INDEXES. A small buffer is indexed inside the statement's transaction, a large one by a process of its own, after which the
// statement is decided anew: what the file then holds is what the catalog may name.
import { assertMayWrite } from "../auth/access.ts";
import { DbError } from "../base/errors.ts";
import { type Name, parseName } from "../base/ids.ts";
import { type IndexColumn, keyColumn, qualifiedName, type TableIndex, type TableSchema } from "../model/schema.ts";
import { typeText } from "../model/types.ts";
import type { StatementResult } from "../protocol/http.ts";
import { INCOMPARABLE } from "../sql/bind/comparison.ts";
import type { IndexedColumn, Statement, TableRef } from "../sql/statement.ts";
import type { CatalogView, WriteTx } from "../storage/seams.ts";
import { namespaceOf, requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { relationHint } from "./names.ts";
import { messageResult, rowsResult, textColumns } from "./outcome.ts";
import type { Session } from "./session.ts";
import { indexText } from "./views/index-view.ts";

/** Writes pay for each of them. */
const MAX_INDEXES = 16;
const MAX_INDEX_COLUMNS = 16;
/** Writes wait for about a second for each million. */
const MAX_ROWS_INDEXED = 2_000_000;
/** Each time around the table was changed while its index was built. */
const MAX_BUILDS = 4;
const MAX_NAME_LENGTH = 64;

type CreateIndex = Extract<Statement, { readonly kind: "createIndex" }>;
type DropIndex = Extract<Statement, { readonly kind: "dropIndex" }>;

type Decision =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "large"; readonly table: TableSchema; readonly index: TableIndex };

export function runIndexStatement(
  statement: CreateIndex | DropIndex,
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  return statement.kind === "createIndex" ? createIndex(statement, session, deps) : dropIndex(statement, session, deps);
}

async function createIndex(statement: CreateIndex, session: Session, deps: EngineDeps): Promise<StatementResult> {
  for (let builds = 0; builds <= MAX_BUILDS; builds += 1) {
    const { value } = await deps.writer.submit((tx) => decide(tx, statement, { session, deps }));
    if (value.kind === "done") return messageResult(session, value.text);
    await deps.indexes.build(value.table, value.index);
  }
  await deps.indexes.sweep();
  throw new DbError("WRITE_CONFLICT", `Table '${statement.table.name}' kept changing while its index was built`, {
    hint: "Run the statement again.",
  });
}

interface Context {
  readonly session: Session;
  readonly deps: Pick<EngineDeps, "writer">;
}

function decide(tx: WriteTx, statement: CreateIndex, { session, deps }: Context): Decision {
  const table = requireIndexable(tx.catalog, statement.table, session);
  const columns = statement.columns.map((column) => indexColumn(table, column));
  assertSensible(table, columns);
  const name = statement.name ?? freeName(tx.catalog, table, statement.columns);
  const full = `${table.namespace}.${name}`;
  if (findIndex(tx.catalog, table.namespace, name) !== undefined) {
    if (statement.ifNotExists) return { kind: "done", text: `Index ${full} already exists` };
    throw new DbError("ALREADY_EXISTS", `Index ${full} already exists`);
  }
  const twin = table.indexes?.find((index) => Bun.deepEquals(index.columns, columns, true));
  if (twin !== undefined) {
    throw new DbError("ALREADY_EXISTS", `Index ${table.namespace}.${twin.name} has the same columns`);
  }
  if ((table.indexes?.length ?? 0) >= MAX_INDEXES) {
    throw new DbError(
      "UNSUPPORTED",
      `Table ${qualifiedName(table)} has ${MAX_INDEXES} indexes, as many as there can be`,
    );
  }
  const index: TableIndex = { name, columns };
  if (tx.createIndex(table, index) !== undefined) {
    return { kind: "done", text: `Index ${full} on ${qualifiedName(table)} created successfully` };
  }
  const rows = deps.writer.bufferedRows(table.id);
  if (rows <= MAX_ROWS_INDEXED) return { kind: "large", table, index };
  throw new DbError("UNSUPPORTED", `An index of ${rows} buffered rows would hold up writes for too long`, {
    hint: `Run STORAGE FLUSH TABLE first: ${MAX_ROWS_INDEXED} rows can be indexed.`,
  });
}

function requireIndexable(catalog: CatalogView, ref: TableRef, session: Session): TableSchema {
  const view = catalog.view(namespaceOf(ref, session), ref.name);
  if (view !== undefined) throw new DbError("INVALID_SQL", `${qualifiedName(view)} is a view`);
  const table = requireTable(ref, session, { catalog });
  assertMayWrite(session.role, table);
  if (table.kind !== "stream") return table;
  throw new DbError("UNSUPPORTED", `CREATE INDEX is not supported for STREAM tables: ${qualifiedName(table)}`, {
    hint: "A user's rows of it are few, and in memory.",
  });
}

function indexColumn(table: TableSchema, { name, descending, position }: IndexedColumn): IndexColumn {
  const column = table.columns.find((known) => known.name === name);
  if (column === undefined) {
    throw new DbError("COLUMN_NOT_FOUND", `column "${name}" does not exist`, { position });
  }
  if (INCOMPARABLE.has(column.type.kind)) {
    throw new DbError("UNSUPPORTED", `data type ${typeText(column.type)} has no order, so column "${name}" no index`, {
      position,
    });
  }
  return { id: column.id, descending };
}

function assertSensible(table: TableSchema, columns: readonly IndexColumn[]): void {
  if (columns.length > MAX_INDEX_COLUMNS) {
    throw new DbError("UNSUPPORTED", `cannot use more than ${MAX_INDEX_COLUMNS} columns in an index`);
  }
  if (new Set(columns.map(({ id }) => id)).size < columns.length) {
    throw new DbError("INVALID_SQL", "a column can be in an index once");
  }
  const [first] = columns;
  if (columns.length > 1 || first?.id !== keyColumn(table).id) return;
  throw new DbError("ALREADY_EXISTS", `The primary key of ${qualifiedName(table)} has an index already`);
}

/** As PostgreSQL makes them: `t_a_b_idx`, `t_a_b_idx1`, … */
function freeName(catalog: CatalogView, table: TableSchema, columns: readonly IndexedColumn[]): Name {
  const stem = [table.name, ...columns.map(({ name }) => name)].join("_");
  for (let number = 0; ; number += 1) {
    const end = `_idx${number === 0 ? "" : number}`;
    const name = parseName(`${stem.slice(0, MAX_NAME_LENGTH - end.length)}${end}`, "Index name");
    if (findIndex(catalog, table.namespace, name) === undefined) return name;
  }
}

function findIndex(catalog: CatalogView, namespace: Name, name: Name): TableSchema | undefined {
  return catalog
    .tables()
    .find((table) => table.namespace === namespace && table.indexes?.some((index) => index.name === name));
}

async function dropIndex(statement: DropIndex, session: Session, deps: EngineDeps): Promise<StatementResult> {
  const { name, on, ifExists } = statement;
  const namespace = statement.namespace ?? on?.namespace ?? session.namespace;
  const { value: dropped } = await deps.writer.submit((tx) => {
    const table = findIndex(tx.catalog, namespace, name);
    const isMeant =
      table !== undefined && (on === undefined || (on.name === table.name && namespaceOf(on, session) === namespace));
    if (!isMeant) {
      if (ifExists) return false;
      throw new DbError("NOT_FOUND", `index "${namespace}.${name}" does not exist`);
    }
    assertMayWrite(session.role, table);
    tx.dropIndex(table, name);
    return true;
  });
  if (dropped) await deps.indexes.sweep();
  const what = dropped ? "dropped successfully" : "does not exist (skipped)";
  return messageResult(session, `Index ${namespace}.${name} ${what}`);
}

export function showIndexes(ref: TableRef, session: Session, deps: EngineDeps): StatementResult {
  const namespace = namespaceOf(ref, session);
  const table = deps.catalog.table(namespace, ref.name);
  if (table === undefined) {
    const hint = relationHint(namespace, ref.name, deps.catalog);
    throw new DbError("TABLE_NOT_FOUND", `relation '${namespace}.${ref.name}' does not exist`, hint);
  }
  const rows = (table.indexes ?? []).map((index) => [qualifiedName(table), index.name, indexText(table, index)]);
  return rowsResult(session, textColumns("table_name", "index_name", "statement"), rows);
}
