// The sub-select that fills a hole of a plan's text: buffered rows, and the flushed rows that no buffered version of the same key hides.
import type { Seq } from "../../base/ids.ts";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import { TYPES } from "../../model/types.ts";
import type { SummaryText } from "../../sql/plan.ts";
import { typeAt } from "../../storage/cold/segment-cache.ts";
import { hotColumns, hotRelation, hotTableName, isScopedByUser } from "../../storage/hot/relation.ts";
import { placeName } from "./cold-tables.ts";
import type { QueryRelation } from "./messages.ts";

/** What is known of the stored rows that a relation reads. */
export interface RelationRows {
  /** What to select the newest flushed version of each key from that the query can need; undefined when there is none. */
  readonly flushed: string | undefined;
  /** No row of the scope is buffered, so that none hides a flushed one. */
  readonly isBufferEmpty: boolean;
  /** What the buffer's table has of the scope at or below it is in the files, or gone; 0: nothing is. */
  readonly flushedUpTo: Seq;
}

export function relationText(relation: QueryRelation, rows: RelationRows): string {
  if (relation.kind === "table") return withOwnRows(relation, tableText(relation, rows));
  return relation.kind === "view" ? viewText(relation) : streamText(relation);
}

export type TableRelation = Extract<QueryRelation, { kind: "table" }>;

function tableText(relation: TableRelation, { flushed, isBufferEmpty, flushedUpTo }: RelationRows): string {
  const { schema, includeDeleted } = relation;
  const names = columnNames(relation);
  const scopeParameter = relation.scopeParameter === undefined ? undefined : `?${relation.scopeParameter}`;
  const startsAt = flushedUpTo === 0n ? undefined : String(flushedUpTo);
  const hot = hotRelation({ schema, scopeParameter, includeDeleted, startsAt, columns: names });
  if (flushed === undefined) return hot;
  const shown = names.map((name) => (name === "_deleted" && !includeDeleted ? "0 AS _deleted" : name)).join(", ");
  const hidden = isBufferEmpty ? "" : ` WHERE NOT ${hiddenText(relation, "f", flushedUpTo)}`;
  const cold = `SELECT ${shown} FROM ${flushed} AS f${hidden}`;
  return `(${hot.slice(1, -1)} UNION ALL ${cold})`;
}

export interface SummaryParts {
  /** Number of the parameter with the parts of the flushed rows: a JSON array of arrays. */
  readonly partsParameter: number;
  /** What the buffer has at or below it is in them, or gone. */
  readonly flushedUpTo: Seq;
}

/** Buffered live rows, each a part of its own, and the parts of the flushed ones, none of which they hide. */
export function summaryHole(
  relation: TableRelation,
  { columns, groups, where }: SummaryText,
  { partsParameter, flushedUpTo }: SummaryParts,
): string {
  const { schema } = relation;
  const scopeParameter = relation.scopeParameter === undefined ? undefined : `?${relation.scopeParameter}`;
  const keys = groups.map((place) => placeName(schema, place));
  const values = columns.map(({ kind, column }, index) => {
    const name = placeName(schema, column);
    return `${kind === "count" ? `${name} IS NOT NULL` : name} AS s${index}`;
  });
  const startsAt = String(flushedUpTo);
  const hot = hotRelation({
    schema,
    scopeParameter,
    includeDeleted: false,
    startsAt,
    columns: ["1 AS n", ...keys, ...values],
  });
  const condition = where === undefined ? "" : ` AND ${where}`;
  const types = [...groups, ...columns.map(({ kind, column }) => (kind === "count" ? undefined : column))];
  const names = [...keys, ...columns.map((_column, index) => `s${index}`)];
  const parts = names.map((name, index) => {
    const place = types[index];
    const isReal = place !== undefined && TYPES[typeAt(schema, place).kind].sqlite === "REAL";
    return `${isReal ? `CAST(value ->> ${index + 1} AS REAL)` : `value ->> ${index + 1}`} AS ${name}`;
  });
  const flushed = `SELECT ${["value ->> 0 AS n", ...parts].join(", ")} FROM json_each(?${partsParameter})`;
  return `(${hot.slice(1, -1)}${condition} UNION ALL ${flushed})`;
}

/** True for a flushed row whose key is buffered. A buffered tombstone hides its flushed row too, so this looks at every buffered version; a leftover hides nothing. */
export function hiddenText({ schema, scopeParameter }: TableRelation, alias: string, flushedUpTo: Seq): string {
  const key = `c${keyColumn(schema).id}`;
  const owner = isScopedByUser(schema.kind) ? `h._user = ?${scopeParameter} AND ` : "";
  return `EXISTS (SELECT 1 FROM ${hotTableName(schema)} AS h WHERE ${owner}h.${key} = ${alias}.${key} AND +h._seq > ${flushedUpTo})`;
}

/** A relation has one column at least. */
function columnNames({ schema, places }: TableRelation): readonly string[] {
  if (places === undefined) return [...hotColumns(schema), "_seq", "_deleted"];
  return (places.length === 0 ? [schema.keyIndex] : places).map((place) => placeName(schema, place));
}

/** Rows that the transaction wrote hide what everybody else sees of their keys. Its relation shows every column. */
function withOwnRows(relation: TableRelation, text: string): string {
  const { schema, ownParameter, includeDeleted } = relation;
  if (ownParameter === undefined) return text;
  const rows = `json_each(?${ownParameter})`;
  const key = `c${keyColumn(schema).id}`;
  const width = schema.columns.length;
  const system = [`value ->> ${width} AS _seq`, `value ->> ${width + 1} AS _deleted`];
  const live = includeDeleted ? "" : ` WHERE value ->> ${width + 1} = 0`;
  const written = `SELECT value ->> ${schema.keyIndex} FROM ${rows}`;
  const others = `SELECT ${columnNames(relation).join(", ")} FROM ${text} AS p WHERE p.${key} NOT IN (${written})`;
  return `(${others} UNION ALL SELECT ${[...unpackedColumns(schema), ...system].join(", ")} FROM ${rows}${live})`;
}

function streamText({ schema, rowsParameter }: Extract<QueryRelation, { kind: "stream" }>): string {
  const system = [`value ->> ${schema.columns.length} AS _seq`, "0 AS _deleted"];
  return `(SELECT ${[...unpackedColumns(schema), ...system].join(", ")} FROM json_each(?${rowsParameter}))`;
}

/** Columns of a row that is a JSON array. */
function unpackedColumns(schema: TableSchema): string[] {
  return schema.columns.map((_column, place) => unpacked(schema, place, place));
}

function unpacked(schema: TableSchema, place: number, index: number): string {
  const value = `value ->> ${index}`;
  const name = placeName(schema, place);
  switch (TYPES[typeAt(schema, place).kind].sqlite) {
    case "BLOB":
      return `unhex(${value}) AS ${name}`;
    case "REAL":
      return `CAST(${value} AS REAL) AS ${name}`;
    default:
      return `${value} AS ${name}`;
  }
}

/** Rows that are a JSON array of arrays, with values of these places. */
export function rowsText(schema: TableSchema, places: readonly number[], parameter: number): string {
  const columns = places.map((place, index) => unpacked(schema, place, index));
  return `(SELECT ${columns.join(", ")} FROM json_each(?${parameter}))`;
}

function viewText(relation: Extract<QueryRelation, { kind: "view" }>): string {
  const columns = Array.from({ length: relation.columns }, (_unused, index) => `value ->> ${index} AS v${index}`);
  return `(SELECT ${columns.join(", ")} FROM json_each(?${relation.rowsParameter}))`;
}
