// What keeps a view whole while the tables under it change: what it reads stays, with the columns it shows.
import { DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import { sameType } from "../model/sql-type.ts";
import type { ViewSchema } from "../model/view.ts";
import type { CatalogView } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";

/** Throws when a view reads what is about to go. */
export function assertNoViews(catalog: CatalogView, action: string, reads: (view: ViewSchema) => boolean): void {
  const readers = catalog.views().filter(reads);
  if (readers.length === 0) return;
  throw new DbError(
    "DEPENDENT_OBJECTS",
    `Cannot ${action}: ${named(readers)} ${readers.length === 1 ? "reads" : "read"} it`,
    {
      hint: "Drop it first, with DROP VIEW.",
    },
  );
}

const MAX_NAMED = 5;

function named(views: readonly ViewSchema[]): string {
  const names = views.slice(0, MAX_NAMED).map((view) => `'${qualifiedName(view)}'`);
  const more = views.length > MAX_NAMED ? ` and ${views.length - MAX_NAMED} more` : "";
  return `${views.length === 1 ? "view" : "views"} ${names.join(", ")}${more}`;
}

/** A table that is dropped may not be read by a view outside the namespace that goes with it. */
export function assertNotViewed(catalog: CatalogView, table: TableSchema, leaving?: Name): void {
  assertNoViews(
    catalog,
    `drop table '${qualifiedName(table)}'`,
    (view) => view.namespace !== leaving && view.tables.includes(table.id),
  );
}

/** After a change: every view that it concerns still binds, and shows what it showed. */
export function assertViewsHold(
  catalog: CatalogView,
  deps: Pick<EngineDeps, "preparer">,
  concerns: (view: ViewSchema) => boolean,
): void {
  for (const view of catalog.views().filter(concerns)) {
    const lost = lostBy(view, catalog, deps);
    if (lost === undefined) continue;
    throw new DbError("DEPENDENT_OBJECTS", `Cannot change what view '${qualifiedName(view)}' reads: ${lost}`, {
      hint: "Drop the view, or replace it with CREATE OR REPLACE VIEW.",
    });
  }
}

function lostBy(view: ViewSchema, catalog: CatalogView, deps: Pick<EngineDeps, "preparer">): string | undefined {
  try {
    const { columns } = deps.preparer.bindView({ namespace: view.searchNamespace, text: view.text }, catalog);
    for (const { output, type } of view.columns) {
      const column = columns.find(({ name }) => name === output);
      if (column === undefined) return `column "${output}" would be gone`;
      if (!sameType(column.type, type)) return `column "${output}" would have another type`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof DbError) return error.message;
    throw error;
  }
}
