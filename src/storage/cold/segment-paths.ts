// Where a segment lies under the storage folder. Nothing a user chose reaches the file system unescaped: namespaces and tables are checked names, and a
// user id is percent-encoded byte by byte.
import { basename } from "node:path";
import { type Scope, type Seq, SHARED_SCOPE } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";

const SAFE = /[A-Za-z0-9_-]/;
/** File systems stop at 255 bytes a name; longer ids go by their hash. */
const MAX_FOLDER_NAME = 200;
const SEGMENT_FILE = /^segment-\d+(-[0-9a-f]{12}-\d+)?\.parquet$/;

/** A folder name that no other user id has. `~` is in no encoded id, so a hashed one collides with none. */
export function userFolder(user: string): string {
  const encoded = Array.from(new TextEncoder().encode(user), (byte) => {
    const character = String.fromCharCode(byte);
    return SAFE.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
  if (encoded.length <= MAX_FOLDER_NAME) return encoded;
  return `~${new Bun.CryptoHasher("sha256").update(user).digest("hex")}`;
}

/** `{namespace}/{table}-{id}`: the id keeps a dropped table and its successor of the same name apart. */
export function tableFolder(schema: Pick<TableSchema, "namespace" | "name" | "id">): string {
  return `${schema.namespace}/${schema.name}-${schema.id}`;
}

export function scopeFolder(schema: Pick<TableSchema, "namespace" | "name" | "id">, scope: Scope): string {
  const folder = tableFolder(schema);
  return scope === SHARED_SCOPE ? folder : `${folder}/${userFolder(scope)}`;
}

/** Relative to the storage folder, with `/`. A scope never flushes the same newest position twice, so the name is new. */
export function segmentPath(schema: Pick<TableSchema, "namespace" | "name" | "id">, scope: Scope, maxSeq: Seq): string {
  return `${scopeFolder(schema, scope)}/segment-${maxSeq}.parquet`;
}

/** A merge keeps the newest position of what it replaces, so its files have a name of their own besides: `tag` is 12 hexadecimal digits, used once. */
export function mergedSegmentPath(
  schema: Pick<TableSchema, "namespace" | "name" | "id">,
  scope: Scope,
  { maxSeq, tag, part }: { readonly maxSeq: Seq; readonly tag: string; readonly part: number },
): string {
  return `${scopeFolder(schema, scope)}/segment-${maxSeq}-${tag}-${part}.parquet`;
}

/** True for files this module names; a sweep touches nothing else. */
export function isSegmentFile(path: string): boolean {
  return SEGMENT_FILE.test(basename(path));
}
