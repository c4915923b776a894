// The sub-select that fills a hole of a plan's text: buffered rows, and the flushed rows that no buffered version of the same key hides.
import { keyColumn } from "../../model/schema.ts";
import { TYPES } from "../../model/types.ts";
import { hotColumns, hotRelation, hotTableName, isScopedByUser } from "../../storage/hot/relation.ts";
import type { QueryRelation } from "./messages.ts";

/** `coldTable` holds the newest flushed version of each key of the relation's scope; undefined when nothing was flushed. */
export function relationText(relation: QueryRelation, coldTable: string | undefined): string {
  if (relation.kind === "table") return tableText(relation, coldTable);
  return relation.kind === "view" ? viewText(relation) : streamText(relation);
}

function tableText(relation: Extract<QueryRelation, { kind: "table" }>, coldTable: string | undefined): string {
  const { schema, includeDeleted } = relation;
  const scopeParameter = relation.scopeParameter === undefined ? undefined : `?${relation.scopeParameter}`;
  const hot = hotRelation({ schema, scopeParameter, includeDeleted });
  if (coldTable === undefined) return hot;
  const key = `c${keyColumn(schema).id}`;
  const columns = [...hotColumns(schema), "_seq", "_deleted"].join(", ");
  const owner = isScopedByUser(schema.kind) ? `h._user = ${scopeParameter} AND ` : "";
  // A buffered tombstone hides its flushed row too, so this looks at every buffered version.
  const hidden = `EXISTS (SELECT 1 FROM ${hotTableName(schema)} AS h WHERE ${owner}h.${key} = f.${key})`;
  const live = includeDeleted ? "" : "f._deleted = 0 AND ";
  return `(${hot.slice(1, -1)} UNION ALL SELECT ${columns} FROM temp.${coldTable} AS f WHERE ${live}NOT ${hidden})`;
}

function streamText({ schema, rowsParameter }: Extract<QueryRelation, { kind: "stream" }>): string {
  const columns = schema.columns.map((column, index) => {
    const value = `value ->> ${index}`;
    switch (TYPES[column.type.kind].sqlite) {
      case "BLOB":
        return `unhex(${value}) AS c${column.id}`;
      case "REAL":
        return `CAST(${value} AS REAL) AS c${column.id}`;
      default:
        return `${value} AS c${column.id}`;
    }
  });
  const system = [`value ->> ${schema.columns.length} AS _seq`, "0 AS _deleted"];
  return `(SELECT ${[...columns, ...system].join(", ")} FROM json_each(?${rowsParameter}))`;
}

function viewText(relation: Extract<QueryRelation, { kind: "view" }>): string {
  const columns = Array.from({ length: relation.columns }, (_unused, index) => `value ->> ${index} AS v${index}`);
  return `(SELECT ${columns.join(", ")} FROM json_each(?${relation.rowsParameter}))`;
}
