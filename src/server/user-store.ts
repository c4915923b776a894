// The accounts' view of the store: users are catalog rows, written like everything else through the group commit.
import type { ApiKeyStore } from "../auth/api-keys.ts";
import type { UserStore } from "../auth/user.ts";
import type { Store } from "../storage/store.ts";

export function apiKeyStoreOf(store: Pick<Store, "catalog" | "writer">): ApiKeyStore {
  return {
    apiKey: (id) => store.catalog.apiKey(id),
    apiKeys: () => store.catalog.apiKeys(),
    addApiKey: async (key, assertFree) => {
      await store.writer.submit((tx) => {
        assertFree(tx.catalog);
        tx.putApiKey(key, { isNew: true });
      });
    },
    updateApiKey: async (key) => {
      await store.writer.submit((tx) => tx.putApiKey(key, { isNew: false }));
    },
    deleteApiKey: async (id) => {
      await store.writer.submit((tx) => tx.deleteApiKey(id));
    },
  };
}

export function userStoreOf(store: Pick<Store, "catalog" | "writer">): UserStore {
  return {
    user: (id) => store.catalog.user(id),
    users: () => store.catalog.users(),
    put: async (user) => {
      await store.writer.submit((tx) => tx.putUser(user));
    },
  };
}
