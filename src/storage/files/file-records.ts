// What the database knows of uploaded files: which there are, and which cells of newest row versions hold them. A record is committed before its object is
// made and forgotten after its object is gone, so no object is ever unknown. States and invariants: specs/files.md.
import type { Database, Statement } from "bun:sqlite";
import { DbError } from "../../base/errors.ts";
import { parseUserId, type Scope, SHARED_SCOPE, scopeOfUser, type TableId, tableIdOf } from "../../base/ids.ts";
import { seqTimeMs } from "../../base/seq.ts";
import type { RowVersion } from "../../model/change.ts";
import { decodeFileRef, encodeFileRef, type FileRef, storedNameOf } from "../../model/file-ref.ts";
import { qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import type { ObjectKey } from "../objects/object-store.ts";

/** As the peer: no folder of a storage grows without limit. */
const FILES_PER_FOLDER = 5_000;
const FOLDERS = 9_999;

export interface FileKey {
  readonly table: TableId;
  readonly scope: Scope;
  /** Decimal digits. */
  readonly id: string;
}

export interface NewFile extends FileKey, Omit<FileRef, "id" | "sub"> {
  /** Of the scope, with the prefix of its storage. */
  readonly folder: string;
}

export interface StagedFile extends FileKey {
  readonly ref: FileRef;
  /** Where its bytes are to be put. */
  readonly path: ObjectKey;
}

export interface RemovableFile extends FileKey {
  readonly path: ObjectKey;
}

/** Of one row: the version that was the newest, and the one that is. */
export interface ReplacedVersion {
  readonly before: RowVersion | undefined;
  readonly after: RowVersion;
}

export interface ScopeStep {
  readonly table: TableId;
  readonly scope: Scope;
  /** Exclusive. */
  readonly after: bigint;
  readonly limit: number;
  readonly nowMs: number;
}

interface FileColumn {
  readonly index: number;
  readonly id: number;
}

const TEXTS = {
  lastOrdinal: "SELECT ordinal FROM files WHERE table_id = ?1 AND scope = ?2 ORDER BY id DESC LIMIT 1",
  stage:
    "INSERT INTO files (table_id, scope, id, ordinal, path, ref, idle_since_ms, removing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
  take: "UPDATE files SET idle_since_ms = NULL WHERE table_id = ?1 AND scope = ?2 AND id = ?3 AND ref = ?4 AND removing = 0",
  addUse: `INSERT INTO file_uses (table_id, scope, file_id, column_id, uses) VALUES (?1, ?2, ?3, ?4, 1)
    ON CONFLICT DO UPDATE SET uses = uses + 1`,
  endUse: "UPDATE file_uses SET uses = uses - 1 WHERE table_id = ?1 AND scope = ?2 AND file_id = ?3 AND column_id = ?4",
  forgetUse:
    "DELETE FROM file_uses WHERE table_id = ?1 AND scope = ?2 AND file_id = ?3 AND column_id = ?4 AND uses <= ?5",
  release: `UPDATE files SET idle_since_ms = ?4 WHERE table_id = ?1 AND scope = ?2 AND id = ?3 AND idle_since_ms IS NULL
    AND NOT EXISTS (SELECT 1 FROM file_uses WHERE table_id = ?1 AND scope = ?2 AND file_id = ?3)`,
  lastOfStep: `SELECT CAST(max(id) AS TEXT) FROM
    (SELECT id FROM files WHERE table_id = ?1 AND scope = ?2 AND id > ?3 ORDER BY id LIMIT ?4)`,
  forgetStepUses: "DELETE FROM file_uses WHERE table_id = ?1 AND scope = ?2 AND file_id > ?3 AND file_id <= ?4",
  releaseStep: `UPDATE files SET idle_since_ms = ?5
    WHERE table_id = ?1 AND scope = ?2 AND id > ?3 AND id <= ?4 AND idle_since_ms IS NULL`,
  nextTable: "SELECT table_id FROM files WHERE table_id > ?1 ORDER BY table_id LIMIT 1",
  filesOfTable:
    "SELECT table_id, scope, CAST(id AS TEXT), path FROM files WHERE table_id = ?1 AND idle_since_ms IS NULL LIMIT ?2",
  forgetFileUses: "DELETE FROM file_uses WHERE table_id = ?1 AND scope = ?2 AND file_id = ?3",
  nextColumn: `SELECT table_id, column_id FROM file_uses WHERE (table_id, column_id) > (?1, ?2)
    ORDER BY table_id, column_id LIMIT 1`,
  usesOfColumn: `SELECT table_id, scope, CAST(file_id AS TEXT), '' FROM file_uses
    WHERE table_id = ?1 AND column_id = ?2 LIMIT ?3`,
  idle: `SELECT table_id, scope, CAST(id AS TEXT), path FROM files WHERE idle_since_ms IS NOT NULL AND idle_since_ms <= ?1
    ORDER BY idle_since_ms LIMIT ?2`,
  unused: "SELECT path FROM files WHERE table_id = ?1 AND scope = ?2 AND id = ?3 AND idle_since_ms IS NOT NULL",
  startRemoving: "UPDATE files SET removing = 1 WHERE table_id = ?1 AND scope = ?2 AND id = ?3",
  postpone: "UPDATE files SET idle_since_ms = ?4 WHERE table_id = ?1 AND scope = ?2 AND id = ?3",
  forget: "DELETE FROM files WHERE table_id = ?1 AND scope = ?2 AND id = ?3 AND removing = 1",
} as const;

type StatementName = keyof typeof TEXTS;

/** Which tables and columns there are. */
export interface KnownColumns {
  tableById(id: TableId): TableSchema | undefined;
}

/** Inside whatever transaction the writer has open. */
export class FileRecords {
  readonly #db: Database;
  readonly #statements = new Map<StatementName, Statement<SqliteValue[], SqliteValue[]>>();
  readonly #fileColumns = new WeakMap<TableSchema, readonly FileColumn[]>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** No row holds it yet: without one it is removed when the grace is over. */
  stage({ folder, table, scope, id, ...description }: NewFile, nowMs: number): StagedFile {
    const last = this.#all("lastOrdinal", [table, scope])[0]?.[0];
    const ordinal = last === undefined ? 0 : Number(last) + 1;
    const number = (Math.floor(ordinal / FILES_PER_FOLDER) % FOLDERS) + 1;
    const ref: FileRef = { id, sub: `f${String(number).padStart(4, "0")}`, ...description };
    const path = `${folder}/${ref.sub}/${storedNameOf(ref)}`;
    this.#run("stage", [table, scope, BigInt(id), ordinal, path, encodeFileRef(ref), nowMs]);
    return { table, scope, id, ref, path };
  }

  /** With every version of a row. Throws INVALID_VALUE for a reference to what is no file of the table and scope. */
  replace(table: TableSchema, scope: Scope, { before, after }: ReplacedVersion): void {
    for (const { index, id: column } of this.#columnsOf(table)) {
      const [old, now] = [cellOf(before, index), cellOf(after, index)];
      if (old === now) continue;
      const nowMs = seqTimeMs(after.seq);
      if (now !== null) this.#use(table, scope, { column, ref: String(now) });
      if (old !== null) this.#endUse([table.id, scope, BigInt(decodeFileRef(String(old)).id)], { column, nowMs });
    }
  }

  /**
   * Of a scope whose rows go in the same transaction, by id: lets go of the next `limit` files, as a delete of their rows does. Returns the last of them; undefined:
   * there are no more.
   */
  releaseSome({ table, scope, after, limit, nowMs }: ScopeStep): bigint | undefined {
    const last = this.#all("lastOfStep", [table, scope, after, limit])[0]?.[0];
    if (last === undefined || last === null) return undefined;
    const upTo = BigInt(String(last));
    this.#run("forgetStepUses", [table, scope, after, upTo]);
    this.#run("releaseStep", [table, scope, after, upTo, nowMs]);
    return upTo;
  }

  /** Lets go of what tables and columns held that were dropped, some at a time. Returns how many uses and files. */
  releaseLost(known: KnownColumns, limit: number, nowMs: number): number {
    return this.#releaseTables(known, limit) + this.#releaseColumns(known, limit, nowMs);
  }

  /** Idle since before, the longest first. From here on no row can take them. */
  takeRemovable(limit: number, idleBeforeMs: number): readonly RemovableFile[] {
    const found = this.#all("idle", [idleBeforeMs, limit]).map(toRemovable);
    for (const key of found) this.#run("startRemoving", valuesOf(key));
    return found;
  }

  /** Of these, the ones that no row holds. */
  takeUnused(keys: readonly FileKey[]): readonly RemovableFile[] {
    return keys.flatMap((key) => {
      const path = this.#all("unused", valuesOf(key))[0]?.[0];
      if (path === undefined) return [];
      this.#run("startRemoving", valuesOf(key));
      return [{ ...key, path: String(path) }];
    });
  }

  /** Their objects are gone. */
  forget(keys: readonly FileKey[]): void {
    for (const key of keys) this.#run("forget", valuesOf(key));
  }

  /** Their storage did not remove them: others come first. */
  postpone(keys: readonly FileKey[], nowMs: number): void {
    for (const key of keys) this.#run("postpone", [...valuesOf(key), nowMs]);
  }

  #releaseTables(known: KnownColumns, limit: number): number {
    let last: readonly SqliteValue[] | undefined = [0];
    for (;;) {
      last = this.#all("nextTable", last)[0];
      if (last === undefined) return 0;
      const [table = 0] = last;
      if (known.tableById(tableIdOf(Number(table))) !== undefined) continue;
      const files = this.#all("filesOfTable", [table, limit]).map(toRemovable);
      for (const key of files) {
        this.#run("forgetFileUses", valuesOf(key));
        this.#run("release", [...valuesOf(key), 0]);
      }
      if (files.length > 0) return files.length;
    }
  }

  #releaseColumns(known: KnownColumns, limit: number, nowMs: number): number {
    let last: readonly SqliteValue[] | undefined = [0, 0];
    for (;;) {
      last = this.#all("nextColumn", last)[0];
      if (last === undefined) return 0;
      const [table = 0, column = 0] = last;
      const schema = known.tableById(tableIdOf(Number(table)));
      if (schema === undefined || schema.columns.some(({ id }) => id === Number(column))) continue;
      const uses = this.#all("usesOfColumn", [table, column, limit]).map(toRemovable);
      for (const key of uses) {
        this.#run("forgetUse", [...valuesOf(key), column, Number.MAX_SAFE_INTEGER]);
        this.#run("release", [...valuesOf(key), nowMs]);
      }
      return uses.length;
    }
  }

  #use(table: TableSchema, scope: Scope, { column, ref }: { readonly column: number; readonly ref: string }): void {
    const file = BigInt(decodeFileRef(ref).id);
    // One of another user reads like one that there never was.
    if (this.#run("take", [table.id, scope, file, ref]) === 0) throw unknownFile(table, ref);
    this.#run("addUse", [table.id, scope, file, column]);
  }

  #endUse(key: readonly SqliteValue[], { column, nowMs }: { readonly column: number; readonly nowMs: number }): void {
    this.#run("endUse", [...key, column]);
    this.#run("forgetUse", [...key, column, 0]);
    this.#run("release", [...key, nowMs]);
  }

  #columnsOf(table: TableSchema): readonly FileColumn[] {
    const known = this.#fileColumns.get(table);
    if (known !== undefined) return known;
    const columns = table.columns.flatMap(({ id, type }, index) => (type.kind === "file" ? [{ id, index }] : []));
    this.#fileColumns.set(table, columns);
    return columns;
  }

  #all(name: StatementName, values: readonly SqliteValue[]): SqliteValue[][] {
    return this.#statement(name)
      .values(...values)
      .map((row) => row);
  }

  /** Rows changed. */
  #run(name: StatementName, values: readonly SqliteValue[]): number {
    return this.#statement(name).run(...values).changes;
  }

  #statement(name: StatementName): Statement<SqliteValue[], SqliteValue[]> {
    return this.#statements.getOrInsertComputed(name, () => this.#db.prepare(TEXTS[name]));
  }
}

/** A deleted row holds nothing. */
function cellOf(version: RowVersion | undefined, index: number): Cell {
  return version === undefined || version.deleted ? null : (version.cells[index] ?? null);
}

function valuesOf({ table, scope, id }: FileKey): SqliteValue[] {
  return [table, scope, BigInt(id)];
}

function toRemovable([table = 0, scope = "", id = "", path = ""]: SqliteValue[]): RemovableFile {
  return {
    table: tableIdOf(Number(table)),
    scope: scope === "" ? SHARED_SCOPE : scopeOfUser(parseUserId(String(scope))),
    id: String(id),
    path: String(path),
  };
}

function unknownFile(table: TableSchema, ref: string): DbError {
  const { id } = decodeFileRef(ref);
  return new DbError("INVALID_VALUE", `file ${id} is not a file of ${qualifiedName(table)} of this user`, {
    hint: "A file belongs to the table it was uploaded into, and in USER tables to the user. Upload it again.",
  });
}
