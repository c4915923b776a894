// Flushed rows of a scope as temporary SQLite tables of a query process: the newest version of each key over the scope's segments. A table is filled once
// for a set of segments, grows when segments are added, and is dropped when it was unused for longest and the budget is spent.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert } from "../../base/errors.ts";
import type { Scope } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";
import { readSegment } from "../../storage/cold/parquet-read.ts";
import { compareSqlite } from "../../storage/cold/sqlite-order.ts";
import { hotColumns } from "../../storage/hot/relation.ts";
import type { ObjectStore } from "../../storage/objects/object-store.ts";

/** What a read of one segment needs to know of it. */
export interface SegmentRef {
  readonly id: number;
  readonly path: string;
  readonly rows: number;
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

export interface ColdSource {
  readonly schema: TableSchema;
  readonly scope: Scope;
  readonly keys: readonly Cell[] | undefined;
}

interface ColdTable {
  readonly name: string;
  readonly segments: Set<number>;
  bytes: number;
}

export interface ColdTablesOptions {
  readonly db: DatabaseSync;
  readonly objects: ObjectStore;
  /** A scope larger than this is still loaded, alone; the process's memory limit is the hard bound. */
  readonly maxBytes: number;
}

const ROW_OVERHEAD_BYTES = 64;

export class ColdTables {
  readonly #options: ColdTablesOptions;
  /** In order of last use. */
  readonly #tables = new Map<string, ColdTable>();
  #nextName = 1;

  constructor(options: ColdTablesOptions) {
    this.#options = options;
  }

