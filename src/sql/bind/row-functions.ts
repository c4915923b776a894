import { JSON_TYPE, type SqlType, TEXT } from "../../model/sql-type.ts";

export type RowColumns = readonly { readonly name: string; readonly type: SqlType }[];

/** Functions that take a JSON document apart, and the columns of their rows. */
export const JSON_COLUMNS: ReadonlyMap<string, RowColumns> = new Map(
  ["json", "jsonb"].flatMap((prefix): [string, RowColumns][] => [
    [`${prefix}_array_elements`, [{ name: "value", type: JSON_TYPE }]],
    [`${prefix}_array_elements_text`, [{ name: "value", type: TEXT }]],
    [`${prefix}_each`, keyAnd(JSON_TYPE)],
    [`${prefix}_each_text`, keyAnd(TEXT)],
    [`${prefix}_object_keys`, [{ name: `${prefix}_object_keys`, type: TEXT }]],
  ]),
);

function keyAnd(type: SqlType): RowColumns {
  return [
    { name: "key", type: TEXT },
    { name: "value", type },
  ];
}

const ROW_FUNCTIONS: ReadonlySet<string> = new Set([
  "generate_series",
  "unnest",
  "regexp_matches",
  "jsonb_path_query",
  "regexp_split_to_table",
  "string_to_table",
]);

/** Functions that give rows and so stand in FROM only. */
export function returnsRows(name: string): boolean {
  return ROW_FUNCTIONS.has(name) || JSON_COLUMNS.has(name);
}
