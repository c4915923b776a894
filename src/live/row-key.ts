// A row's key as the key of a map.
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";

export function rowKey(version: RowVersion, keyIndex: number): Exclude<Cell, Uint8Array> {
  const cell = version.cells[keyIndex] ?? null;
  // Bytes are the one kind of cell that a map would compare by identity. No column mixes them with text.
  return cell instanceof Uint8Array ? cell.toHex() : cell;
}
