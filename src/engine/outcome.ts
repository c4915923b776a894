// Results as statements make them, before they are put on the wire.
import type { OutputColumn } from "../model/schema.ts";
import { type Cell, TEXT } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { rowsToJson } from "./reads.ts";
import type { Session } from "./session.ts";

export function messageResult(session: Session, message: string): StatementResult {
  return { rowCount: 0, message, asUser: session.user };
}

export function rowsResult(
  session: Session,
  output: readonly OutputColumn[],
  rows: readonly (readonly Cell[])[],
): StatementResult {
  return { schema: output, rowsJson: rowsToJson({ output }, rows), rowCount: rows.length, asUser: session.user };
}

/** Columns of type TEXT, for results that are words rather than data. */
export function textColumns(...names: readonly string[]): OutputColumn[] {
  return names.map((name) => ({ name, type: TEXT, flags: [] }));
}
