// Where a storage's objects are and how to get at them, as plain data: it travels to the flush worker. It holds secrets and is never logged.
import type { S3Config, S3Credentials } from "../../model/storage.ts";

export interface S3Location extends S3Config {
  readonly kind: "s3";
  /** For messages. */
  readonly storageId: string;
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  /** Undefined: there are none, and a service that wants some will refuse. */
  readonly credentials: S3Credentials | undefined;
  /** For one attempt of one request. */
  readonly requestTimeoutMs: number;
  /** Of ranges that were read, kept in memory. */
  readonly readCacheBytes: number;
  /** A folder of this machine where large objects are put together. */
  readonly spoolDir: string;
}

export type StorageLocation = { readonly kind: "filesystem"; readonly folder: string } | S3Location;
