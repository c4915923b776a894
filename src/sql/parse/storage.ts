// STORAGE FLUSH and STORAGE COMPACT, of a TABLE and of ALL; STORAGE CHECK is read with the statements about storages.
import type { Statement } from "../statement.ts";
import { takeTableRef } from "./names.ts";
import { takeStorageCheck } from "./storages.ts";
import type { Cursor } from "./tokens.ts";

export function parseStorage(cursor: Cursor): Statement {
  cursor.expectWords("STORAGE");
  if (cursor.takeWords("CHECK")) return takeStorageCheck(cursor);
  const isCompact = cursor.takeWords("COMPACT");
  if (!isCompact) cursor.expectWords("FLUSH");
  if (cursor.takeWords("TABLE")) {
    const table = takeTableRef(cursor);
    cursor.expectEnd();
    return { kind: isCompact ? "compactTable" : "flushTable", table };
  }
  cursor.expectWords("ALL");
  const namespace = takeInNamespace(cursor);
  cursor.expectEnd();
  return { kind: isCompact ? "compactAll" : "flushAll", namespace };
}

/** `[IN [NAMESPACE] ns]` */
export function takeInNamespace(cursor: Cursor): ReturnType<Cursor["expectName"]> | undefined {
  if (!cursor.takeWords("IN")) return undefined;
  cursor.takeWords("NAMESPACE");
  return cursor.expectName("Namespace name");
}