  get bytes(): number {
    let total = 0;
    for (const table of this.#tables.values()) total += table.bytes;
    return total;
  }

  /** The table that holds exactly these segments; undefined when it must be loaded first. */
  find(source: ColdSource, segments: readonly SegmentRef[]): string | undefined {
    const key = sourceKey(source);
    const table = this.#tables.get(key);
    if (table === undefined || !isSame(table.segments, segments)) return undefined;
    this.#tables.delete(key);
    this.#tables.set(key, table);
    return table.name;
  }

  /** Makes `find` answer for these segments. */
  async load(source: ColdSource, segments: readonly SegmentRef[]): Promise<void> {
    const key = sourceKey(source);
    const wanted = new Set(segments.map(({ id }) => id));
    const known = this.#tables.get(key);
    // Segments only ever go away when compaction replaced them: their rows cannot be told apart any more.
    if (known !== undefined && [...known.segments].some((id) => !wanted.has(id))) this.#drop(key);
    const table = this.#tables.get(key) ?? this.#create(key, source);
    this.#tables.delete(key);
    this.#tables.set(key, table);
    try {
      for (const segment of newestFirst(segments)) {
        if (!table.segments.has(segment.id)) await this.#add(table, source, segment);
        table.segments.add(segment.id);
      }
    } catch (error) {
      // It may hold a part of a segment.
      this.#drop(key);
      throw error;
    }
  }

  /** Drops what was unused for longest until the budget is kept, but none that a query is about to read. */
  shrink(inUse: readonly ColdSource[]): void {
    const kept = new Set(inUse.map(sourceKey));
    let bytes = this.bytes;
    for (const [key, table] of this.#tables) {
      if (bytes <= this.#options.maxBytes) return;
      if (kept.has(key)) continue;
      bytes -= table.bytes;
      this.#drop(key);
    }
  }

  /** Drops the tables of a query's key lookups: they hold a few rows and are of use once. */
  dropLookups(): void {
    for (const key of this.#tables.keys()) {
      if (key.startsWith(LOOKUP)) this.#drop(key);
    }
  }

  #create(key: string, { schema }: ColdSource): ColdTable {
    const name = `cold_${this.#nextName}`;
    this.#nextName += 1;
    const columns = schema.columns.map((column, index) => {
      const constraint = index === schema.keyIndex ? " PRIMARY KEY" : "";
      return `c${column.id} ${TYPES[column.type.kind].sqlite}${constraint}`;
    });
    const system = ["_seq INTEGER NOT NULL", "_deleted INTEGER NOT NULL"];
    this.#options.db.exec(`CREATE TEMP TABLE ${name} (${[...columns, ...system].join(", ")}) STRICT, WITHOUT ROWID`);
    const table: ColdTable = { name, segments: new Set(), bytes: 0 };
    this.#tables.set(key, table);
    return table;
  }

  async #add(table: ColdTable, source: ColdSource, segment: SegmentRef): Promise<void> {
    const { db, objects } = this.#options;
    const keys = source.keys === undefined ? undefined : keysWithin(source.schema, source.keys, segment);
    if (keys?.length === 0) return;
    const insert = db.prepare(upsertText(table.name, source.schema));
    const batches = readSegment({
      objects,
      path: segment.path,
      schema: source.schema,
      scope: source.scope,
      expectedRows: segment.rows,
      ...(keys === undefined ? {} : { keys }),
    });
    for await (const rows of batches) {
      db.exec("BEGIN");
      try {
        table.bytes += insertRows(insert, source.schema, rows);
        db.exec("COMMIT");
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    }
  }

  #drop(key: string): void {
    const table = this.#tables.get(key);
    assert(table !== undefined, "only a loaded table is dropped");
    this.#tables.delete(key);
    this.#options.db.exec(`DROP TABLE temp.${table.name}`);
  }
}

const LOOKUP = "keys ";

function sourceKey({ schema, scope, keys }: ColdSource): string {
  const scopeKey = `${schema.id} ${schema.version} ${scope}`;
  return keys === undefined ? `all ${scopeKey}` : `${LOOKUP}${scopeKey} ${keys.map(keyText).join(" ")}`;
}

/** Without spaces, so that a list of them has one meaning. */
function keyText(cell: Cell): string {
  return cell instanceof Uint8Array ? cell.toHex() : encodeURIComponent(String(cell).toWellFormed());
}

function isSame(loaded: ReadonlySet<number>, segments: readonly SegmentRef[]): boolean {
  return loaded.size === segments.length && segments.every(({ id }) => loaded.has(id));
}

/** Then most older versions meet a newer one already there and cost no rewrite. */
function newestFirst(segments: readonly SegmentRef[]): SegmentRef[] {
  return [...segments].sort((a, b) => b.id - a.id);
}

function keysWithin(schema: TableSchema, keys: readonly Cell[], segment: SegmentRef): Cell[] {
  const { type } = keyColumn(schema);
  return keys.filter((cell) => {
    if (cell === null) return false;
    const value = cellToSqlite(cell, type);
    return compareSqlite(value, segment.minKey) >= 0 && compareSqlite(value, segment.maxKey) <= 0;
  });
}

function upsertText(name: string, schema: TableSchema): string {
  const columns = [...hotColumns(schema), "_seq", "_deleted"];
  const key = `c${keyColumn(schema).id}`;
  const updates = columns.filter((column) => column !== key).map((column) => `${column} = excluded.${column}`);
  return `INSERT INTO temp.${name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
ON CONFLICT (${key}) DO UPDATE SET ${updates.join(", ")} WHERE excluded._seq > _seq`;
}

/** Bytes the rows take, roughly. */
function insertRows(insert: StatementSync, schema: TableSchema, rows: readonly RowVersion[]): number {
  let bytes = 0;
  for (const row of rows) {
    const values = schema.columns.map((column, index) => cellToSqlite(row.cells[index] ?? null, column.type));
    insert.run(...values, row.seq, row.deleted ? 1n : 0n);
    bytes += ROW_OVERHEAD_BYTES;
    for (const value of values) {
      if (typeof value === "string") bytes += value.length;
      else if (value instanceof Uint8Array) bytes += value.byteLength;
    }
  }
  return bytes;
}
