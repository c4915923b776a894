// SHOW CREATE: the statement that would make a table or view as it is now.

import { isAdmin } from "../model/role.ts";
import { qualifiedName } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { TableRef } from "../sql/statement.ts";
import { namespaceOf, requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { rowsResult, textColumns } from "./outcome.ts";
import type { Session } from "./session.ts";
import { tableText } from "./table-text.ts";
import { indexText } from "./views/index-view.ts";

export function showCreate(ref: TableRef, session: Session, deps: EngineDeps): StatementResult {
  const view = deps.catalog.view(namespaceOf(ref, session), ref.name);
  if (view === undefined) {
    const table = requireTable(ref, session, deps);
    const indexes = (table.indexes ?? []).map((index) => [index.name, indexText(table, index)]);
    return rowsResult(session, textColumns("name", "statement"), [
      [qualifiedName(table), tableText(table)],
      ...indexes,
    ]);
  }
  const columns = view.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(", ");
  const text = `CREATE VIEW ${qualifiedName(view)} (${columns}) AS ${view.text}`;
  return rowsResult(session, textColumns("name", "statement"), [
    [qualifiedName(view), isAdmin(session.role) ? text : null],
  ]);
}
