// `backup.json`: what a backup consists of. It is written last, so a folder without it is no backup; every file in it is checked against it before anything
// is believed.
import { DbError } from "../../base/errors.ts";
import { damaged, type Fields, toArray, toCount, toFields, toText } from "../catalog/stored-fields.ts";
import { isKey, type ObjectKey } from "../objects/object-store.ts";

/** 2: files of other storages than `local` are in it, as `storage/@id/…`. */
export const BACKUP_FORMAT = 2;
export const READABLE_FORMATS: readonly number[] = [1, BACKUP_FORMAT];
export const DATA_FILE = "kalamdb.sqlite";
/** Without them tokens end and credentials of storages cannot be read. */
export const SECRETS_FILE = "secrets.json";
export const BACKUP_MANIFEST = "backup.json";
/** In a folder from before the first file of a backup or a restore until after the last. */
export const INCOMPLETE_MARK = "incomplete";

export interface BackupFile {
  /** Relative to the backup: `kalamdb.sqlite`, `secrets.json`, `storage/…`. */
  readonly key: ObjectKey;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BackupManifest {
  readonly format: number;
  /** Of the program that made it. */
  readonly version: string;
  /** Of the database's history it was taken from. */
  readonly epoch: string;
  /** Everything committed at or below this `_seq`, and nothing above it, is in the backup. */
  readonly position: string;
  readonly createdAtMs: number;
  readonly files: readonly BackupFile[];
}

export function encodeManifest(manifest: BackupManifest): string {
  const body = JSON.stringify(manifest, undefined, 2);
  return `${JSON.stringify({ sha256: sha256(body), manifest }, undefined, 2)}\n`;
}

/** Throws INVALID_INPUT for what is no manifest, or not the one that was written. */
export function decodeManifest(text: string): BackupManifest {
  try {
    const outer = toFields(JSON.parse(text), "backup.json");
    const manifest = decodeBody(toFields(outer["manifest"], "manifest"));
    if (sha256(JSON.stringify(manifest, undefined, 2)) !== toText(outer["sha256"], "sha256")) {
      throw new DbError("INVALID_INPUT", "its checksum is another");
    }
    return manifest;
  } catch (cause) {
    throw new DbError(
      "INVALID_INPUT",
      `${BACKUP_MANIFEST} is damaged: ${cause instanceof Error ? cause.message : ""}`,
      {
        cause,
      },
    );
  }
}

function decodeBody(body: Fields): BackupManifest {
  return {
    format: toCount(body["format"], "format"),
    version: toText(body["version"], "version"),
    epoch: toText(body["epoch"], "epoch"),
    position: toText(body["position"], "position"),
    createdAtMs: toCount(body["createdAtMs"], "createdAtMs"),
    files: toArray(body["files"], "files").map(decodeFile),
  };
}

function decodeFile(value: unknown): BackupFile {
  const fields = toFields(value, "a file");
  const key = toText(fields["key"], "key");
  // What is restored comes from somebody's disk: no name in it may lead out of the folder.
  if (!isKey(key)) throw damaged("key", key);
  return { key, bytes: toCount(fields["bytes"], `${key}, bytes`), sha256: toText(fields["sha256"], `${key}, sha256`) };
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
