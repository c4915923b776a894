// From a storage's definition to where its objects are, for the server and for each of its helpers.
import { join } from "node:path";
import type { S3Credentials, Storage } from "../../model/storage.ts";
import { openCredentials } from "./sealed-credentials.ts";
import type { StorageLocation } from "./storage-location.ts";

/** What a process needs to open storages, besides their definitions. Plain data, and as secret as the key. */
export interface StorageAccess {
  /** Absolute. */
  readonly dataDir: string;
  /** Base64; opens the credentials. */
  readonly sealingKey: string;
  /** Of the server, for storages that have none. */
  readonly s3Credentials: S3Credentials | undefined;
  readonly requestTimeoutMs: number;
  readonly readCacheBytes: number;
}

/** Of the storage every database has. */
export function localFolder(dataDir: string): string {
  return join(dataDir, "storage");
}

/** Where objects for remote storages are put together; what is in it at a start is left over. */
export function spoolFolder(dataDir: string): string {
  return join(dataDir, "uploads");
}

const S3_BASE = /^s3:\/\/([^/]+)(?:\/(.*))?$/;

export function splitS3Base(base: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket = "", path = ""] = S3_BASE.exec(base) ?? [];
  const prefix = path.replace(/\/+$/, "");
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

export async function locationOf(storage: Storage, access: StorageAccess): Promise<StorageLocation> {
  if (storage.type === "filesystem") {
    return { kind: "filesystem", folder: storage.base === "" ? localFolder(access.dataDir) : storage.base };
  }
  const { id, sealedCredentials, s3 } = storage;
  const key = Uint8Array.fromBase64(access.sealingKey);
  return {
    kind: "s3",
    storageId: id,
    ...splitS3Base(storage.base),
    endpoint: s3?.endpoint,
    region: s3?.region,
    virtualHostedStyle: s3?.virtualHostedStyle ?? false,
    credentials:
      sealedCredentials === undefined ? access.s3Credentials : await openCredentials(key, id, sealedCredentials),
    requestTimeoutMs: access.requestTimeoutMs,
    readCacheBytes: access.readCacheBytes,
    spoolDir: spoolFolder(access.dataDir),
  };
}
