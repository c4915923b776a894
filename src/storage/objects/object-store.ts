// Where files of a storage lie: a flat space of keys, each with immutable bytes. A filesystem folder and an S3 bucket are the implementations; nothing outside
// this folder opens, lists or removes a segment in another way.
import { DbError } from "../../base/errors.ts";

/** `a/b/c`, relative to the base of the storage. */
export type ObjectKey = string;

export interface ObjectInfo {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** An object opened for reading. Reads may overlap. */
export interface ObjectReader {
  readonly sizeBytes: number;
  /** Bytes [start, end); fails when the object ends before. */
  read(start: number, end: number): ArrayBuffer | Promise<ArrayBuffer>;
  /** Call when what was read makes no sense: nothing of it is kept in memory for the next reader. */
  forget?(): void;
  close(): void;
}

/** Named places where a test may stop a write, in order. An object of S3 has the first and the last only. */
export type PutStep = "written" | "synced" | "renamed" | "folder-synced";

export interface PutOptions {
  /** False: what was put may be lost, or cut short, by a power loss. For what can be made again; nothing waits for the disk then. */
  readonly isLasting?: boolean | undefined;
  readonly failpoint?: ((step: PutStep) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before an upload that failed is tried again: throws when nobody wants it any more. */
  readonly requireWanted?: (() => void) | undefined;
}

/** An object on its way. Nothing of it can be seen under its key before `finish` resolves; then it is durable as a whole. */
export interface ObjectWriter {
  write(bytes: Uint8Array): void;
  finish(): Promise<void>;
  /** Gives up; also after a failed `finish`. */
  discard(): void;
}

export interface ObjectStore {
  /** For large objects that are made piece by piece, in bounded memory. */
  create(key: ObjectKey, options?: PutOptions): Promise<ObjectWriter>;
  /** Replaces what the key held, atomically and durably. */
  put(key: ObjectKey, bytes: Uint8Array, options?: PutOptions): Promise<void>;
  open(key: ObjectKey): Promise<ObjectReader>;
  /** Undefined when there is none. */
  head(key: ObjectKey): Promise<ObjectInfo | undefined>;
  /** Every object whose key begins with the prefix, in pages, ascending by key. A prefix is empty or ends with `/`. */
  list(prefix: string): AsyncIterable<readonly ObjectInfo[]>;
  /** One that is not there is no error. */
  remove(keys: readonly ObjectKey[]): Promise<void>;
  /** What writers that died left, last touched before `olderThanMs`. */
  removeUnfinished(prefix: string, olderThanMs: number): Promise<Removed>;
}

/** What a reader of known objects needs. */
export type ObjectSource = Pick<ObjectStore, "open">;

export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

const MAX_KEY_BYTES = 1024;
const MAX_NAME_BYTES = 255;
/** Control characters of any kind, and what Windows takes for a separator. */
const REFUSED = /[\p{Cc}\\]/u;

/** Whether the text names a place below the base, in every file system and bucket alike. */
export function isKey(text: string): boolean {
  const isName = (name: string): boolean =>
    name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= MAX_NAME_BYTES;
  return (
    Buffer.byteLength(text) <= MAX_KEY_BYTES &&
    !REFUSED.test(text) &&
    text.isWellFormed() &&
    text.split("/").every(isName)
  );
}

/** Throws STORAGE_ERROR for what is no key. */
export function assertKey(key: ObjectKey): void {
  if (!isKey(key)) throw new DbError("STORAGE_ERROR", `${JSON.stringify(key.slice(0, 100))} is no key of a storage`);
}
