// EXPORT USER DATA and SHOW EXPORT.
import type { Statement } from "../statement.ts";
import type { Cursor } from "./tokens.ts";

export function parseExport(cursor: Cursor): Statement {
  cursor.expectWords("EXPORT", "USER", "DATA");
  cursor.expectEnd();
  return { kind: "exportUserData" };
}
