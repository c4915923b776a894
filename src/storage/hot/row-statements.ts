// Reading and writing row versions of one table: statements prepared once for each table version, cells in and out through the type table.
import type { Database, Statement } from "bun:sqlite";
import { assert } from "../../base/errors.ts";
import { parseUserId, type Scope, type Seq, SHARED_SCOPE, scopeOfUser, seqOf } from "../../base/ids.ts";
import { Lru } from "../../base/lru.ts";
import type { RowVersion } from "../../model/change.ts";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { cellFromSqlite, cellToSqlite } from "../../model/types.ts";
import type { RowBackend, ScanRange } from "../backend/row-backend.ts";
import type { ScopedVersion } from "../seams.ts";
import { hotColumns, hotTableName, isScopedByUser } from "./relation.ts";

/** Table versions whose statements are kept prepared. */
const MAX_TABLES = 256;
const PAGE_ROWS = 1_000;

type Select = Statement<SqliteValue[], SqliteValue[]>;
type Put = Statement<never, SqliteValue[]>;

/** `SELECT _seq, _deleted, cells… WHERE key`. */
function selectText(schema: TableSchema): string {
  const columns = ["_seq", "_deleted", ...hotColumns(schema)].join(", ");
  const key = `c${keyColumn(schema).id}`;
  const scope = isScopedByUser(schema.kind) ? " AND _user = ?2" : "";
  return `SELECT ${columns} FROM ${hotTableName(schema)} WHERE ${key} = ?1${scope}`;
}

/** Never OR REPLACE: that would delete and insert, at half the speed. */
function putText(schema: TableSchema): string {
  const columns = ["_seq", "_user", "_deleted", ...hotColumns(schema)];
  const key = `c${keyColumn(schema).id}`;
  const target = isScopedByUser(schema.kind) ? `_user, ${key}` : key;
  const updates = columns
    .filter((name) => name !== "_user" && name !== key)
    .map((name) => `${name} = excluded.${name}`);
  const values = columns.map((_name, index) => `?${index + 1}`);
  return `INSERT INTO ${hotTableName(schema)} (${columns.join(", ")}) VALUES (${values.join(", ")})
ON CONFLICT (${target}) DO UPDATE SET ${updates.join(", ")}`;
}

/** By rowid, so that neither the key's index is searched nor a conflict looked for. */
function replaceText(schema: TableSchema): string {
  const key = `c${keyColumn(schema).id}`;
  const columns = ["_seq", "_deleted", ...hotColumns(schema)];
  const updates = columns.flatMap((name, index) => (name === key ? [] : [`${name} = ?${index + 1}`]));
  const keyPlace = columns.indexOf(key) + 1;
  const scope = isScopedByUser(schema.kind) ? ` AND _user = ?${columns.length + 2}` : "";
  return `UPDATE ${hotTableName(schema)} SET ${updates.join(", ")} WHERE _seq = ?${columns.length + 1} AND ${key} = ?${keyPlace}${scope}`;
}

export class RowStatements implements RowBackend {
  readonly #db: Database;
  // Keyed by the schema object: the catalog keeps one for each table version.
  readonly #selects = new Lru<TableSchema, Select>(MAX_TABLES, (_schema, statement) => statement.finalize());
  readonly #puts = new Lru<TableSchema, Put>(MAX_TABLES, (_schema, statement) => statement.finalize());
  readonly #replaces = new Lru<TableSchema, Put>(MAX_TABLES, (_schema, statement) => statement.finalize());
  readonly #deletes = new Lru<TableSchema, Put>(MAX_TABLES, (_schema, statement) => statement.finalize());

  constructor(db: Database) {
    this.#db = db;
  }

  get(schema: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    const keyValue = cellToSqlite(key, keyColumn(schema).type);
    const values = isScopedByUser(schema.kind) ? [keyValue, scope] : [keyValue];
    const row = this.#select(schema).values(...values)[0];
    return row === undefined ? undefined : toRowVersion(schema, row);
  }

  /** A walk down the rowids. Not kept prepared: it is read when the server starts. */
  newest(
    schema: TableSchema,
    { upTo, limit }: { readonly upTo: Seq; readonly limit: number },
  ): readonly ScopedVersion[] {
    const columns = ["_user", "_seq", "_deleted", ...hotColumns(schema)].join(", ");
    const text = `SELECT ${columns} FROM ${hotTableName(schema)} WHERE _seq <= ?1 ORDER BY _seq DESC LIMIT ?2`;
    using statement = this.#db.prepare<SqliteValue[], SqliteValue[]>(text).safeIntegers(true);
    return statement.values(upTo, limit).map((row) => toScopedVersion(schema, row));
  }

  /** Everything, a page at a time, ascending by `_seq`. Not kept prepared either. */
  *all(schema: TableSchema): Generator<ScopedVersion> {
    const columns = ["_user", "_seq", "_deleted", ...hotColumns(schema)].join(", ");
    const text = `SELECT ${columns} FROM ${hotTableName(schema)} WHERE _seq > ?1 ORDER BY _seq LIMIT ${PAGE_ROWS}`;
    using statement = this.#db.prepare<SqliteValue[], SqliteValue[]>(text).safeIntegers(true);
    for (let after = 0n; ; ) {
      const page = statement.values(after).map((row) => toScopedVersion(schema, row));
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last.version.seq;
    }
  }

