// A part of a storage as a storage: every key is one below a prefix.
import type { ObjectKey, ObjectStore } from "./object-store.ts";

/** `prefix` ends with `/`. */
export function storeBelow(store: ObjectStore, prefix: string): ObjectStore {
  const inner = (key: ObjectKey): ObjectKey => prefix + key;
  return {
    create: (key, options) => store.create(inner(key), options),
    put: (key, bytes, options) => store.put(inner(key), bytes, options),
    open: (key) => store.open(inner(key)),
    async head(key) {
      const info = await store.head(inner(key));
      return info === undefined ? undefined : { ...info, key };
    },
    async *list(folder) {
      for await (const page of store.list(inner(folder))) {
        yield page.map((info) => ({ ...info, key: info.key.slice(prefix.length) }));
      }
    },
    remove: (keys) => store.remove(keys.map(inner)),
    removeUnfinished: (folder, olderThanMs) => store.removeUnfinished(inner(folder), olderThanMs),
  };
}
