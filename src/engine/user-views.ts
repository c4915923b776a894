// CREATE VIEW, DROP VIEW and SHOW VIEWS.
import { DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import { isAdmin } from "../model/role.ts";
import { sameType, TEXT, TIMESTAMP } from "../model/sql-type.ts";
import type { ViewColumn, ViewSchema } from "../model/view.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { BoundView } from "../sql/planner.ts";
import type { CreateView, TableRef } from "../sql/statement.ts";
import type { WriteTx } from "../storage/seams.ts";
import { assertNamespaceExists, namespaceOf } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult, rowsResult } from "./outcome.ts";
import type { Session } from "./session.ts";
import { assertNoViews, assertViewsHold } from "./view-dependents.ts";
import { columns, us } from "./views/definition.ts";
import { assertViewNotWatched } from "./watched.ts";

/** Every ALTER TABLE binds the views over its table, on the main thread. */
const MAX_VIEWS = 1_000;

export async function createView(statement: CreateView, session: Session, deps: EngineDeps): Promise<StatementResult> {
  const namespace = namespaceOf(statement.view, session);
  const { name } = statement.view;
  const full = `${namespace}.${name}`;
  const { value: created } = await deps.writer.submit((tx) => {
    const current = tx.catalog.view(namespace, name);
    if (current !== undefined && statement.ifNotExists) return false;
    if (current !== undefined && !statement.orReplace)
      throw new DbError("ALREADY_EXISTS", `View ${full} already exists`);
    if (current === undefined && tx.catalog.views().length >= MAX_VIEWS) {
      throw new DbError("UNSUPPORTED", `more than ${MAX_VIEWS} views are not supported`);
    }
    const source = { namespace: session.namespace, text: statement.selectText };
    const bound = deps.preparer.bindView(source, tx.catalog);
    const view = viewOf(statement, { namespace, name, source, bound });
    if (current !== undefined) assertKeepsColumns(current, view.columns);
    tx.putView(view);
    if (current !== undefined) assertViewsHold(tx.catalog, deps, ({ views }) => views.includes(full));
    return true;
  });
  return messageResult(session, `View ${full} ${created ? "created successfully" : "already exists"}`);
}

interface NewView {
  readonly namespace: Name;
  readonly name: Name;
  readonly source: { readonly namespace: Name; readonly text: string };
  readonly bound: BoundView;
}

function viewOf(statement: CreateView, { namespace, name, source, bound }: NewView): Parameters<WriteTx["putView"]>[0] {
  if (bound.parameterCount > 0) throw new DbError("INVALID_SQL", "a view cannot have parameters");
  if (bound.views.has(`${namespace}.${name}`)) {
    throw new DbError("INVALID_SQL", `infinite recursion detected in the definition of view "${name}"`);
  }
  if (statement.columns.length > bound.columns.length) {
    throw new DbError("INVALID_SQL", "CREATE VIEW specifies more column names than columns");
  }
  assertDistinct(bound.columns.map((column) => column.name));
  const columns = bound.columns.map((column, index): ViewColumn => {
    return { name: statement.columns[index] ?? column.name, type: column.type, output: column.name };
  });
  assertDistinct(columns.map((column) => column.name));
  const tables = [...new Set(bound.tables.map(({ id }) => id))];
  return {
    namespace,
    name,
    searchNamespace: source.namespace,
    text: source.text,
    columns,
    tables,
    views: [...bound.views],
  };
}

function assertDistinct(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new DbError("INVALID_SQL", `column "${twice}" specified more than once`);
}

/** As in PostgreSQL: what reads the view finds its columns where they were; new ones come after them. */
function assertKeepsColumns(current: ViewSchema, columns: readonly ViewColumn[]): void {
  for (const [index, { name, type }] of current.columns.entries()) {
    const column = columns[index];
    if (column === undefined) throw new DbError("INVALID_SQL", "cannot drop columns from view");
    if (column.name !== name) {
      throw new DbError("INVALID_SQL", `cannot change name of view column "${name}" to "${column.name}"`);
    }
    if (!sameType(column.type, type)) {
      throw new DbError("INVALID_SQL", `cannot change data type of view column "${name}"`);
    }
  }
}

export async function dropView(
  { view: ref, ifExists }: { readonly view: TableRef; readonly ifExists: boolean },
  session: Session,
  deps: EngineDeps,
): Promise<StatementResult> {
  const namespace = namespaceOf(ref, session);
  const full = `${namespace}.${ref.name}`;
  const { value: dropped } = await deps.writer.submit((tx) => {
    const view = tx.catalog.view(namespace, ref.name);
    if (view === undefined) {
      if (ifExists) return false;
      throw new DbError("TABLE_NOT_FOUND", `View ${full} does not exist`);
    }
    assertNoViews(tx.catalog, `drop view '${full}'`, ({ views }) => views.includes(full));
    assertViewNotWatched(view, deps);
    tx.dropView(view);
    return true;
  });
  return messageResult(session, `View ${full} ${dropped ? "dropped successfully" : "does not exist (skipped)"}`);
}

const SHOW_VIEWS = columns({ namespace_id: TEXT, view_name: TEXT, definition: TEXT, created_at: TIMESTAMP });

export function showViews(namespace: Name | undefined, session: Session, deps: EngineDeps): StatementResult {
  if (namespace !== undefined) assertNamespaceExists(namespace, deps);
  const rows = deps.catalog
    .views()
    .filter((view) => namespace === undefined || view.namespace === namespace)
    .map((view) => [view.namespace, view.name, isAdmin(session.role) ? view.text : null, us(view.createdAtMs)]);
  return rowsResult(session, SHOW_VIEWS, rows);
}
