// Indexes of buffered rows, as SQLite has them. One is named after its table and its columns, so what the file holds says by itself whether the catalog wants it:
// one that was built and never named in the catalog, or taken out of it, is found and removed, however the process ended.
import type { Database } from "bun:sqlite";
import type { TableIndex, TableSchema } from "../../model/schema.ts";
import { hotTableName, isScopedByUser } from "./relation.ts";

/** Of a buffer with more rows the index is built beside the writer: these take a few milliseconds. */
export const MAX_ROWS_IN_PLACE = 2_000;

type Owner = Pick<TableSchema, "id" | "kind">;

/** `ix_7_4_5d`: of table 7, by column 4 and then column 5 descending. */
export function hotIndexName({ id }: Pick<TableSchema, "id">, { columns }: Pick<TableIndex, "columns">): string {
  return `ix_${id}_${columns.map((column) => `${column.id}${column.descending ? "d" : ""}`).join("_")}`;
}

/**
 * Rows of a user stand together, as no query reads another's. SQLite is told how selective the columns are, as nobody counts it: without being told it takes the
 * rows of a user for ten, and prefers the key's index to any other. The figures are those of a large table with columns that are worth an index.
 */
export function hotIndexStatements(table: Owner, index: Pick<TableIndex, "columns">): string[] {
  const scoped = isScopedByUser(table.kind);
  const columns = index.columns.map(({ id, descending }) => `c${id}${descending ? " DESC" : ""}`);
  const [hot, name] = [hotTableName(table), hotIndexName(table, index)];
  const rowsOfUser = scoped ? [ROWS_OF_USER] : [];
  const rowsAlike = columns.map((_column, place) => ROWS_ALIKE[place] ?? 2);
  const statistics = (of: string, figures: readonly number[]): string[] => [
    `DELETE FROM sqlite_stat1 WHERE tbl = '${hot}' AND idx = '${of}'`,
    `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('${hot}', '${of}', '${[ROWS, ...figures].join(" ")}')`,
  ];
  return [
    `CREATE INDEX IF NOT EXISTS ${name} ON ${hot} (${(scoped ? ["_user", ...columns] : columns).join(", ")})`,
    ...statistics(`sqlite_autoindex_${hot}_1`, [...rowsOfUser, 1]),
    ...statistics(name, [...rowsOfUser, ...rowsAlike]),
  ];
}

/** In all, of one user, and of one user with the same first column, first two columns, …: more than one each, or SQLite would take the index for unique. */
const ROWS = 1_000_000;
const ROWS_OF_USER = 1_000;
const ROWS_ALIKE = [50, 10];

export function dropHotIndexDdl(name: string): string {
  return `DROP INDEX IF EXISTS ${name}`;
}

/** Indexes of the file that no table of the catalog names. */
export function unnamedIndexes(db: Database, tables: readonly TableSchema[]): string[] {
  const named = new Set(tables.flatMap((table) => (table.indexes ?? []).map((index) => hotIndexName(table, index))));
  using statement = db.prepare<{ name: string }, []>(
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB 'ix_[0-9]*'",
  );
  return statement.all().flatMap(({ name }) => (named.has(name) ? [] : [name]));
}

/** Of few rows. Where there are many, an index that is named no more stays until `unnamedIndexes` finds it. */
export function dropUnnamed(db: Database, before: TableSchema, after: TableSchema): void {
  const named = new Set((after.indexes ?? []).map((index) => hotIndexName(after, index)));
  for (const index of before.indexes ?? []) {
    const name = hotIndexName(before, index);
    if (!named.has(name) && !hasManyRows(db, before)) db.run(dropHotIndexDdl(name));
  }
}

/** At open: the file has the indexes that the catalog names, and no others. */
export function settleIndexes(db: Database, tables: readonly TableSchema[]): void {
  for (const name of unnamedIndexes(db, tables)) db.run(dropHotIndexDdl(name));
  for (const table of tables) {
    for (const index of table.indexes ?? []) createHotIndex(db, table, index);
  }
}

export function createHotIndex(db: Database, table: Owner, index: TableIndex): void {
  for (const statement of hotIndexStatements(table, index)) db.run(statement);
}

/** Builds it where the rows are few. False: they are many, and it is not there. */
export function ensureHotIndex(db: Database, table: TableSchema, index: TableIndex): boolean {
  if (hasHotIndex(db, hotIndexName(table, index))) return true;
  if (hasManyRows(db, table)) return false;
  createHotIndex(db, table, index);
  return true;
}

function hasManyRows(db: Database, table: Pick<TableSchema, "id">): boolean {
  using statement = db.prepare(`SELECT 1 FROM ${hotTableName(table)} LIMIT 1 OFFSET ${MAX_ROWS_IN_PLACE}`);
  return statement.values().length > 0;
}

function hasHotIndex(db: Database, name: string): boolean {
  using statement = db.prepare<unknown, [string]>("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1");
  return statement.values(name).length > 0;
}
