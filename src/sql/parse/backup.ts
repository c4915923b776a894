// BACKUP DATABASE, RESTORE DATABASE and EXPORT USER DATA.
import type { Statement } from "../statement.ts";
import { takeStorageId } from "./storages.ts";
import type { Cursor } from "./tokens.ts";

export function parseBackup(cursor: Cursor): Statement {
  cursor.expectWords("BACKUP", "DATABASE", "TO");
  const target = cursor.expectText();
  const storage = cursor.takeWords("IN", "STORAGE") ? takeStorageId(cursor) : undefined;
  cursor.expectEnd();
  return { kind: "backupDatabase", target, storage };
}

export function parseRestore(cursor: Cursor): Statement {
  cursor.expectWords("RESTORE", "DATABASE", "FROM");
  const source = cursor.expectText();
  cursor.expectEnd();
  return { kind: "restoreDatabase", source };
}
