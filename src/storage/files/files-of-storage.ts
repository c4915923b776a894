// Which tables have uploaded files in a storage, for whoever wants to move or drop it.
import { type TableId, tableIdOf } from "../../base/ids.ts";
import { storagePrefix } from "../objects/routed-store.ts";
import type { PointReader } from "../seams.ts";

/** Files that rows hold, counted by table. Reads all records: for statements of administrators. */
export function filesOfStorage(storageId: string, { all }: Pick<PointReader, "all">): ReadonlyMap<TableId, number> {
  const text = `SELECT table_id, count(*) FROM files
    WHERE substr(path, 1, length(?1)) = ?1 AND idle_since_ms IS NULL GROUP BY table_id`;
  const rows = all(text, [storagePrefix(storageId)]);
  return new Map(rows.map(([table, count]) => [tableIdOf(Number(table)), Number(count)]));
}

/** Paths of files that rows hold or may come to hold. */
export function heldFilesOfStorage(storageId: string, { all }: Pick<PointReader, "all">): readonly string[] {
  const text = "SELECT path FROM files WHERE substr(path, 1, length(?1)) = ?1 AND idle_since_ms IS NULL";
  return all(text, [storagePrefix(storageId)]).map(([path]) => String(path));
}
