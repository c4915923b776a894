// Where the files of a scope are to be written.
import { type Scope, SHARED_SCOPE } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import { DEFAULT_SHARED_TEMPLATE, DEFAULT_USER_TEMPLATE, LOCAL_STORAGE, type Storage } from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import { folderOf } from "../objects/path-template.ts";
import { type StorageLocations, storagePrefix } from "../objects/routed-store.ts";

export interface Places {
  /** With the prefix of its storage. Files that lie elsewhere stay where they are. */
  folderOf(schema: TableSchema, scope: Scope): string;
  /** Resolves when files may be written to a folder's storage: what a crash left there has been looked for. */
  ready(folder: string): Promise<void>;
  locations(): Promise<StorageLocations>;
}

/** Everything in one folder of this machine. */
export function localPlaces(storageDir: string): Places {
  return {
    folderOf: defaultFolder,
    ready: () => Promise.resolve(),
    locations: () => Promise.resolve({ localFolder: storageDir, byId: {} }),
  };
}

function defaultFolder(schema: TableSchema, scope: Scope): string {
  return folderOf(scope === SHARED_SCOPE ? DEFAULT_SHARED_TEMPLATE : DEFAULT_USER_TEMPLATE, schema, scope);
}

export interface PlaceCatalog {
  storage(id: string): Storage | undefined;
  user(id: string): Pick<User, "storageId" | "storageMode"> | undefined;
}

/** A user's own storage is used for tables that allow it, by users who are set to it. */
export function storageIdOf(schema: TableSchema, scope: Scope, catalog: PlaceCatalog): string {
  const { storageId, useUserStorage = false } = schema.options;
  if (!useUserStorage || scope === SHARED_SCOPE) return storageId;
  const user = catalog.user(scope);
  if (user?.storageMode !== "region" || user.storageId === undefined) return storageId;
  return catalog.storage(user.storageId) === undefined ? storageId : user.storageId;
}

export function placeOf(schema: TableSchema, scope: Scope, catalog: PlaceCatalog): string {
  const storage = catalog.storage(storageIdOf(schema, scope, catalog)) ?? catalog.storage(LOCAL_STORAGE);
  if (storage === undefined) return defaultFolder(schema, scope);
  const template = scope === SHARED_SCOPE ? storage.sharedTablesTemplate : storage.userTablesTemplate;
  return storagePrefix(storage.id) + folderOf(template, schema, scope);
}
