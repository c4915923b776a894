// system.indexes, and an index as the statement that would make it.
import { qualifiedName, type TableIndex, type TableSchema } from "../../model/schema.ts";
import { BOOLEAN, JSON_TYPE, TEXT } from "../../model/sql-type.ts";
import { columns, type SystemView } from "./definition.ts";

function columnTexts(table: TableSchema, index: TableIndex): { readonly name: string; readonly descending: boolean }[] {
  return index.columns.flatMap(({ id, descending }) => {
    const column = table.columns.find((known) => known.id === id);
    return column === undefined ? [] : [{ name: column.name, descending }];
  });
}

export function indexText(table: TableSchema, index: TableIndex): string {
  const list = columnTexts(table, index).map(({ name, descending }) => `"${name}"${descending ? " DESC" : ""}`);
  return `CREATE INDEX "${index.name}" ON ${qualifiedName(table)} (${list.join(", ")})`;
}

export const indexView: SystemView = {
  name: "system.indexes",
  adminOnly: true,
  isVersioned: true,
  columns: columns({
    namespace_id: TEXT,
    table_name: TEXT,
    index_name: TEXT,
    columns: JSON_TYPE,
    is_unique: BOOLEAN,
    definition: TEXT,
  }),
  rows: ({ catalog }) =>
    catalog
      .tables()
      .flatMap((table) =>
        (table.indexes ?? []).map((index) => [
          table.namespace,
          table.name,
          index.name,
          JSON.stringify(columnTexts(table, index).map(({ name, descending }) => ({ column_name: name, descending }))),
          false,
          indexText(table, index),
        ]),
      ),
};
