// Whether a storage works: an object of no meaning is written, listed, read back and removed.
import { errorText } from "../../base/log.ts";
import type { ObjectStore } from "./object-store.ts";

export interface StorageHealth {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly listable: boolean;
  readonly deletable: boolean;
  /** What failed first. */
  readonly error: string | undefined;
  readonly latencyMs: number;
}

export type StorageStatus = "healthy" | "degraded" | "unreachable";

export function statusOf(health: StorageHealth): StorageStatus {
  const { readable, writable, listable, deletable } = health;
  const works = [readable, writable, listable, deletable];
  if (works.every(Boolean)) return "healthy";
  return works.some(Boolean) ? "degraded" : "unreachable";
}

const CHECK_FOLDER = "_kalamdb_check";

export async function checkStorage(objects: ObjectStore): Promise<StorageHealth> {
  const startedMs = performance.now();
  const key = `${CHECK_FOLDER}/${crypto.randomUUID()}`;
  const bytes = crypto.getRandomValues(new Uint8Array(64));
  let error: string | undefined;
  const works = async (attempt: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await attempt();
    } catch (cause) {
      error ??= cause instanceof Error ? cause.message : errorText(cause);
      return false;
    }
  };
  const writable = await works(async () => {
    await objects.put(key, bytes);
    return true;
  });
  const listable = await works(() => lists(objects, writable ? key : undefined));
  const readable = writable && (await works(() => readsBack(objects, key, bytes)));
  const deletable =
    writable &&
    (await works(async () => {
      await objects.remove([key]);
      return (await objects.head(key)) === undefined;
    }));
  return { writable, listable, readable, deletable, error, latencyMs: performance.now() - startedMs };
}

async function lists(objects: ObjectStore, key: string | undefined): Promise<boolean> {
  for await (const page of objects.list(`${CHECK_FOLDER}/`)) {
    if (key === undefined || page.some((object) => object.key === key)) return true;
  }
  return key === undefined;
}

async function readsBack(objects: ObjectStore, key: string, bytes: Uint8Array): Promise<boolean> {
  const reader = await objects.open(key);
  try {
    return Buffer.compare(Buffer.from(await reader.read(0, bytes.length)), bytes) === 0;
  } finally {
    reader.close();
  }
}

/** Bytes of all objects of the storage. */
export async function usedBytes(objects: ObjectStore): Promise<number> {
  let total = 0;
  for await (const page of objects.list("")) total += page.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return total;
}
