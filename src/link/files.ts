// Files of FILE columns as an application handles them: the reference in a cell, and where its bytes are.
import { DbError } from "../base/errors.ts";
import { decodeFileRef, type FileRef, storedNameOf } from "../model/file-ref.ts";
import { KalamError } from "./kalam-error.ts";
import type { Value } from "./value.ts";

/** By the name that `FILE('name')` in the statement says. A `File` keeps its own name and type. */
export type FileParts = Readonly<Record<string, Blob>>;

/** Of a FILE cell; null where the row has no file. Throws KalamError for what is no reference. */
export function parseFileRef(cell: Value): FileRef | null {
  if (cell === null) return null;
  try {
    return decodeFileRef(String(cell));
  } catch (cause) {
    if (!(cause instanceof DbError)) throw cause;
    throw new KalamError("INVALID_VALUE", "the cell is not the reference of a file", { cause });
  }
}

/** `table` is `namespace.name`. Of a USER table administrators may name another `user`. */
export function filePath(table: string, ref: FileRef, user?: string): string {
  const [namespace = "", name] = table.split(".");
  if (name === undefined) throw new KalamError("INVALID_INPUT", `'${table}' is not namespace.table`);
  const parts = [namespace, name, ref.sub, storedNameOf(ref)].map(encodeURIComponent);
  const query = user === undefined ? "" : `?user_id=${encodeURIComponent(user)}`;
  return `/v1/files/${parts.join("/")}${query}`;
}

/** What `EXPORT USER DATA` made, by the id of its job. */
export function exportPath(user: string, jobId: string): string {
  return `/v1/exports/${encodeURIComponent(user)}/${encodeURIComponent(jobId)}`;
}
