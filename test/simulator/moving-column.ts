// The column that comes and goes in the tables that are altered: what it is called, of which type it is and what rows hold in it, after each ALTER. No
// statement gives it a value; it has the default that held when its row was inserted, or the one it was added with.
import type { MovingColumn } from "./step.ts";

/** Of a row as somebody was shown it; neither when it has no such column. The form tells the type: an INT is a JSON number, a BIGINT is not. */
export interface MovingCell {
  readonly name: MovingColumn | undefined;
  readonly text: string | undefined;
}

/** What a row version has in it: some one of these many ALTERs had been made when it was written. */
export interface Origin {
  readonly from: number;
  readonly to: number;
  readonly cell: MovingCell;
}

/** How often a table has been altered: for certain, and at the most. */
export interface Alters {
  made(table: string): number;
  sent(table: string): number;
}

/** Called otherwise, gone, and back in another place: again and again. */
const PHASES = ["extra", "more", undefined] as const;

export function nameAfter(alters: number): MovingColumn | undefined {
  return PHASES[alters % PHASES.length];
}

/** The statement that makes it what it is after one more. */
export function alterSql(alters: number): string {
  const next = alters + 1;
  switch (nameAfter(next)) {
    case "more":
      return `RENAME COLUMN extra TO more, ALTER COLUMN more TYPE BIGINT, ALTER COLUMN more SET DEFAULT ${defaultAfter(next)}`;
    case "extra":
      return `ADD COLUMN extra INT DEFAULT ${defaultAfter(next)}`;
    default:
      return "DROP COLUMN more";
  }
}

/** Every column that is added is another one. */
function columnAfter(alters: number): number {
  return Math.floor(alters / PHASES.length);
}

/** What a row gets that is inserted then. */
function defaultAfter(alters: number): number {
  const column = columnAfter(alters);
  return nameAfter(alters) === "more" ? 100 + column : firstDefault(column);
}

/** What a row has that was there before. */
function firstDefault(column: number): number {
  return column === 0 ? 0 : 7 + column;
}

function cellOf(alters: number, value: number): MovingCell {
  const name = nameAfter(alters);
  if (name === undefined) return { name, text: undefined };
  return { name, text: `${name === "extra" ? "INT" : "BIGINT"} ${value}` };
}

export function movingCell(row: Readonly<Record<string, unknown>>): MovingCell {
  const name = "extra" in row ? "extra" : "more" in row ? "more" : undefined;
  if (name === undefined) return { name, text: undefined };
  const cell = row[name];
  return { name, text: `${typeof cell === "number" ? "INT" : "BIGINT"} ${String(cell)}` };
}

function isSame(a: MovingCell, b: MovingCell): boolean {
  return a.name === b.name && a.text === b.text;
}

/** `upTo`: so many ALTERs have been made at the most. `since`: the reader may be served in a layout as old as this, while it loads. */
export interface Showing {
  readonly upTo: number;
  readonly since?: number | undefined;
}

/** Whether the version of that origin can be shown so: in a layout it was written in or a later one. Whoever loads may be shown it without the column, in the layout it began with. */
export function mayShow(shown: MovingCell, origin: Origin, { upTo, since }: Showing): boolean {
  for (let alters = upTo; alters >= Math.min(since ?? upTo, origin.from); alters -= 1) {
    if (nameAfter(alters) !== shown.name) continue;
    if (shown.name === undefined && since !== undefined && alters >= since) return true;
    for (const written of writtenAfter(origin)) {
      if (alters >= written && isSame(shown, cellAfter(written, origin.cell, alters))) return true;
    }
  }
  return false;
}

/** The numbers of ALTERs after which a row of that cell can have been written. */
function writtenAfter({ from, to, cell }: Origin): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((at) => nameAfter(at) === cell.name);
}

/** What a version shows after so many ALTERs. */
function cellAfter(written: number, cell: MovingCell, alters: number): MovingCell {
  const isKept = cell.name !== undefined && columnAfter(written) === columnAfter(alters);
  return cellOf(alters, isKept ? valueOf(cell) : firstDefault(columnAfter(alters)));
}

function valueOf({ text }: MovingCell): number {
  return Number(text?.split(" ")[1]);
}

/** Whether a row that was inserted can have come to be so. */
export function mayBegin({ from, to, cell }: Origin): boolean {
  for (let alters = from; alters <= to; alters += 1) {
    if (isSame(cellOf(alters, defaultAfter(alters)), cell)) return true;
  }
  return false;
}
