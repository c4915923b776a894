// Turns a backup into the data folder of a server. The data file gets its name last, and the folder carries a mark until then, so that a restore that was
// not finished is never taken for a database. It stands alone: files of other storages come into the data folder too, because those storages go on belonging to
// the database that was backed up.
import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { settleRestoredFiles } from "../files/held-files.ts";
import { lockFolder } from "../hot/folder-lock.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import type { ObjectKey, ObjectStore } from "../objects/object-store.ts";
import { claimFolder, isIncomplete, nameFile, releaseFolder } from "./backup-folder.ts";
import {
  BACKUP_FORMAT,
  BACKUP_MANIFEST,
  type BackupManifest,
  DATA_FILE,
  decodeManifest,
  INCOMPLETE_MARK,
  READABLE_FORMATS,
  SECRETS_FILE,
} from "./backup-manifest.ts";
import { copyObject, hashObject } from "./copy-object.ts";
import type { Progress } from "./make-backup.ts";

/** A backup to read. */
export interface BackupSource {
  /** For messages. */
  readonly name: string;
  readonly store: ObjectStore;
}

export function folderSource(folder: string): BackupSource {
  return { name: folder, store: openFilesystemStore(folder) };
}

export interface RestoreRequest {
  readonly from: BackupSource;
  /** Empty or not there, or left by a restore that was not finished. */
  readonly dataDir: string;
  readonly nowMs: number;
}

export interface Restored {
  readonly manifest: BackupManifest;
  /** Of the new history: cursors of the old one are answered with `reset`. */
  readonly epoch: string;
}

/** The data file while it is not one yet. */
const PARTIAL_DATA_FILE = "kalamdb.restoring";
const LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024;

/** Throws INVALID_INPUT for what is no complete backup, STORAGE_ERROR for a file in it that is damaged. */
export async function restoreBackup(request: RestoreRequest, progress: Progress): Promise<Restored> {
  const { from, dataDir } = request;
  const manifest = await readManifest(from);
  if (isIncomplete(dataDir)) clear(dataDir);
  claimFolder(dataDir, "restore");
  using _lock = disposable(lockFolder(dataDir));
  const target = openFilesystemStore(dataDir);
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { key, bytes, sha256 } of manifest.files) {
    progress(done, total);
    const toKey = key === DATA_FILE ? PARTIAL_DATA_FILE : localKey(key);
    await copyObject({ from: from.store, fromKey: key, to: target, toKey, bytes, sha256 });
    done += bytes;
  }
  const epoch = crypto.randomUUID();
  beginHistory(join(dataDir, PARTIAL_DATA_FILE), { epoch, nowMs: request.nowMs });
  nameFile(dataDir, PARTIAL_DATA_FILE, DATA_FILE);
  releaseFolder(dataDir);
  return { manifest, epoch };
}

/** Reads every file of a backup. Throws as `restoreBackup` does. */
export async function verifyBackup(from: BackupSource, progress: Progress): Promise<BackupManifest> {
  const manifest = await readManifest(from);
  for (const [index, { key, bytes, sha256 }] of manifest.files.entries()) {
    progress(index, manifest.files.length);
    const found = await hashObject(from.store, key);
    if (found.bytes !== bytes || found.sha256 !== sha256) throw new DbError("STORAGE_ERROR", `${key} is damaged`);
  }
  return manifest;
}

/** Of a file of another storage than `local`: where it lies in the data folder. Names of segments and files are used once in a database, so none meets another. */
function localKey(key: ObjectKey): ObjectKey {
  return key.replace(/^storage\/@[^/]+\//, "storage/");
}

async function readText(store: ObjectStore, key: ObjectKey): Promise<string> {
  const reader = await store.open(key);
  try {
    if (reader.sizeBytes > LARGEST_MANIFEST_BYTES) throw new DbError("INVALID_INPUT", `${key} is too large`);
    return new TextDecoder().decode(await reader.read(0, reader.sizeBytes));
  } finally {
    reader.close();
  }
}

async function readManifest({ name, store }: BackupSource): Promise<BackupManifest> {
  if ((await store.head(BACKUP_MANIFEST)) === undefined) {
    const isUnfinished = (await store.head(INCOMPLETE_MARK)) !== undefined;
    const why = isUnfinished ? "was not finished" : `has no ${BACKUP_MANIFEST}`;
    throw new DbError("INVALID_INPUT", `${name} is not a backup: it ${why}`);
  }
  const manifest = decodeManifest(await readText(store, BACKUP_MANIFEST));
  if (!READABLE_FORMATS.includes(manifest.format)) {
    throw new DbError(
      "INVALID_INPUT",
      `${name} has format ${manifest.format}; this program reads formats up to ${BACKUP_FORMAT}`,
      {
        hint: `Restore it with KalamDB ${manifest.version}.`,
      },
    );
  }
  for (const { key } of manifest.files) {
    if (key === DATA_FILE || key === SECRETS_FILE || key.startsWith("storage/")) continue;
    throw new DbError("INVALID_INPUT", `${BACKUP_MANIFEST} names ${JSON.stringify(key)}, which no backup has`);
  }
  return manifest;
}

/** What an unfinished restore left. */
function clear(dataDir: string): void {
  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** The data go on as they are, and nothing that was going on at the time of the backup does. */
function beginHistory(path: string, { epoch, nowMs }: { readonly epoch: string; readonly nowMs: number }): void {
  using db = new Database(path, { readwrite: true });
  using setEpoch = db.prepare("UPDATE meta SET value = ?1 WHERE key = 'epoch'");
  using endJobs = db.prepare(
    "UPDATE jobs SET status = 'cancelled', message = 'The database was restored from a backup', finished_at_ms = ?1 WHERE status IN ('pending', 'running')",
  );
  using setPaths = db.prepare("UPDATE segments SET path = substr(path, instr(path, '/') + 1) WHERE path LIKE '@%'");
  const all = db.transaction(() => {
    setEpoch.run(epoch);
    setPaths.run();
    settleRestoredFiles(db);
    endJobs.run(nowMs);
  });
  all.immediate();
}

function disposable(lock: { release(): void }): Disposable {
  return { [Symbol.dispose]: () => lock.release() };
}
