// Where the files of a scope are to be written.
import { DbError } from "../../base/errors.ts";
import { type Scope, SHARED_SCOPE } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import {
  DEFAULT_SHARED_TEMPLATE,
  DEFAULT_USER_TEMPLATE,
  isSamePlace,
  LOCAL_STORAGE,
  type Storage,
} from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import { folderOf } from "../objects/path-template.ts";
import { type StorageLocations, storagePrefix } from "../objects/routed-store.ts";
import type { CatalogView } from "../seams.ts";

export interface Places {
  /** With the prefix of its storage. Files that lie elsewhere stay where they are. */
  folderOf(schema: TableSchema, scope: Scope): string;
  /** Resolves when files may be written to a folder's storage: what a crash left there has been looked for. */
  ready(folder: string): Promise<void>;
  locations(): Promise<StorageLocations>;
  /** The storage of a folder as it is now. Undefined: there are none but the folder of this machine. */
  storageOf(folder: string): Storage | undefined;
}

/**
 * Inside the transaction that commits a file. Throws WRITE_CONFLICT when its storage was dropped, or given another place, since the file was begun: nobody would find it.
 */
export function assertSamePlace(catalog: Pick<CatalogView, "storage">, before: Storage | undefined): void {
  if (before === undefined) return;
  const now = catalog.storage(before.id);
  if (now !== undefined && isSamePlace(now, before)) return;
  throw new DbError("WRITE_CONFLICT", `Storage '${before.id}' was moved or dropped while a file was written to it`);
}

/** Everything in one folder of this machine. */
export function localPlaces(storageDir: string): Places {
  return {
    folderOf: defaultFolder,
    ready: () => Promise.resolve(),
    locations: () => Promise.resolve({ localFolder: storageDir, byId: {} }),
    storageOf: () => undefined,
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
