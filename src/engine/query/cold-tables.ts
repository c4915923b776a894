// Flushed rows of a scope as temporary SQLite tables of a query process: the newest version of each key over the scope's segments, cut down to what a query
// can need. A table is true for one set of segments; the one unused for longest is dropped when the budget is spent.
import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/errors.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { ColumnCondition } from "../../storage/cold/column-condition.ts";
import { valueReader } from "../../storage/cold/column-vector.ts";
import { lookUpKeys } from "../../storage/cold/key-lookup.ts";
import { type GroupedRows, groupScope, type ScopeGroups } from "../../storage/cold/scope-groups.ts";
import { planScan, type ScanOutcome, scanScope } from "../../storage/cold/scope-scan.ts";
import { summarizeScope } from "../../storage/cold/scope-summary.ts";
import { type ScopeTarget, SegmentCache, type SegmentRef, typeAt } from "../../storage/cold/segment-cache.ts";
import type { TopOrder } from "../../storage/cold/top-cut.ts";
import type { ObjectSource } from "../../storage/objects/object-store.ts";
import type { ColdCacheCounts } from "./messages.ts";
import { RowInsert } from "./row-insert.ts";
import { valueJson } from "./value-json.ts";

export interface ColdSource extends ScopeTarget {
  /** The only columns it can need, by place; undefined: any. */
  readonly places: readonly number[] | undefined;
  readonly conditions: readonly ColumnCondition[];
  readonly includeDeleted: boolean;
  readonly top: TopOrder | undefined;
}

/** A loaded table, as a query's text uses it. */
export interface ColdTable {
  readonly name: string;
  readonly outcome: ScanOutcome;
}

/** Rows as a JSON array of arrays. */
export interface LookedUp {
  readonly rowsJson: string;
  readonly places: readonly number[];
  readonly outcome: ScanOutcome;
}

export interface SummarizedRows extends GroupedRows {
  readonly by: "metadata" | "columns";
}

interface Entry extends ColdTable {
  readonly target: string;
  readonly segments: string;
  readonly places: readonly number[];
  /** Every row of the scope is in it. */
  readonly isWhole: boolean;
  readonly topRows: number;
  readonly bytes: number;
}

export interface ColdTablesOptions {
  readonly db: DatabaseSync;
  readonly objects: ObjectSource;
  /** For tables and for decoded columns, half each. A scope larger than this is still loaded, alone; the process's memory limit is the hard bound. */
  readonly maxBytes: number;
}

export class ColdTables {
  readonly #db: DatabaseSync;
  readonly #maxTableBytes: number;
  readonly #cache: SegmentCache;
  /** In order of last use. */
  readonly #tables = new Map<string, Entry>();
  #nextName = 1;

  constructor({ db, objects, maxBytes }: ColdTablesOptions) {
    this.#db = db;
    this.#maxTableBytes = maxBytes / 2;
    this.#cache = new SegmentCache({ objects, maxBytes: maxBytes / 2 });
  }

