// The rows of STREAM tables, in memory: the newest version of each key, by table and user, in `_seq` order. As with the catalog there are two of these, the
// committed one everybody reads and the writer's own; both change by the same operations, and each operation's inverse undoes it.
import type { Scope, Seq, TableId } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { type TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";

export interface StoredRow {
  readonly version: RowVersion;
  /** The version of the table it was written under. */
  readonly table: TableSchema;
  readonly bytes: number;
}

export type StreamChange =
  /** `row` undefined: it is forgotten. `floor` undefined: as it was. */
  | {
      readonly kind: "row";
      readonly table: TableId;
      readonly scope: Scope;
      readonly key: string;
      readonly row: StoredRow | undefined;
      readonly floor: Seq | undefined;
    }
  | { readonly kind: "floor"; readonly table: TableId; readonly floor: Seq }
  | { readonly kind: "table"; readonly table: TableId; readonly rows: StreamTable | undefined };

interface Partition {
  /** In `_seq` order: a key that is written again moves to the end. */
  rows: Map<string, StoredRow>;
  bytes: number;
  newest: Seq | undefined;
}

export interface StreamTable {
  readonly partitions: Map<Scope, Partition>;
  rows: number;
  bytes: number;
  /** Below it, ends of rows may have been forgotten: a cursor there means nothing. */
  floor: Seq;
}

export class StreamRows {
  readonly #tables = new Map<TableId, StreamTable>();
  readonly #start: Seq;
  #bytes = 0;

  /** `start`: nothing written before is known any more. */
  constructor(start: Seq) {
    this.#start = start;
  }

  /** Of all tables. */
  get bytes(): number {
    return this.#bytes;
  }

  rowCount(table: TableId): number {
    return this.#tables.get(table)?.rows ?? 0;
  }

  floor(table: TableId): Seq {
    return this.#tables.get(table)?.floor ?? this.#start;
  }

  get(table: TableId, scope: Scope, key: string): StoredRow | undefined {
    return this.#partition(table, scope)?.rows.get(key);
  }

  /** By ascending `_seq`, tombstones included. */
  *all(table: TableId, scope: Scope): Iterable<readonly [string, StoredRow]> {
    yield* this.#partition(table, scope)?.rows ?? [];
  }

  size(table: TableId, scope: Scope): { readonly rows: number; readonly bytes: number } {
    const partition = this.#partition(table, scope);
    return { rows: partition?.rows.size ?? 0, bytes: partition?.bytes ?? 0 };
  }

  /** Returns the change that undoes this one. */
  apply(change: StreamChange): StreamChange {
    if (change.kind === "row") return this.#applyRow(change);
    if (change.kind === "floor") return this.#applyFloor(change);
    const before = this.#tables.get(change.table);
    this.#bytes += (change.rows?.bytes ?? 0) - (before?.bytes ?? 0);
    if (change.rows === undefined) this.#tables.delete(change.table);
    else this.#tables.set(change.table, change.rows);
    return { ...change, rows: before };
  }

  #applyRow(change: Extract<StreamChange, { kind: "row" }>): StreamChange {
    const table = this.#table(change.table);
    const partition = table.partitions.get(change.scope) ?? { rows: new Map(), bytes: 0, newest: undefined };
    const before = partition.rows.get(change.key);
    const undo = { ...change, row: before, floor: table.floor };
    partition.rows.delete(change.key);
    if (change.row !== undefined) append(partition, change.key, change.row);
    const bytes = (change.row?.bytes ?? 0) - (before?.bytes ?? 0);
    partition.bytes += bytes;
    table.bytes += bytes;
    this.#bytes += bytes;
    table.rows += (change.row === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    table.floor = change.floor ?? table.floor;
    if (partition.rows.size === 0) table.partitions.delete(change.scope);
    else table.partitions.set(change.scope, partition);
    return undo;
  }

  #applyFloor({ table: id, floor }: Extract<StreamChange, { kind: "floor" }>): StreamChange {
    const table = this.#table(id);
    const undo: StreamChange = { kind: "floor", table: id, floor: table.floor };
    table.floor = floor;
    return undo;
  }

  #table(id: TableId): StreamTable {
    const known = this.#tables.get(id);
    if (known !== undefined) return known;
    const table: StreamTable = { partitions: new Map(), rows: 0, bytes: 0, floor: this.#start };
    this.#tables.set(id, table);
    return table;
  }

  #partition(table: TableId, scope: Scope): Partition | undefined {
    return this.#tables.get(table)?.partitions.get(scope);
  }
}

function append(partition: Partition, key: string, row: StoredRow): void {
  partition.rows.set(key, row);
  const { seq } = row.version;
  if (partition.newest === undefined || seq > partition.newest) {
    partition.newest = seq;
    return;
  }
  // Only an undo puts back what is older than the rest.
  partition.rows = new Map([...partition.rows].sort(([, a], [, b]) => (a.version.seq < b.version.seq ? -1 : 1)));
}

/** The version in the layout of the table as it is now. */
export function versionFor(table: TableSchema, { version, table: written }: StoredRow): RowVersion {
  if (written.version === table.version) return version;
  const cells = table.columns.map((column): Cell => {
    const position = written.columns.findIndex(({ id }) => id === column.id);
    const old = written.columns[position];
    if (old === undefined) return column.initial ?? null;
    const cell = version.cells[position] ?? null;
    if (cell === null || old.type.kind === column.type.kind) return cell;
    return TYPES[column.type.kind].parse(TYPES[old.type.kind].toText(cell, old.type), column.type);
  });
  return { ...version, cells };
}

const ROW_OVERHEAD_BYTES = 200;
const CELL_BYTES = 16;

/** Roughly what a row takes in memory. */
export function sizeOfRow(cells: readonly Cell[]): number {
  let bytes = ROW_OVERHEAD_BYTES;
  for (const cell of cells) {
    bytes += CELL_BYTES;
    if (typeof cell === "string") bytes += 2 * cell.length;
    else if (cell instanceof Uint8Array) bytes += cell.byteLength;
  }
  return bytes;
}
