// The storages of a running server: how they are opened, where the files of each scope go, and the look for what a crash left in those that are not `local`.
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Scope } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { TableSchema } from "../model/schema.ts";
import { LOCAL_STORAGE } from "../model/storage.ts";
import { MANIFEST_FILE, writeManifest } from "../storage/cold/manifest.ts";
import { type Places, placeOf } from "../storage/cold/places.ts";
import { createHoldableStore, type HoldableStore } from "../storage/objects/holdable-store.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import { tableFolderOf } from "../storage/objects/path-template.ts";
import { type Locate, RoutedStore, storageOfPath, storagePrefix } from "../storage/objects/routed-store.ts";
import { localFolder, locationOf, type StorageAccess, spoolFolder } from "../storage/objects/storage-access.ts";
import type { StorageLocation } from "../storage/objects/storage-location.ts";
import type { CatalogView, Segment } from "../storage/seams.ts";
import type { Store } from "../storage/store.ts";
import { StorageOwners, sweep } from "./storage-owners.ts";

export interface ServerStorages {
  readonly access: StorageAccess;
  readonly objects: HoldableStore;
  readonly places: Places;
  /** Wherever files of a table may lie. */
  readonly foldersOf: (table: TableSchema) => readonly string[];
  /**
   * Writes the manifest of a scope, for readers outside this program only: the segments are committed whether or not their description can be written. Never rejects.
   */
  readonly describe: (table: TableSchema, scope: Scope) => Promise<void>;
  /** Where segments went and no new ones are described: takes them out of the manifest, which goes with the last of them. Never rejects. */
  readonly describeLeft: (gone: readonly SegmentPlace[]) => Promise<void>;
}

export type SegmentPlace = Pick<Segment, "path" | "tableId" | "scope">;

interface ManifestsInput {
  readonly catalog: CatalogView;
  readonly objects: ObjectStore;
  readonly places: Places;
  readonly log: Log;
}

type Manifests = Pick<ServerStorages, "describe" | "describeLeft">;

export interface ServerStoragesInput {
  readonly dataDir: string;
  readonly sealingKey: Uint8Array;
  readonly config: Config;
  readonly store: Pick<Store, "catalog" | "epoch" | "path">;
  readonly log: Log;
  /** For tests that stop a write. */
  readonly seam: ((objects: ObjectStore) => ObjectStore) | undefined;
}

/** `local` is swept when this resolves; the others are swept in the background, and written to only after that. */
export async function openServerStorages(input: ServerStoragesInput): Promise<ServerStorages> {
  const { dataDir, store, log } = input;
  const { catalog } = store;
  const access = storageAccess(input);
  const locate = locator(store, access);
  const routed = new RoutedStore(localFolder(dataDir), locate);
  const objects = createHoldableStore(input.seam?.(routed) ?? routed);
  await rm(spoolFolder(dataDir), { recursive: true, force: true });
  // Nothing is being flushed yet, so whatever no segment names is left over.
  await sweep(LOCAL_STORAGE, { objects, store, log });
  const owners = new StorageOwners({ objects, store, log });
  const places: Places = {
    folderOf: (schema: TableSchema, scope: Scope) => placeOf(schema, scope, catalog),
    async ready(folder) {
      const id = storageOfPath(folder);
      if (id !== LOCAL_STORAGE) await locate(id);
      await owners.requireOurs(id);
    },
    storageOf: (folder) => catalog.storage(storageOfPath(folder)),
    async locations() {
      const byId: Record<string, StorageLocation> = {};
      for (const { id } of catalog.storages()) {
        // One whose credentials do not open is missing from the list: whoever needs it was told by `ready`.
        const location = await locate(id).catch(() => undefined);
        if (location !== undefined) byId[id] = location;
      }
      return { localFolder: localFolder(dataDir), byId };
    },
  };
  const foldersOf = (table: TableSchema): readonly string[] => {
    const { storageId, useUserStorage = false } = table.options;
    const storages = catalog.storages().filter(({ id }) => id === storageId || useUserStorage);
    return storages.map(({ id, sharedTablesTemplate, userTablesTemplate }) => {
      const template = table.kind === "user" ? userTablesTemplate : sharedTablesTemplate;
      return storagePrefix(id) + tableFolderOf(template, table);
    });
  };
  const { describe, describeLeft } = createManifests({ catalog, objects, places, log });
  return { access, objects, places, foldersOf, describe, describeLeft };
}

function createManifests({ catalog, objects, places, log }: ManifestsInput): Manifests {
  const segmentsIn = (folder: string, { tableId, scope }: Omit<SegmentPlace, "path">): readonly Segment[] =>
    catalog.segments(tableId, scope).filter(({ path }) => dirname(path) === folder);
  const write = (schema: TableSchema, scope: Scope, folder: string): Promise<void> =>
    writeManifest({ objects, schema, scope, folder, segments: segmentsIn(folder, { tableId: schema.id, scope }) });
  const told = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => log.warn("manifest not written", { error: errorText(error) }));

  const leave = async (folder: string, { tableId, scope }: SegmentPlace): Promise<void> => {
    const schema = catalog.tableById(tableId);
    // Those of a dropped table go with its folder.
    if (schema === undefined) return;
    const isEmpty = (): boolean => segmentsIn(folder, { tableId, scope }).length === 0;
    if (isEmpty()) {
      await objects.remove([`${folder}/${MANIFEST_FILE}`]);
      // A flush may have described its file meanwhile.
      if (isEmpty()) return;
    } else if (folder === places.folderOf(schema, scope)) return;
    await write(schema, scope, folder);
  };
  return {
    describe: (schema, scope) => told(write(schema, scope, places.folderOf(schema, scope))),
    async describeLeft(gone) {
      const byFolder = new Map(gone.map((place) => [dirname(place.path), place]));
      for (const [folder, place] of byFolder) await told(leave(folder, place));
    },
  };
}

export function storageAccess({
  dataDir,
  sealingKey,
  config: { storage },
}: Pick<ServerStoragesInput, "dataDir" | "sealingKey" | "config">): StorageAccess {
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey, s3SessionToken: sessionToken } = storage;
  const isGiven = accessKeyId !== undefined && secretAccessKey !== undefined;
  return {
    dataDir,
    sealingKey: sealingKey.toBase64(),
    s3Credentials: isGiven ? { accessKeyId, secretAccessKey, sessionToken } : undefined,
    requestTimeoutMs: storage.remoteTimeouts.requestMs,
    readCacheBytes: storage.remoteReadCacheBytes,
  };
}

/** Opens credentials once for each version of a storage. */
function locator({ catalog }: Pick<Store, "catalog">, access: StorageAccess): Locate {
  const known = new Map<string, { readonly updatedAtMs: number; readonly location: Promise<StorageLocation> }>();
  return (id) => {
    const storage = catalog.storage(id);
    if (storage === undefined) {
      known.delete(id);
      return Promise.resolve(undefined);
    }
    const { updatedAtMs } = storage;
    const before = known.get(id);
    if (before?.updatedAtMs === updatedAtMs) return before.location;
    const location = locationOf(storage, access);
    known.set(id, { updatedAtMs, location });
    return location;
  };
}
