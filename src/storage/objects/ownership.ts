// A mark in each storage besides `local` that says which database's it is: nobody else's files are ever swept, and two databases do not write to one place.
import { DbError } from "../../base/errors.ts";
import type { ObjectStore } from "./object-store.ts";
import { storagePrefix } from "./routed-store.ts";

const MARK = "_kalamdb_storage.json";

/** Epoch of the database that the storage belongs to; undefined while it belongs to none. */
export async function ownerOf(objects: ObjectStore, storageId: string): Promise<string | undefined> {
  const key = storagePrefix(storageId) + MARK;
  const info = await objects.head(key);
  if (info === undefined) return undefined;
  const reader = await objects.open(key);
  try {
    const text = new TextDecoder().decode(await reader.read(0, reader.sizeBytes));
    return /"epoch":"([^"]{1,100})"/.exec(text)?.[1] ?? "unknown";
  } finally {
    reader.close();
  }
}

export function othersPlace(storageId: string, owner: string): string {
  return `The place of storage '${storageId}' belongs to another database (epoch ${owner})`;
}

/** Throws INVALID_INPUT when another database has it. */
export async function claim(objects: ObjectStore, storageId: string, epoch: string): Promise<void> {
  const owner = await ownerOf(objects, storageId);
  if (owner === epoch) return;
  if (owner !== undefined) {
    throw new DbError("INVALID_INPUT", othersPlace(storageId, owner), {
      hint: `Give it a folder or prefix of its own, or remove ${MARK} there if that database is gone.`,
    });
  }
  const text = JSON.stringify({ epoch, storage: storageId });
  await objects.put(storagePrefix(storageId) + MARK, new TextEncoder().encode(text));
}
