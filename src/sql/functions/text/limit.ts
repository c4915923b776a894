import { DbError } from "../../../base/errors.ts";

/** Text made by a function, in UTF-16 units: enough for any document, too little to exhaust memory. */
export const MAX_TEXT_LENGTH = 4 * 1024 * 1024;

export function assertTextLength(length: number): void {
  if (length > MAX_TEXT_LENGTH) {
    throw new DbError("SQL_EXECUTION_ERROR", `requested length too large: at most ${MAX_TEXT_LENGTH} characters`);
  }
}

export function inTextLimit(text: string): string {
  assertTextLength(text.length);
  return text;
}
