// INSERT, UPDATE and DELETE in two halves. `prepare` finds out what to write and may have to ask a query process; `apply` is synchronous, runs inside the
// writer's savepoint and checks that what was found is still so. A row that changed in between makes `apply` throw StaleRead and the statement starts again.
import { DbError } from "../base/errors.ts";
import { type Scope, type Seq, SHARED_SCOPE, scopeOfUser, type UserId } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import { type Column, keyColumn, type OutputColumn, qualifiedName, type TableSchema } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import { TYPES } from "../model/types.ts";
import type { CatalogView, RowTx, Slices } from "../storage/seams.ts";

export type WriteVerb = "Inserted" | "Updated" | "Deleted";

export interface Applied {
  readonly verb: WriteVerb;
  readonly rowCount: number;
  readonly returning:
    | { readonly output: readonly OutputColumn[]; readonly rows: readonly (readonly Cell[])[] }
    | undefined;
}

/** A statement inside the writer's transaction: each row in its turn, then what became of all. */
export interface Application {
  readonly rows: number;
  applyRow(index: number): void;
  finish(): Applied;
}

export interface PreparedWrite {
  /** As far as it is known before. */
  readonly rows: number;
  readonly begin: (tx: RowTx) => Application;
}

/** More are applied in slices, between which the loop serves everybody else. */
export const MAX_ROWS_AT_ONCE = 200;
const ROWS_PER_STEP = 16;

export function applyAll({ begin }: PreparedWrite, tx: RowTx): Applied {
  const application = begin(tx);
  for (let index = 0; index < application.rows; index += 1) application.applyRow(index);
  return application.finish();
}

export function* applyInSlices({ begin }: PreparedWrite, tx: RowTx): Slices<Applied> {
  const application = begin(tx);
  for (let index = 0; index < application.rows; index += 1) {
    application.applyRow(index);
    if (index % ROWS_PER_STEP === ROWS_PER_STEP - 1) yield;
  }
  return application.finish();
}

/** What a statement believed about flushed rows when it looked: true until the scope's set of segments changes. */
export interface ColdEvidence {
  readonly segmentsVersion: number;
  /** Live or deleted versions found in Parquet, by key text. */
  readonly versions: ReadonlyMap<string, RowVersion>;
}

/** Not an error of the caller: the statement is prepared again on fresh data. */
export class StaleRead extends Error {
  override readonly name = "StaleRead";
}

export function scopeFor(table: TableSchema, user: UserId): Scope {
  return table.kind === "shared" ? SHARED_SCOPE : scopeOfUser(user);
}

/** A key as a map key. Two cells of one type have the same text exactly when they are equal. */
export function keyText(cell: Cell): string {
  return String(cell);
}

export function keyOf(table: TableSchema, cells: readonly Cell[]): Cell {
  return cells[table.keyIndex] ?? null;
}

/** NOT NULL, column by column; the plan has brought each value to its column's type. Runs for every row of a statement before the first is written. */
export function checkRow(table: TableSchema, cells: readonly Cell[], rowNumber: number): Cell[] {
  return table.columns.map((column, index) => {
    const cell = cells[index] ?? null;
    if (cell === null && !column.nullable) throw notNull(column, rowNumber);
    return cell;
  });
}

function notNull(column: Column, rowNumber: number): DbError {
  return new DbError(
    "NOT_NULL_VIOLATION",
    `NOT NULL constraint violation: column '${column.name}' cannot be NULL (row ${rowNumber})`,
  );
}

export function duplicateKey(table: TableSchema, key: Cell): DbError {
  const column = keyColumn(table);
  const text = key === null ? "NULL" : TYPES[column.type.kind].toText(key, column.type);
  return new DbError(
    "DUPLICATE_KEY",
    `Primary key violation: value '${text}' already exists in column '${column.name}' of ${qualifiedName(table)}`,
  );
}

/** The newest version of a key: buffered if there is one, else what the evidence says of Parquet. */
export function newestVersion(
  tx: RowTx,
  target: { readonly table: TableSchema; readonly scope: Scope; readonly cold: ColdEvidence | undefined },
  key: Cell,
): RowVersion | undefined {
  const buffered = tx.get(target.table, target.scope, key);
  if (buffered !== undefined) return buffered;
  return target.cold?.versions.get(keyText(key));
}

/** The evidence must be as fresh as the transaction, or a flush in between could hide a version from both. */
export function assertFresh(
  catalog: CatalogView,
  table: TableSchema,
  scope: Scope,
  cold: ColdEvidence | undefined,
): void {
  const current = catalog.tableById(table.id);
  if (current?.version !== table.version) throw new StaleRead("the table changed");
  if (cold !== undefined && catalog.segmentsVersion(table.id, scope) !== cold.segmentsVersion) {
    throw new StaleRead("the scope was flushed");
  }
}

export function sameCells(a: readonly Cell[], b: readonly Cell[]): boolean {
  return a.every((cell, index) => sameCell(cell, b[index] ?? null));
}

export function sameCell(a: Cell, b: Cell): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** A row that a find query returned: its version, and the computed values that follow the columns. */
export interface FoundRow {
  readonly seq: Seq;
  readonly cells: readonly Cell[];
  readonly computed: readonly Cell[];
}
