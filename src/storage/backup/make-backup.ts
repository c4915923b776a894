// Makes a backup of a database that is in use, in a process of its own. The copy of the data file is one read transaction, so it is the database as of one
// commit; the segments it names are immutable and are copied after it. The caller keeps them from being removed meanwhile.
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import { LOCAL_STORAGE } from "../../model/storage.ts";
import { readMeta } from "../catalog/catalog-ddl.ts";
import { BUSY_TIMEOUT_MS } from "../hot/connection.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { storageOfPath } from "../objects/routed-store.ts";
import { claimFolder, nameFile, releaseFolder } from "./backup-folder.ts";
import { BACKUP_FORMAT, BACKUP_MANIFEST, type BackupFile, encodeManifest } from "./backup-manifest.ts";
import { copyObject, hashObject } from "./copy-object.ts";

export interface BackupRequest {
  /** Written into the mark of the unfinished backup, so that nobody else removes it. */
  readonly owner: string;
  readonly dataDir: string;
  readonly databasePath: string;
  /** Absolute, empty or not there. */
  readonly target: string;
  readonly nowMs: number;
}

export interface BackupMade {
  readonly files: number;
  readonly bytes: number;
  readonly position: string;
}

export const DATA_FILE = "kalamdb.sqlite";
/** Without them tokens end and credentials of storages cannot be read. */
export const SECRETS_FILE = "secrets.json";
/** The unfinished copy; its journal lies beside it. */
const PARTIAL_DATA_FILE = "kalamdb.partial";

interface StoredSegment {
  readonly path: string;
  readonly bytes: number;
}

export type Progress = (done: number, total: number) => void;

export async function makeBackup(request: BackupRequest, progress: Progress): Promise<BackupMade> {
  const { dataDir, target, nowMs } = request;
  claimFolder(target, request.owner);
  const to = openFilesystemStore(target);
  const files: BackupFile[] = [await copyDataFile(request, to)];
  const snapshot = inspect(join(target, DATA_FILE));
  if (existsSync(join(dataDir, SECRETS_FILE))) {
    const from = openFilesystemStore(dataDir);
    files.push(await copyObject({ from, fromKey: SECRETS_FILE, to, toKey: SECRETS_FILE }));
  }
  assertLocal(snapshot.segments);
  const from = openFilesystemStore(join(dataDir, "storage"));
  const [{ bytes: done } = { bytes: 0 }] = files;
  const total = snapshot.segments.reduce((sum, { bytes }) => sum + bytes, done);
  let copied = done;
  for (const { path, bytes } of snapshot.segments) {
    progress(copied, total);
    files.push(await copyObject({ from, fromKey: path, to, toKey: `storage/${path}`, bytes }));
    copied += bytes;
  }
  const { epoch, position } = snapshot;
  const manifest = { format: BACKUP_FORMAT, version: VERSION, epoch, position, createdAtMs: nowMs, files };
  await to.put(BACKUP_MANIFEST, new TextEncoder().encode(encodeManifest(manifest)));
  releaseFolder(target);
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), position };
}

/** A backup is whole or refused: what lies in other storages is not copied. */
function assertLocal(segments: readonly StoredSegment[]): void {
  const away = new Set(segments.map(({ path }) => storageOfPath(path)).filter((id) => id !== LOCAL_STORAGE));
  if (away.size === 0) return;
  throw new DbError(
    "UNSUPPORTED",
    `Backup is not supported while flushed rows lie in other storages: ${[...away].join(", ")}`,
    {
      hint: "Back up those storages by their own means, together with a copy of the data folder of the stopped server.",
    },
  );
}

/** VACUUM INTO reads in one transaction and holds up no writer. SQLite does not sync what it writes. */
async function copyDataFile({ databasePath, target }: BackupRequest, to: ObjectStore): Promise<BackupFile> {
  using db = new Database(databasePath, { readonly: true });
  db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  const partial = join(target, PARTIAL_DATA_FILE);
  db.run("VACUUM INTO ?1", [partial]);
  const { bytes, sha256 } = await hashObject(to, PARTIAL_DATA_FILE);
  nameFile(target, PARTIAL_DATA_FILE, DATA_FILE);
  return { key: DATA_FILE, bytes, sha256 };
}

/** What the copy says of itself. Throws STORAGE_ERROR when it is not sound. */
function inspect(path: string): {
  readonly epoch: string;
  readonly position: string;
  readonly segments: StoredSegment[];
} {
  using db = new Database(path, { readonly: true });
  using check = db.prepare<{ quick_check: string }, []>("PRAGMA quick_check(1)");
  const verdict = check.get()?.quick_check;
  if (verdict !== "ok") throw new DbError("STORAGE_ERROR", `The data file is damaged: ${verdict ?? "no answer"}`);
  using segments = db.prepare<StoredSegment, []>(
    "SELECT path, bytes FROM segments WHERE table_id IN (SELECT id FROM tables) ORDER BY id",
  );
  return {
    epoch: String(readMeta(db, "epoch")),
    position: String(readMeta(db, "last_seq")),
    segments: segments.all(),
  };
}
