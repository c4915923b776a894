// A bound plan → a request to the pool. The one place that decides which scope and which keys a query process reads for a hole.
import { assert } from "../../base/errors.ts";
import type { RowVersion } from "../../model/change.ts";
import { qualifiedName, SEQ_COLUMN, type TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { cellFromSqlite, cellToSqlite, TYPES } from "../../model/types.ts";
import type { QueryPlan, RelationUse } from "../../sql/plan.ts";
import type { ColumnCondition } from "../../storage/cold/column-condition.ts";
import { typeAt } from "../../storage/cold/segment-cache.ts";
import type { StreamView } from "../../storage/seams.ts";
import { type BoundQuery, type FlushedRead, type QueryRunner, scopeOf, slotValues, sourceValue } from "../reads.ts";
import type { ColdRead, QueryRelation, QueryRequest, ResultFormat } from "./messages.ts";
import type { QueryPool } from "./pool.ts";
import { boundRead } from "./relation-read.ts";
import { valueJson } from "./value-json.ts";

export function createQueryRunner(pool: QueryPool, streams: Pick<StreamView, "versions">): QueryRunner {
  return {
    async json(query, signal) {
      const { json, rowCount } = await pool.run(queryRequest(query, "json", streams), { signal });
      return { rowsJson: json, rowCount };
    },
    async cells(query, signal) {
      const { rows, rowCount, position } = await pool.run(queryRequest(query, "cells", streams), { signal });
      return { rows, rowCount, position };
    },
    clearCaches: () => pool.clearCaches(),
    async explain(query, { analyze, signal }) {
      const request = queryRequest({ ...query, isAnyVersion: true }, "plan", streams);
      const planned = await pool.run(request, { signal });
      const tables = request.relations.filter((relation) => relation.kind === "table");
      const reads = readsOf(tables, planned.reads);
      if (!analyze) return { rowCount: 0, reads };
      const ran = await pool.run({ ...request, format: "json" }, { signal });
      const did = readsOf(tables, ran.reads);
      return {
        rowCount: ran.rowCount,
        reads: did.map((read, index) => ({ ...read, indexes: reads[index]?.indexes ?? [] })),
      };
    },
  };
}

/** A table without segments is read from the buffer alone and reports nothing. */
function readsOf(tables: readonly TableRelation[], reads: readonly ColdRead[]): FlushedRead[] {
  const waiting = [...reads];
  return tables.map((relation) => {
    const isNext = waiting[0]?.table === qualifiedName(relation.schema);
    const read = isNext ? waiting.shift() : undefined;
    const conditions = relation.conditions.map((condition) => conditionText(relation.schema, condition));
    return { ...NOTHING_FLUSHED, ...read, conditions };
  });
}

const NOTHING_FLUSHED = {
  segments: 0,
  segmentsRead: 0,
  rowGroups: 0,
  rowGroupsRead: 0,
  rows: 0,
  by: "rows",
  isCached: false,
  indexes: [],
} as const;

function conditionText(schema: TableSchema, condition: ColumnCondition): string {
  const name = schema.columns[condition.place]?.name ?? SEQ_COLUMN;
  const type = typeAt(schema, condition.place);
  const text = (value: SqliteValue): string => {
    const cell = cellFromSqlite(value, type);
    return cell === null ? "NULL" : TYPES[type.kind].toText(cell, type);
  };
  switch (condition.kind) {
    case "isNull":
      return `${name} IS ${condition.negated ? "NOT " : ""}NULL`;
    case "compare":
      return `${name} ${condition.op} ${text(condition.value)}`;
    case "in":
      return `${name} IN (${condition.values.map(text).join(", ")})`;
  }
}

type TableRelation = Extract<QueryRelation, { kind: "table" }>;

export function queryRequest(
  query: BoundQuery,
  format: ResultFormat,
  streams: Pick<StreamView, "versions">,
): QueryRequest {
  const { plan } = query;
  const values = slotValues(query);
  /** However often a query names a STREAM table, its rows travel once. */
  const streamParameters = new Map<TableSchema["id"], number>();
  const relations = plan.relations.map((use): QueryRelation => {
    if (use.kind !== "userTable" || use.schema.kind !== "stream") {
      return withOwnRows(queryRelation(use, query, values), query, values);
    }
    const { schema } = use;
    const known = streamParameters.get(schema.id);
    const rowsParameter =
      known ?? values.push(streamRowsJson(schema, streams.versions(schema, scopeOf(use, query.slots))));
    streamParameters.set(schema.id, rowsParameter);
    return { kind: "stream", schema, rowsParameter };
  });
  return {
    sql: plan.sql,
    values,
    relations,
    output: plan.output.map(({ type }) => type),
    format,
    ...(plan.summary === undefined ? {} : { summary: plan.summary }),
    ...(query.maxRows === undefined ? {} : { maxRows: query.maxRows }),
  };
}

/** What the transaction has written travels as a value beside the others. */
function withOwnRows(relation: QueryRelation, { own }: BoundQuery, values: SqliteValue[]): QueryRelation {
  if (relation.kind !== "table") return relation;
  const versions = own?.versions(relation.schema, relation.scope) ?? [];
  if (versions.length === 0) return relation;
  const rows = versions.map((version) => rowJson(relation.schema, version, version.deleted ? ",1" : ",0"));
  // Which rows come first is not known before these are among them.
  return { ...relation, places: undefined, top: undefined, ownParameter: values.push(`[${rows.join(",")}]`) };
}

/** SQLite's forms of the live rows; 64-bit integers as bare digits, bytes as hexadecimal text. */
function streamRowsJson(schema: TableSchema, versions: readonly RowVersion[]): string {
  const rows = versions.filter(({ deleted }) => !deleted).map((version) => rowJson(schema, version, ""));
  return `[${rows.join(",")}]`;
}

function rowJson(schema: TableSchema, { cells, seq }: RowVersion, tail: string): string {
  const values = schema.columns.map((column, index) => valueJson(cellToSqlite(cells[index] ?? null, column.type)));
  return `[${[...values, seq].join(",")}${tail}]`;
}

function queryRelation(use: RelationUse, query: BoundQuery, values: readonly SqliteValue[]): QueryRelation {
  if (use.kind === "systemView") {
    return { kind: "view", columns: use.columns.length, rowsParameter: use.rowsSlot + 1 };
  }
  return {
    kind: "table",
    schema: use.schema,
    scope: scopeOf(use, query.slots),
    scopeParameter: use.kind === "userTable" ? use.scopeSlot + 1 : undefined,
    includeDeleted: use.includeDeleted,
    ...(query.isAnyVersion === true ? { isAnyVersion: true } : {}),
    keys: pointKeys(query.plan, query.slots),
    ...boundRead(use, values),
  };
}

function pointKeys(plan: QueryPlan, slots: readonly Cell[]): readonly Cell[] | undefined {
  if (plan.strategy.kind !== "point") return undefined;
  assert(plan.relations.length === 1, "a point plan reads one table");
  return plan.strategy.keys.map((key) => sourceValue(key, slots));
}
