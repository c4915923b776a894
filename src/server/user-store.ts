// The accounts' view of the store: users are catalog rows, written like everything else through the group commit.
import type { UserStore } from "../auth/user.ts";
import type { Store } from "../storage/store.ts";

export function userStoreOf(store: Pick<Store, "catalog" | "writer">): UserStore {
  return {
    user: (id) => store.catalog.user(id),
    users: () => store.catalog.users(),
    put: async (user) => {
      await store.writer.submit((tx) => tx.putUser(user));
    },
  };
}
