// Turns a backup into the data folder of a server. The data file gets its name last, and the folder carries a mark until then, so that a restore that was
// not finished is never taken for a database.
import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { lockFolder } from "../hot/folder-lock.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import { claimFolder, isIncomplete, nameFile, releaseFolder } from "./backup-folder.ts";
import { BACKUP_FORMAT, BACKUP_MANIFEST, type BackupManifest, decodeManifest } from "./backup-manifest.ts";
import { copyObject, hashObject } from "./copy-object.ts";
import { DATA_FILE, type Progress, SECRETS_FILE } from "./make-backup.ts";

export interface RestoreRequest {
  readonly from: string;
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

/** Throws INVALID_INPUT for a folder that is no complete backup, STORAGE_ERROR for a file in it that is damaged. */
export async function restoreBackup(request: RestoreRequest, progress: Progress): Promise<Restored> {
  const { from, dataDir } = request;
  const manifest = await readManifest(from);
  if (isIncomplete(dataDir)) clear(dataDir);
  claimFolder(dataDir, "restore");
  using _lock = disposable(lockFolder(dataDir));
  const source = openFilesystemStore(from);
  const target = openFilesystemStore(dataDir);
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { key, bytes, sha256 } of manifest.files) {
    progress(done, total);
    const toKey = key === DATA_FILE ? PARTIAL_DATA_FILE : key;
    await copyObject({ from: source, fromKey: key, to: target, toKey, bytes, sha256 });
    done += bytes;
  }
  const epoch = crypto.randomUUID();
  beginHistory(join(dataDir, PARTIAL_DATA_FILE), { epoch, nowMs: request.nowMs });
  nameFile(dataDir, PARTIAL_DATA_FILE, DATA_FILE);
  releaseFolder(dataDir);
  return { manifest, epoch };
}

/** Reads every file of a backup. Throws as `restoreBackup` does. */
export async function verifyBackup(from: string, progress: Progress): Promise<BackupManifest> {
  const manifest = await readManifest(from);
  const source = openFilesystemStore(from);
  for (const [index, { key, bytes, sha256 }] of manifest.files.entries()) {
    progress(index, manifest.files.length);
    const found = await hashObject(source, key);
    if (found.bytes !== bytes || found.sha256 !== sha256) throw new DbError("STORAGE_ERROR", `${key} is damaged`);
  }
  return manifest;
}

async function readManifest(from: string): Promise<BackupManifest> {
  const file = Bun.file(join(from, BACKUP_MANIFEST));
  if (!(await file.exists())) {
    const why = isIncomplete(from) ? "was not finished" : `has no ${BACKUP_MANIFEST}`;
    throw new DbError("INVALID_INPUT", `${from} is not a backup: it ${why}`);
  }
  if (file.size > LARGEST_MANIFEST_BYTES) throw new DbError("INVALID_INPUT", `${BACKUP_MANIFEST} is too large`);
  const manifest = decodeManifest(await file.text());
  if (manifest.format !== BACKUP_FORMAT) {
    throw new DbError(
      "INVALID_INPUT",
      `${from} has format ${manifest.format}; this program reads format ${BACKUP_FORMAT}`,
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
  const both = db.transaction(() => {
    setEpoch.run(epoch);
    endJobs.run(nowMs);
  });
  both.immediate();
}

function disposable(lock: { release(): void }): Disposable {
  return { [Symbol.dispose]: () => lock.release() };
}
