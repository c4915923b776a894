// Uploaded files in a copy of the data file: what a backup has to bring along, and what a restore has to make of it.
import type { Database } from "bun:sqlite";

/** Of those that rows hold. */
export function heldFiles(db: Database): { readonly path: string; readonly bytes: number }[] {
  if (!hasFiles(db)) return [];
  using files = db.prepare<{ path: string; bytes: number }, []>(
    `SELECT path, json_extract(ref, '$.size') AS bytes FROM files
     WHERE idle_since_ms IS NULL AND table_id IN (SELECT id FROM tables) ORDER BY id`,
  );
  return files.all();
}

/** In a database that was restored: everything lies in the data folder, and what no row held is not there. */
export function settleRestoredFiles(db: Database): void {
  if (!hasFiles(db)) return;
  db.run("DELETE FROM files WHERE idle_since_ms IS NOT NULL");
  db.run("UPDATE files SET path = substr(path, instr(path, '/') + 1) WHERE path LIKE '@%'");
}

/** One of an earlier version of the program has none. */
function hasFiles(db: Database): boolean {
  using known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'files'");
  return known.values().length > 0;
}
