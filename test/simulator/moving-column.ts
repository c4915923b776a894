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

/** Whether the version of that origin can be shown so. */
export function mayShow(shown: MovingCell, origin: Origin, { upTo, since = origin.from }: Showing): boolean {
  for (let alters = upTo; alters >= origin.from; alters -= 1) {
    if (nameAfter(alters) === shown.name && cellsAfter(origin, alters).some((cell) => isSame(cell, shown))) return true;
  }
  for (let alters = since; alters < origin.from; alters += 1) {
    if (nameAfter(alters) === shown.name && mayShowEarlier(shown, origin, alters)) return true;
  }
  return false;
}

/** In a layout older than the version: its value, unless that is another column's; then nobody knows of any. */
function mayShowEarlier(shown: MovingCell, { from, to, cell }: Origin, alters: number): boolean {
  const isSameColumn =
    cell.name !== undefined && columnAfter(from) === columnAfter(alters) && columnAfter(to) === columnAfter(from);
  return !isSameColumn || isSame(shown, cellOf(alters, Number(cell.text?.split(" ")[1])));
}

/** Whether a row that was inserted can have come to be so. */
export function mayBegin({ from, to, cell }: Origin): boolean {
  for (let alters = from; alters <= to; alters += 1) {
    if (isSame(cellOf(alters, defaultAfter(alters)), cell)) return true;
  }
  return false;
}

/** What a version shows after so many ALTERs, for each number of them that may have been made when it was written. */
function cellsAfter({ from, to, cell }: Origin, alters: number): readonly MovingCell[] {
  const cells: MovingCell[] = [];
  for (let at = from; at <= Math.min(to, alters); at += 1) {
    if (nameAfter(at) !== cell.name) continue;
    const isKept = cell.name !== undefined && columnAfter(at) === columnAfter(alters);
    const value = isKept ? Number(cell.text?.split(" ")[1]) : firstDefault(columnAfter(alters));
    cells.push(cellOf(alters, value));
  }
  return cells;
}
