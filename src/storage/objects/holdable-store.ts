// A storage whose objects can be kept for a while: what is to be removed meanwhile goes when nobody holds them any more. For whoever reads objects by names
// that were right a moment ago.
import type { ObjectKey, ObjectStore } from "./object-store.ts";

export interface HoldableStore extends ObjectStore {
  /** From now on nothing is removed, until every hold has been given up. Call the answer once. */
  hold(): () => void;
}

export function createHoldableStore(store: ObjectStore): HoldableStore {
  let holds = 0;
  let released = Promise.withResolvers<void>();
  released.resolve();
  const whenFree = async (): Promise<void> => {
    while (holds > 0) await released.promise;
  };
  return {
    hold() {
      if (holds === 0) released = Promise.withResolvers<void>();
      holds += 1;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        holds -= 1;
        if (holds === 0) released.resolve();
      };
    },
    remove: async (keys: readonly ObjectKey[]) => {
      await whenFree();
      await store.remove(keys);
    },
    create: (key, options) => store.create(key, options),
    put: (key, bytes, options) => store.put(key, bytes, options),
    open: (key) => store.open(key),
    head: (key) => store.head(key),
    list: (prefix) => store.list(prefix),
    removeUnfinished: (prefix, olderThanMs) => store.removeUnfinished(prefix, olderThanMs),
  };
}