  /** True when the key had no version in the buffer before. */
  put(schema: TableSchema, scope: Scope, row: RowVersion): boolean {
    const { lastInsertRowid } = this.#put(schema).run(row.seq, scope, row.deleted ? 1 : 0, ...storedCells(schema, row));
    // The DO UPDATE branch leaves the connection's last inserted rowid as it was, and a `_seq` is never used twice.
    return lastInsertRowid === row.seq;
  }

  replace(schema: TableSchema, scope: Scope, replaced: Seq, row: RowVersion): boolean {
    const owner = isScopedByUser(schema.kind) ? [scope] : [];
    const values = [row.seq, row.deleted ? 1 : 0, ...storedCells(schema, row), replaced, ...owner];
    return this.#replace(schema).run(...values).changes > 0;
  }

  delete(schema: TableSchema, scope: Scope, key: Cell): boolean {
    const keyValue = cellToSqlite(key, keyColumn(schema).type);
    const values = isScopedByUser(schema.kind) ? [keyValue, scope] : [keyValue];
    return this.#delete(schema).run(...values).changes > 0;
  }

  scan(schema: TableSchema, scope: Scope, { after, limit }: ScanRange): RowVersion[] {
    const scoped = isScopedByUser(schema.kind);
    const columns = ["_seq", "_deleted", ...hotColumns(schema)].join(", ");
    const where = `_seq > ?1${scoped ? " AND _user = ?3" : ""}`;
    using statement = this.#db
      .prepare<SqliteValue[], SqliteValue[]>(
        `SELECT ${columns} FROM ${hotTableName(schema)} WHERE ${where} ORDER BY _seq LIMIT ?2`,
      )
      .safeIntegers(true);
    const rows = statement.values(...(scoped ? [after, limit, scope] : [after, limit]));
    return rows.map((row) => toRowVersion(schema, row));
  }

  /** A savepoint of its own, inside whatever transaction is open. */
  batch<T>(work: () => T): T {
    this.#db.run("SAVEPOINT rows");
    try {
      const result = work();
      this.#db.run("RELEASE rows");
      return result;
    } catch (error) {
      // SQLite gives up the whole transaction on a full disk; then there is nothing to go back to.
      if (this.#db.inTransaction) {
        this.#db.run("ROLLBACK TO rows");
        this.#db.run("RELEASE rows");
      }
      throw error;
    }
  }

  #select(schema: TableSchema): Select {
    const cached = this.#selects.get(schema);
    if (cached !== undefined) return cached;
    const statement = this.#db.prepare<SqliteValue[], SqliteValue[]>(selectText(schema)).safeIntegers(true);
    this.#selects.set(schema, statement);
    return statement;
  }

  #delete(schema: TableSchema): Put {
    const cached = this.#deletes.get(schema);
    if (cached !== undefined) return cached;
    const scope = isScopedByUser(schema.kind) ? " AND _user = ?2" : "";
    const text = `DELETE FROM ${hotTableName(schema)} WHERE c${keyColumn(schema).id} = ?1${scope}`;
    const statement = this.#db.prepare<never, SqliteValue[]>(text);
    this.#deletes.set(schema, statement);
    return statement;
  }

  #replace(schema: TableSchema): Put {
    const cached = this.#replaces.get(schema);
    if (cached !== undefined) return cached;
    const statement = this.#db.prepare<never, SqliteValue[]>(replaceText(schema));
    this.#replaces.set(schema, statement);
    return statement;
  }

  #put(schema: TableSchema): Put {
    const cached = this.#puts.get(schema);
    if (cached !== undefined) return cached;
    // Exact `lastInsertRowid`: a `_seq` does not fit a number.
    const statement = this.#db.prepare<never, SqliteValue[]>(putText(schema)).safeIntegers(true);
    this.#puts.set(schema, statement);
    return statement;
  }
}

function storedCells(schema: TableSchema, { cells }: RowVersion): SqliteValue[] {
  assert(cells.length === schema.columns.length, "a row has a cell for every column");
  return schema.columns.map((column, index) => cellToSqlite(cells[index] ?? null, column.type));
}

function toScopedVersion(schema: TableSchema, [user, ...row]: readonly SqliteValue[]): ScopedVersion {
  assert(typeof user === "string", "_user is text");
  return {
    scope: isScopedByUser(schema.kind) ? scopeOfUser(parseUserId(user)) : SHARED_SCOPE,
    version: toRowVersion(schema, row),
  };
}

function toRowVersion(schema: TableSchema, row: readonly SqliteValue[]): RowVersion {
  const [seq, deleted, ...values] = row;
  return {
    seq: toSeq(seq),
    deleted: deleted === 1n,
    cells: schema.columns.map((column, index) => cellFromSqlite(values[index] ?? null, column.type)),
  };
}

function toSeq(value: SqliteValue | undefined): Seq {
  assert(typeof value === "bigint", "_seq is read as bigint");
  return seqOf(value);
}
