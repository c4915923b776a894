// The storages of a data folder that no server runs on, as its data file has them.
import { Database } from "bun:sqlite";
import { decodeStorage } from "../catalog/storage-definition.ts";
import type { StorageLocations } from "../objects/routed-store.ts";
import { localFolder, locationOf, type StorageAccess } from "../objects/storage-access.ts";
import type { StorageLocation } from "../objects/storage-location.ts";

/** Throws STORAGE_ERROR when credentials of one do not open. */
export async function storedLocations(databasePath: string, access: StorageAccess): Promise<StorageLocations> {
  using db = new Database(databasePath, { readonly: true });
  using known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'storages'");
  // A file of an earlier version of the program.
  if (known.values().length === 0) return { localFolder: localFolder(access.dataDir), byId: {} };
  using statement = db.prepare<{ id: string; definition: string }, []>("SELECT id, definition FROM storages");
  const byId: Record<string, StorageLocation> = {};
  for (const { id, definition } of statement.all()) byId[id] = await locationOf(decodeStorage(id, definition), access);
  return { localFolder: localFolder(access.dataDir), byId };
}
