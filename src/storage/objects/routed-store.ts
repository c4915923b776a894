// All storages as one space of keys, so that a segment's path says where it lies: `@archive/chat/notes-7/…` is in the storage `archive`, a path without `@` in
// `local`. Storages are opened on first use, and anew when what is known of them has changed.
import { DbError } from "../../base/errors.ts";
import { LOCAL_STORAGE } from "../../model/storage.ts";
import { openFilesystemStore } from "./filesystem-store.ts";
import type {
  ObjectInfo,
  ObjectKey,
  ObjectReader,
  ObjectStore,
  ObjectWriter,
  PutOptions,
  Removed,
} from "./object-store.ts";
import { openObjectStore } from "./open-object-store.ts";
import type { StorageLocation } from "./storage-location.ts";

/** Undefined for an id that no storage has. */
export type Locate = (storageId: string) => Promise<StorageLocation | undefined>;

/** Plain data that a worker gets with its tasks. */
export interface StorageLocations {
  readonly localFolder: string;
  readonly byId: Readonly<Record<string, StorageLocation>>;
}

export function openStorages({ localFolder, byId }: StorageLocations): ObjectStore {
  return new RoutedStore(localFolder, (id) => Promise.resolve(byId[id]));
}

/** What comes before the keys of a storage. */
export function storagePrefix(storageId: string): string {
  return storageId === LOCAL_STORAGE ? "" : `@${storageId}/`;
}

const ROUTED = /^@([A-Za-z0-9_-]+)(?:\/|$)/;

export function storageOfPath(path: string): string {
  return ROUTED.exec(path)?.[1] ?? LOCAL_STORAGE;
}

interface Opened {
  readonly description: string;
  readonly store: ObjectStore;
}

export class RoutedStore implements ObjectStore {
  readonly #local: ObjectStore;
  readonly #locate: Locate;
  /** As many as there are storages. */
  readonly #opened = new Map<string, Opened>();

  constructor(localFolder: string, locate: Locate) {
    this.#local = openFilesystemStore(localFolder);
    this.#locate = locate;
  }

  async create(key: ObjectKey, options?: PutOptions): Promise<ObjectWriter> {
    const { store, rest } = await this.#route(key);
    return store.create(rest, options);
  }

  async put(key: ObjectKey, bytes: Uint8Array, options?: PutOptions): Promise<void> {
    const { store, rest } = await this.#route(key);
    await store.put(rest, bytes, options);
  }

  async open(key: ObjectKey): Promise<ObjectReader> {
    const { store, rest } = await this.#route(key);
    return store.open(rest);
  }

  async head(key: ObjectKey): Promise<ObjectInfo | undefined> {
    const { store, rest } = await this.#route(key);
    const info = await store.head(rest);
    return info === undefined ? undefined : { ...info, key };
  }

  /** Of one storage: `@id/` and what follows, or `local`. */
  async *list(prefix: string): AsyncGenerator<readonly ObjectInfo[]> {
    const { store, rest, route } = await this.#route(prefix);
    for await (const page of store.list(rest)) {
      yield route === "" ? page : page.map((info) => ({ ...info, key: route + info.key }));
    }
  }

  async remove(keys: readonly ObjectKey[]): Promise<void> {
    for (const [route, some] of Map.groupBy(keys, (key) => storagePrefix(storageOfPath(key)))) {
      const id = storageOfPath(route);
      const store = id === LOCAL_STORAGE ? this.#local : await this.#open(id);
      // What is left in a storage that was dropped is not ours to remove.
      await store?.remove(some.map((key) => key.slice(route.length)));
    }
  }

  async removeUnfinished(prefix: string, olderThanMs: number): Promise<Removed> {
    const { store, rest } = await this.#route(prefix);
    return store.removeUnfinished(rest, olderThanMs);
  }

  async #route(key: string): Promise<{ readonly store: ObjectStore; readonly rest: string; readonly route: string }> {
    const id = storageOfPath(key);
    if (id === LOCAL_STORAGE) return { store: this.#local, rest: key, route: "" };
    const route = storagePrefix(id);
    const store = await this.#open(id);
    if (store === undefined) throw new DbError("STORAGE_ERROR", `Storage '${id}' does not exist`);
    return { store, rest: key.slice(route.length), route };
  }

  async #open(id: string): Promise<ObjectStore | undefined> {
    const location = await this.#locate(id);
    if (location === undefined) {
      this.#opened.delete(id);
      return undefined;
    }
    const description = JSON.stringify(location);
    const known = this.#opened.get(id);
    if (known?.description === description) return known.store;
    const store = openObjectStore(location);
    this.#opened.set(id, { description, store });
    return store;
  }
}
