// Makes a backup of a database that is in use, in a process of its own. The copy of the data file is one read transaction, so it is the database as of one
// commit; the segments and files it names are immutable and are copied after it. The caller keeps them from being removed meanwhile.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { PRIVATE_FILE_MODE } from "../../base/private-file.ts";
import { VERSION } from "../../base/version.ts";
import { readMeta } from "../catalog/catalog-ddl.ts";
import { isSegmentFile } from "../cold/segment-paths.ts";
import { soundSegment } from "../cold/sound-segment.ts";
import { heldFiles } from "../files/held-files.ts";
import { BUSY_TIMEOUT_MS } from "../hot/connection.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import { openStorages, type StorageLocations } from "../objects/routed-store.ts";
import { localFolder, spoolFolder } from "../objects/storage-access.ts";
import { BACKUP_FORMAT, BACKUP_MANIFEST, type BackupFile, encodeManifest, SECRETS_FILE } from "./backup-manifest.ts";
import { type BackupTarget, folderTarget, isStoredBackup, storageTarget } from "./backup-target.ts";
import { copyObject } from "./copy-object.ts";

export interface BackupRequest {
  /** Written into the mark of the unfinished backup, so that nobody else removes it. */
  readonly owner: string;
  readonly dataDir: string;
  readonly databasePath: string;
  /** An absolute folder, or what `storedBackup` made; empty or not there. */
  readonly target: string;
  /** Of all storages; undefined: there is but `local`. */
  readonly storages?: StorageLocations | undefined;
  readonly nowMs: number;
}

export interface BackupMade {
  readonly files: number;
  readonly bytes: number;
  readonly position: string;
}

interface StoredObject {
  readonly path: string;
  readonly bytes: number;
}

/** Of this machine, for what is sent from here to a storage. Whoever ends a backup's process removes it. */
export function backupWorkFolder(dataDir: string, owner: string): string {
  return join(spoolFolder(dataDir), `backup-${owner}`);
}

export type Progress = (done: number, total: number) => void;

export async function makeBackup(request: BackupRequest, progress: Progress): Promise<BackupMade> {
  const { dataDir, nowMs } = request;
  const workFolder = backupWorkFolder(dataDir, request.owner);
  const storages = request.storages ?? { localFolder: localFolder(dataDir), byId: {} };
  const from = openStorages(spooledIn(workFolder, storages));
  const target = isStoredBackup(request.target)
    ? storageTarget(from, request.target, workFolder)
    : folderTarget(request.target);
  await target.claim(request.owner);
  const { store: to } = target;
  const { file: dataFile, written: snapshot } = await copyDataFile(request.databasePath, target);
  const files: BackupFile[] = [dataFile];
  if (existsSync(join(dataDir, SECRETS_FILE))) {
    const data = openFilesystemStore(dataDir);
    files.push(await copyObject({ from: data, fromKey: SECRETS_FILE, to, toKey: SECRETS_FILE }));
  }
  const total = snapshot.objects.reduce((sum, { bytes }) => sum + bytes, dataFile.bytes);
  let copied = dataFile.bytes;
  for (const { path, bytes } of snapshot.objects) {
    progress(copied, total);
    const sound = isSegmentFile(path) ? soundSegment : undefined;
    files.push(await copyObject({ from, fromKey: path, to, toKey: `storage/${path}`, bytes, ...(sound && { sound }) }));
    copied += bytes;
  }
  const { epoch, position } = snapshot;
  const manifest = { format: BACKUP_FORMAT, version: VERSION, epoch, position, createdAtMs: nowMs, files };
  await to.put(BACKUP_MANIFEST, new TextEncoder().encode(encodeManifest(manifest)));
  await target.release();
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), position };
}

function spooledIn(folder: string, { localFolder: local, byId }: StorageLocations): StorageLocations {
  const spooled = Object.entries(byId).map(([id, location]) => [
    id,
    location.kind === "s3" ? { ...location, spoolDir: folder } : location,
  ]);
  return { localFolder: local, byId: Object.fromEntries(spooled) };
}

interface Snapshot {
  readonly epoch: string;
  readonly position: string;
  /** Segments, and the files that rows hold. */
  readonly objects: readonly StoredObject[];
}

/** VACUUM INTO reads in one transaction and holds up no writer. SQLite does not sync what it writes. */
function copyDataFile(
  databasePath: string,
  target: BackupTarget,
): Promise<{ readonly file: BackupFile; readonly written: Snapshot }> {
  return target.putDataFile((path) => {
    using db = new Database(databasePath, { readonly: true });
    db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // An empty file is one it takes, and keeps the mode of: password hashes and rows are nobody else's to read.
    closeSync(openSync(path, "wx", PRIVATE_FILE_MODE));
    db.run("VACUUM INTO ?1", [path]);
    return inspect(path);
  });
}

/** What the copy says of itself. Throws STORAGE_ERROR when it is not sound. */
function inspect(path: string): Snapshot {
  using db = new Database(path, { readonly: true });
  using check = db.prepare<{ quick_check: string }, []>("PRAGMA quick_check(1)");
  const verdict = check.get()?.quick_check;
  if (verdict !== "ok") throw new DbError("STORAGE_ERROR", `The data file is damaged: ${verdict ?? "no answer"}`);
  using segments = db.prepare<StoredObject, []>(
    "SELECT path, bytes FROM segments WHERE table_id IN (SELECT id FROM tables) ORDER BY id",
  );
  return {
    epoch: String(readMeta(db, "epoch")),
    position: String(readMeta(db, "last_seq")),
    objects: [...segments.all(), ...heldFiles(db)],
  };
}
