// Whose the storages besides `local` are, by the mark each bears. At the start those of this database are swept, in the background; nothing is written to one before
// that is known and done. One that could not be reached then is asked when it is first needed, so that no other database's place is taken for ours.
import { DbError } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import { LOCAL_STORAGE } from "../model/storage.ts";
import { removeOrphans } from "../storage/cold/orphans.ts";
import { syncLog } from "../storage/hot/sync-log.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import { othersPlace, ownerOf } from "../storage/objects/ownership.ts";
import { storageOfPath, storagePrefix } from "../storage/objects/routed-store.ts";
import type { Store } from "../storage/store.ts";

export interface Sweeping {
  readonly objects: ObjectStore;
  readonly store: Pick<Store, "catalog" | "epoch" | "path">;
  readonly log: Log;
}

/** An `owner` of undefined: it bears no mark. */
type Look =
  | { readonly kind: "known"; readonly owner: string | undefined }
  | { readonly kind: "failed"; readonly error: unknown };

export class StorageOwners {
  readonly #sweeping: Sweeping;
  /** Of storages that were there at the start. CREATE STORAGE marks what it makes. */
  readonly #looks: Map<string, Promise<Look>>;

  constructor(sweeping: Sweeping) {
    this.#sweeping = sweeping;
    const ids = sweeping.store.catalog.storages().map(({ id }) => id);
    this.#looks = new Map(ids.filter((id) => id !== LOCAL_STORAGE).map((id) => [id, this.#sweepOurs(id)]));
  }

  /** Throws when nothing may be written there. */
  async requireOurs(id: string): Promise<void> {
    const before = this.#looks.get(id);
    if (before === undefined || this.#mayBeWritten(await before)) return;
    // Whoever comes meanwhile waits for the same answer.
    if (this.#looks.get(id) === before) this.#looks.set(id, this.#lookAgain(id, await before));
    const look = (await this.#looks.get(id)) ?? (await before);
    if (look.kind === "failed") throw look.error;
    const { owner } = look;
    if (owner === undefined || this.#mayBeWritten(look)) return;
    throw new DbError("STORAGE_ERROR", othersPlace(id, owner), {
      hint: "After a restore, give it a place of its own with ALTER STORAGE.",
    });
  }

  #mayBeWritten(look: Look): boolean {
    return look.kind === "known" && (look.owner === undefined || look.owner === this.#sweeping.store.epoch);
  }

  /** ALTER STORAGE may have given it another place, which nothing was written to; one that was never reached is swept as at a start. */
  async #lookAgain(id: string, before: Look): Promise<Look> {
    if (before.kind === "failed") return await this.#sweepOurs(id);
    try {
      return { kind: "known", owner: await ownerOf(this.#sweeping.objects, id) };
    } catch (error) {
      this.#sweeping.log.warn("owner of a storage not read", { storage: id, error: errorText(error) });
      return before;
    }
  }

  async #sweepOurs(id: string): Promise<Look> {
    const { objects, store, log } = this.#sweeping;
    try {
      const owner = await ownerOf(objects, id);
      if (owner === store.epoch) await sweep(id, this.#sweeping);
      else log.warn("storage not swept: it bears no mark of this database", { storage: id, owner });
      return { kind: "known", owner };
    } catch (error) {
      log.warn("storage not swept", { storage: id, error: errorText(error) });
      return { kind: "failed", error };
    }
  }
}

/** Removes what no segment names, while nothing is being flushed there. */
export async function sweep(id: string, { objects, store, log }: Sweeping): Promise<void> {
  const segments = store.catalog.allSegments().filter(({ path }) => storageOfPath(path) === id);
  const folder = id === LOCAL_STORAGE ? {} : { folder: storagePrefix(id).slice(0, -1) };
  await syncLog(store.path);
  const swept = await removeOrphans({ objects, ...folder, segments, olderThanMs: Number.POSITIVE_INFINITY });
  if (swept.files > 0) log.info("removed orphan files", { storage: id, files: swept.files, bytes: swept.bytes });
}
