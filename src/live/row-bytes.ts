// What rows take in memory, estimated, for bounds and for `queue_bytes`.
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";

/** What a cell or a row takes beside its content. */
const CELL_BYTES = 8;

export function rowBytes({ cells }: RowVersion): number {
  let bytes = CELL_BYTES;
  for (const cell of cells) bytes += cellBytes(cell);
  return bytes;
}

function cellBytes(cell: Cell): number {
  if (typeof cell === "string") return CELL_BYTES + cell.length;
  return CELL_BYTES + (cell instanceof Uint8Array ? cell.byteLength : 0);
}
