// Where a backup is written: a folder of this machine, or a part of a storage, whatever kind that is. Both carry a mark until the backup is complete.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { storeBelow } from "../objects/below.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import { isKey, type ObjectStore } from "../objects/object-store.ts";
import { BACKUPS_FOLDER } from "../objects/path-template.ts";
import { storagePrefix } from "../objects/routed-store.ts";
import { claimFolder, nameFile, releaseFolder } from "./backup-folder.ts";
import { BACKUP_MANIFEST, type BackupFile, DATA_FILE, INCOMPLETE_MARK } from "./backup-manifest.ts";
import { copyObject, hashObject } from "./copy-object.ts";

export interface BackupTarget {
  /** The backup's own keys. */
  readonly store: ObjectStore;
  /** Throws ALREADY_EXISTS when there is something already. */
  claim(owner: string): Promise<void>;
  /** `write` makes the data file at the path it is given, and may look at it there. */
  putDataFile<T>(write: (path: string) => T): Promise<{ readonly file: BackupFile; readonly written: T }>;
  /** After the last file. */
  release(): Promise<void>;
}

/** The unfinished copy; its journal lies beside it. */
const PARTIAL_DATA_FILE = "kalamdb.partial";

/** `@archive/_kalamdb_backups/monday`, as it stands in the job's row. Throws INVALID_INPUT for what may not be a name. */
export function storedBackup(storageId: string, name: string): string {
  if (name.trim() === "" || name.startsWith("_") || !isKey(`${BACKUPS_FOLDER}/${name}/${DATA_FILE}`)) {
    throw new DbError("INVALID_INPUT", `${JSON.stringify(name.slice(0, 100))} cannot be the name of a backup`, {
      hint: "In a storage a backup has a name, which may have folders in it: 'monday', '2026/monday'.",
    });
  }
  return `${storagePrefix(storageId)}${BACKUPS_FOLDER}/${name}`;
}

export function isStoredBackup(target: string): boolean {
  return target.startsWith("@");
}

export function folderTarget(path: string): BackupTarget {
  const store = openFilesystemStore(path);
  return {
    store,
    claim: async (owner) => claimFolder(path, owner),
    async putDataFile(write) {
      const written = write(join(path, PARTIAL_DATA_FILE));
      const { bytes, sha256 } = await hashObject(store, PARTIAL_DATA_FILE);
      nameFile(path, PARTIAL_DATA_FILE, DATA_FILE);
      return { file: { key: DATA_FILE, bytes, sha256 }, written };
    },
    release: async () => releaseFolder(path),
  };
}

/** `target` is a key of all storages; `workFolder` is one of this machine, where the data file is copied before it is sent. */
export function storageTarget(objects: ObjectStore, target: string, workFolder: string): BackupTarget {
  const store = storeBelow(objects, `${target}/`);
  return {
    store,
    async claim(owner) {
      for await (const page of store.list("")) {
        if (page.length === 0) continue;
        throw new DbError("ALREADY_EXISTS", `There is something at ${target} already`, { hint: "Give another name." });
      }
      await store.put(INCOMPLETE_MARK, new TextEncoder().encode(owner));
    },
    async putDataFile(write) {
      mkdirSync(workFolder, { recursive: true, mode: 0o700 });
      const name = `${crypto.randomUUID()}.backup`;
      const path = join(workFolder, name);
      try {
        const written = write(path);
        const from = openFilesystemStore(workFolder);
        return { file: await copyObject({ from, fromKey: name, to: store, toKey: DATA_FILE }), written };
      } finally {
        rmSync(path, { force: true });
      }
    },
    release: () => store.remove([INCOMPLETE_MARK]),
  };
}

/** Removes what an unfinished backup left in a storage, unless the mark is another's. The manifest goes first: what is left never looks like a backup. */
export async function discardStored(objects: ObjectStore, target: string, owner: string): Promise<void> {
  const store = storeBelow(objects, `${target}/`);
  if ((await markOf(store)) !== owner) return;
  await store.remove([BACKUP_MANIFEST]);
  for await (const page of store.list("")) {
    await store.remove(page.map(({ key }) => key).filter((key) => key !== INCOMPLETE_MARK));
  }
  await store.remove([INCOMPLETE_MARK]);
}

async function markOf(store: ObjectStore): Promise<string | undefined> {
  if ((await store.head(INCOMPLETE_MARK)) === undefined) return undefined;
  const reader = await store.open(INCOMPLETE_MARK);
  try {
    return new TextDecoder().decode(await reader.read(0, reader.sizeBytes));
  } finally {
    reader.close();
  }
}
