// How the rows of one live query read on the wire: which cells of a stored row go out, under which names.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import { DELETED_COLUMN, keyColumn, type OutputColumn, SEQ_COLUMN, type TableSchema } from "../model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, type SqlType } from "../model/sql-type.ts";
import type { Frame } from "./frame.ts";
import type { Notation } from "./notation.ts";

/** A live plan is one. */
export interface RowLayout {
  readonly table: TableSchema;
  /** Positions in `table.columns`, in output order. */
  readonly projection: readonly number[];
  /** `_seq` and `_deleted` follow the projection. */
  readonly wholeRow: boolean;
  readonly output: readonly OutputColumn[];
}

/** A cell to send: where it comes from and how it is called. */
export interface Field {
  readonly name: string;
  readonly type: SqlType;
  readonly read: (row: RowVersion) => Cell;
}

export function seqField(): Field {
  return { name: SEQ_COLUMN, type: BIGINT, read: (row) => row.seq };
}

export function deletedField(): Field {
  return { name: DELETED_COLUMN, type: BOOLEAN, read: (row) => row.deleted };
}

function columnField(table: TableSchema, position: number, name: string): Field {
  const column = table.columns[position];
  if (column === undefined) throw new Error(`no column ${position} in ${table.namespace}.${table.name}`);
  // Rows written before a column was added have no cell for it.
  return { name, type: column.type, read: (row) => row.cells[position] ?? null };
}

export function projectedFields(layout: RowLayout): readonly Field[] {
  return layout.projection.map((position, index) =>
    columnField(layout.table, position, layout.output[index]?.name ?? layout.table.columns[position]?.name ?? ""),
  );
}

/** Position of the key in a projected row, or undefined when the query leaves it out. */
export function keyPosition(layout: RowLayout): number | undefined {
  const at = layout.projection.indexOf(layout.table.keyIndex);
  return at === -1 ? undefined : at;
}

export function keyField(layout: RowLayout): Field {
  const at = keyPosition(layout);
  const name = at === undefined ? undefined : layout.output[at]?.name;
  return columnField(layout.table, layout.table.keyIndex, name ?? keyColumn(layout.table).name);
}

/** A row as it leaves: the cells it had, under the position that ended it. */
export function tombstone(row: RowVersion, seq: Seq): RowVersion {
  return { seq, deleted: true, cells: row.cells };
}

export function sameCell(a: Cell, b: Cell): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return Object.is(a, b);
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}

/** Rows as maps from name to cell. */
export function rowMapEncoder<F extends Frame>(
  notation: Notation<F>,
  fields: readonly Field[],
): (row: RowVersion) => F {
  const record = notation.record(fields.map((field) => field.name));
  return (row) => record(fields.map((field) => notation.cell(field.read(row), field.type)));
}

/** As `rowMapEncoder`, but only the fields that differ from `other` and those of `always`. */
export function changedRowEncoder<F extends Frame>(
  notation: Notation<F>,
  fields: readonly Field[],
  always: readonly Field[],
): (row: RowVersion, other: RowVersion) => F {
  const kept = fields.filter((field) => !always.some((other) => other.name === field.name));
  const record = notation.record([...kept, ...always].map((field) => field.name));
  return (row, other) => {
    const changed = kept.map((field) => {
      const cell = field.read(row);
      return sameCell(cell, field.read(other)) ? undefined : notation.cell(cell, field.type);
    });
    return record([...changed, ...always.map((field) => notation.cell(field.read(row), field.type))]);
  };
}

/** Rows as arrays, in the order of the fields. */
export function rowListEncoder<F extends Frame>(
  notation: Notation<F>,
  fields: readonly Field[],
): (row: RowVersion) => F {
  return (row) => notation.list(fields.map((field) => notation.cell(field.read(row), field.type)));
}
