// LQ-15: a table or a view with live queries stays.
import { DbError } from "../base/errors.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { ViewSchema } from "../model/view.ts";
import type { EngineDeps } from "./deps.ts";

type Deps = Pick<EngineDeps, "live">;

export function assertNotWatched(table: TableSchema, { live }: Deps): void {
  refuse(live.subscriptionsOf(table.id), `table '${qualifiedName(table)}'`);
}

export function assertViewNotWatched(view: ViewSchema, { live }: Deps): void {
  const name = qualifiedName(view);
  refuse(live.subscriptionsOfView(name), `view '${name}'`);
}

function refuse(watchers: number, what: string): void {
  if (watchers === 0) return;
  throw new DbError(
    "DEPENDENT_OBJECTS",
    `Cannot drop ${what}: ${watchers} active live quer${watchers === 1 ? "y" : "ies"}`,
    { hint: "Close them, or end them with KILL LIVE QUERY; system.live_queries lists them." },
  );
}
