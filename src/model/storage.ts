// Storages as data: where flushed rows lie, as the catalog keeps it and every other part reads it.

export const STORAGE_TYPES = ["filesystem", "s3"] as const;
export type StorageType = (typeof STORAGE_TYPES)[number];

/** Where a user's rows of tables WITH (USE_USER_STORAGE = TRUE) go: to the table's storage, or to the user's own. */
export const STORAGE_MODES = ["table", "region"] as const;
export type StorageMode = (typeof STORAGE_MODES)[number];

/** The storage every database has, in the data folder. */
export const LOCAL_STORAGE = "local";

export interface S3Config {
  /** Undefined: Amazon's, by region. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** The bucket is part of the host name instead of the path. */
  readonly virtualHostedStyle: boolean;
}

export interface Storage {
  readonly id: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly type: StorageType;
  /** An absolute folder or `s3://bucket[/prefix]`; empty for `local`, which moves with the data folder. Never changes while segments lie there. */
  readonly base: string;
  /** Encrypted; undefined for a folder. */
  readonly sealedCredentials: string | undefined;
  readonly s3: S3Config | undefined;
  readonly sharedTablesTemplate: string;
  readonly userTablesTemplate: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What was written to the one is found in the other. */
export function isSamePlace(a: Storage, b: Storage): boolean {
  return a.base === b.base && a.s3?.endpoint === b.s3?.endpoint;
}

export const DEFAULT_SHARED_TEMPLATE = "{namespace}/{tableName}";
export const DEFAULT_USER_TEMPLATE = "{namespace}/{tableName}/{userId}";

/** As it is until it is altered. */
export const DEFAULT_LOCAL_STORAGE: Storage = {
  id: LOCAL_STORAGE,
  name: "Local Filesystem",
  description: "Default local filesystem storage",
  type: "filesystem",
  base: "",
  sealedCredentials: undefined,
  s3: undefined,
  sharedTablesTemplate: DEFAULT_SHARED_TEMPLATE,
  userTablesTemplate: DEFAULT_USER_TEMPLATE,
  createdAtMs: 0,
  updatedAtMs: 0,
};

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}
