// Views that users make: the text is bound anew wherever a view is read, so that a USER table in it shows the reader's rows and the reader's rights decide.
import type { Alias, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { qualifiedName } from "../../model/schema.ts";
import type { SqlType } from "../../model/sql-type.ts";
import type { ViewColumn } from "../../model/view.ts";
import type { ViewInfo } from "../plan.ts";
import type { Binder, BoundQuery, QueryColumn, RenderArg } from "./binder.ts";
import { outputType } from "./operand.ts";
import { derivedItem, type FromItem } from "./relation.ts";

/** `*` in a view leaves out `_seq` and `_deleted`. */
export function bindViewQuery(binder: Binder, select: SelectStmt): BoundQuery {
  const env = { ctes: undefined, outer: undefined, captured: [], topLevel: false, userColumnsOnly: true };
  const open = binder.query(select, env);
  return open.close(open.operands.map(outputType));
}

interface ViewUse {
  readonly alias: Alias | undefined;
  readonly position: number | undefined;
}

export function viewItem(binder: Binder, view: ViewInfo, { alias, position }: ViewUse): FromItem {
  const { session } = binder;
  const { schema } = view;
  session.forbidPoint();
  const query = session.insideView(schema, () => bindViewQuery(binder, view.select()));
  const places = schema.columns.map((column) => placeOf(schema, column, query.columns));
  const list = places.map((place, index) => `o${place} AS o${index}`).join(", ");
  const columns = schema.columns.map(({ name }, index): QueryColumn => {
    const { type, nullable } = query.columns[places[index] ?? 0] ?? { type: TEXT_TYPE, nullable: true };
    return { name, type, nullable, flags: [] };
  });
  const render = (renderArg: RenderArg): string => `(SELECT ${list} FROM (${query.render(renderArg)}))`;
  return derivedItem(session, { alias, name: schema.name, columns, position, render });
}

const TEXT_TYPE: SqlType = { kind: "text" };

/** ALTER TABLE keeps the outputs of views; only a file changed by hand could lack one. */
function placeOf(view: ViewInfo["schema"], { output }: ViewColumn, columns: readonly QueryColumn[]): number {
  const place = columns.findIndex((column) => column.name === output);
  if (place >= 0) return place;
  throw new DbError("COLUMN_NOT_FOUND", `view ${qualifiedName(view)} has lost its column "${output}"`);
}