  /** A table that holds what the query can need of these segments; undefined when it must be loaded first. */
  find(source: ColdSource, segments: readonly SegmentRef[]): ColdTable | undefined {
    if (this.#tables.size === 0) return undefined;
    const wanted = storedPlaces(source);
    for (const key of [wholeKey(source), sourceKey(source)]) {
      const table = this.#tables.get(key);
      if (table?.segments !== segmentsText(segments) || !covers(table, wanted)) continue;
      if (source.top !== undefined && !table.outcome.isWhole && table.topRows < source.top.rows) continue;
      this.#tables.delete(key);
      this.#tables.set(key, table);
      return table;
    }
    return undefined;
  }

  /** What `load` would have to read, by statistics alone. */
  plan(source: ColdSource, segments: readonly SegmentRef[]): Promise<ScanOutcome> {
    return planScan({ ...source, segments, places: [] }, this.#cache);
  }

  /** Makes `find` answer for these segments. */
  async load(source: ColdSource, segments: readonly SegmentRef[]): Promise<void> {
    const key = sourceKey(source);
    const target = targetKey(source);
    const current = segmentsText(segments);
    const replaced = this.#tables.get(key);
    for (const [known, table] of this.#tables) {
      // Nobody asks for a set of segments again that is no more.
      if (known === key || (table.target === target && table.segments !== current)) this.#drop(known);
    }
    const isWhole = key === wholeKey(source);
    // Queries of one table name now these columns, now those: a table of both serves all of them.
    const extra = isWhole && replaced?.segments === current ? replaced.places : [];
    const places = [...new Set([...storedPlaces(source), ...extra])].sort((a, b) => a - b);
    const name = this.#create(source.schema, places);
    try {
      const insert = new RowInsert(this.#db, name, places.length);
      const outcome = await this.#scan({ ...source, segments, places }, insert);
      const topRows = source.top?.rows ?? 0;
      this.#tables.set(key, {
        name,
        outcome,
        target,
        segments: current,
        places,
        isWhole,
        topRows,
        bytes: insert.bytes,
      });
    } catch (error) {
      this.#db.exec(`DROP TABLE temp.${name}`);
      throw error;
    }
  }

  /** Of metadata when that is exact, otherwise of decoded columns. Undefined when neither is. */
  async summarize(query: ScopeGroups): Promise<SummarizedRows | undefined> {
    const known = await this.summarizeMetadata(query);
    if (known !== undefined) return known;
    const grouped = await groupScope(query, this.#cache);
    return grouped === undefined ? undefined : { by: "columns", ...grouped };
  }

  async summarizeMetadata(query: ScopeGroups): Promise<SummarizedRows | undefined> {
    const { groups, conditions, hiddenKeys = [], segments } = query;
    if (groups.length + conditions.length + hiddenKeys.length > 0) return undefined;
    const summary = await summarizeScope(query, this.#cache);
    if (summary === undefined) return undefined;
    const { rows, rowGroups } = summary;
    const outcome = { segments: segments.length, segmentsRead: 0, rowGroups, rowGroupsRead: 0, rows: 0, isWhole: true };
    return { by: "metadata", rows, outcome };
  }

  /** Drops what was unused for longest until the budget is kept, but none that a query is about to read. */
  shrink(inUse: readonly ColdSource[]): void {
    if (this.#tables.size === 0) return;
    const kept = new Set(inUse.flatMap((source) => [sourceKey(source), wholeKey(source)]));
    let bytes = 0;
    let parts = 0;
    for (const table of this.#tables.values()) {
      bytes += table.bytes;
      if (!table.isWhole) parts += 1;
    }
    for (const [key, table] of this.#tables) {
      const isExcess = bytes > this.#maxTableBytes || (parts > MAX_PARTS && !table.isWhole);
      if (kept.has(key) || !isExcess) continue;
      bytes -= table.bytes;
      if (!table.isWhole) parts -= 1;
      this.#drop(key);
    }
  }

  /** The rows of the only keys that the query can need. They are of use once, so no table is made of them. */
  async lookUp(source: ColdSource, keys: readonly Cell[], segments: readonly SegmentRef[]): Promise<LookedUp> {
    const places = storedPlaces(source);
    const { rows, outcome } = await lookUpKeys({ ...source, keys, segments, places }, this.#cache);
    return { rowsJson: `[${rows.map((row) => `[${row.map(valueJson).join(",")}]`).join(",")}]`, places, outcome };
  }

  get counts(): ColdCacheCounts {
    return { columns: this.#cache.size, tables: this.#tables.size };
  }

  forgetColumns(): void {
    this.#cache.clear();
  }

  dropAll(): void {
    for (const key of this.#tables.keys()) this.#drop(key);
  }

  #newName(): string {
    const name = `cold_${this.#nextName}`;
    this.#nextName += 1;
    return name;
  }

  #create(schema: TableSchema, places: readonly number[]): string {
    const name = this.#newName();
    const columns = places.map((place) => {
      const type = TYPES[typeAt(schema, place).kind].sqlite;
      // Rows come in the order of an integer key, mostly, so that this costs nothing and a join by key is a search.
      const isRowid = place === schema.keyIndex && type === "INTEGER";
      return `${placeName(schema, place)} ${type}${isRowid ? " PRIMARY KEY" : ""}`;
    });
    this.#db.exec(`CREATE TEMP TABLE ${name} (${columns.join(", ")}) STRICT`);
    return name;
  }

  async #scan(scan: Parameters<typeof scanScope>[0], insert: RowInsert): Promise<ScanOutcome> {
    const outcome = await scanScope(scan, this.#cache, ({ vectors, positions }) =>
      this.#inTransaction(() => {
        const readers = vectors.map(valueReader);
        for (const at of positions) for (const valueOf of readers) insert.value(valueOf(at));
      }),
    );
    insert.flush();
    return outcome;
  }

  #inTransaction(work: () => void): void {
    this.#db.exec("BEGIN");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #drop(key: string): void {
    const table = this.#tables.get(key);
    assert(table !== undefined, "only a loaded table is dropped");
    this.#tables.delete(key);
    this.#db.exec(`DROP TABLE temp.${table.name}`);
  }
}

/** Tables of some rows of a scope, of one process: each costs SQLite some pages and a line of its schema, and few are asked for again. */
const MAX_PARTS = 64;

/** SQLite's name of a column by its place. */
export function placeName(schema: TableSchema, place: number): string {
  const column = schema.columns[place];
  return column === undefined ? (place === schema.columns.length ? "_seq" : "_deleted") : `c${column.id}`;
}

/** Always with the key, by which buffered rows hide flushed ones. Without tombstones `_deleted` says nothing. */
function storedPlaces({ schema, places, includeDeleted }: ColdSource): readonly number[] {
  const deletedPlace = schema.columns.length + 1;
  const all = places ?? Array.from({ length: deletedPlace + 1 }, (_unused, place) => place);
  const stored = [...new Set([...all, schema.keyIndex])].filter((place) => place !== deletedPlace);
  return includeDeleted ? [...stored, deletedPlace] : stored;
}

function covers(table: Entry, places: readonly number[]): boolean {
  return places.every((place) => table.places.includes(place));
}

function targetKey({ schema, scope }: ScopeTarget): string {
  return `${schema.id} ${schema.version} ${encodeURIComponent(scope)}`;
}

function wholeKey(source: ColdSource): string {
  return `all ${targetKey(source)} ${source.includeDeleted}`;
}

function sourceKey(source: ColdSource): string {
  const { conditions, top } = source;
  if (conditions.length === 0 && top === undefined) return wholeKey(source);
  const { rows: _rows, ...order } = top ?? { rows: 0 };
  const parts = [conditions.map(conditionText), JSON.stringify(order), storedPlaces(source).join(",")];
  return `some ${targetKey(source)} ${source.includeDeleted} ${parts.flat().join(" ")}`;
}

function conditionText(condition: ColumnCondition): string {
  const values =
    condition.kind === "in" ? condition.values : condition.kind === "compare" ? [condition.op, condition.value] : [];
  return [condition.place, condition.kind, "negated" in condition && condition.negated, ...values.map(valueText)].join(
    ",",
  );
}

function valueText(value: SqliteValue): string {
  return `${typeof value}:${keyText(value)}`;
}

/** Without spaces and commas, so that a list of them has one meaning. */
function keyText(cell: Cell): string {
  return cell instanceof Uint8Array ? cell.toHex() : encodeURIComponent(String(cell).toWellFormed());
}

function segmentsText(segments: readonly SegmentRef[]): string {
  return segments.map(({ id }) => id).join(" ");
}
