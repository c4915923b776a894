// `SELECT count(*)` of a whole scope on the main thread: the catalog knows how many rows the files hold, and few rows are buffered. Whenever that is not exact, or
// more than a little work, a query process is asked.
import type { Scope } from "../base/ids.ts";
import { keyColumn, type TableSchema } from "../model/schema.ts";
import type { SqliteValue } from "../model/sql-type.ts";
import type { RelationUse } from "../sql/plan.ts";
import { haveDisjointKeys } from "../storage/cold/scope-summary.ts";
import { hotRelation, hotTableName, isScopedByUser } from "../storage/hot/relation.ts";
import type { CatalogView, PointReader, Segment, Writer } from "../storage/seams.ts";
import { type BoundQuery, cellsOf, type RowsText, rowsToJson, scopeOf, slotValues } from "./reads.ts";

export interface CountDeps {
  readonly catalog: Pick<CatalogView, "segments" | "flushedUpTo">;
  readonly reader: Pick<PointReader, "all">;
  readonly writer: Pick<Writer, "bufferedRows">;
}

/** Buffered rows are counted one by one, 0.1 ms for so many. */
const MAX_BUFFERED = 1_000;
/** Each is a search for a buffered key within its keys, 3 µs. */
const MAX_SEGMENTS = 200;
/** Values beside the count that may be computed here. */
const MAX_OUTPUTS = 16;

type TableUse = Exclude<RelationUse, { kind: "systemView" }>;

/** Undefined when a query process has to be asked. */
export function readCounted(query: BoundQuery, deps: CountDeps): RowsText | undefined {
  const text = countText(query, deps);
  if (text === undefined) return undefined;
  const rows = deps.reader.all(text.sql, text.values);
  const cells = rows.map((row) => cellsOf(query.plan, row));
  return { rowsJson: rowsToJson(query.plan, cells), rowCount: rows.length };
}

/** The text that counts, if it is exact and little work. */
function countText(query: BoundQuery, deps: CountDeps): { sql: string; values: SqliteValue[] } | undefined {
  const { plan, slots, own } = query;
  const [use] = plan.relations;
  const { summary } = plan;
  const isCount = summary !== undefined && summary.columns.length + summary.groups.length === 0 && !summary.where;
  if (!isCount || own !== undefined || plan.relations.length !== 1 || plan.output.length > MAX_OUTPUTS)
    return undefined;
  if (use === undefined || use.kind === "systemView" || use.schema.kind === "stream" || use.includeDeleted)
    return undefined;
  const scope = scopeOf(use, slots);
  const flushed = flushedRows(use.schema, scope, deps);
  if (flushed === undefined) return undefined;
  const values = slotValues(query);
  const hole = countHole(use, deps.catalog.flushedUpTo(use.schema.id, scope), values.length + 1);
  const sql = summary.sql.map((piece) => (typeof piece === "string" ? piece : hole)).join("");
  return { sql, values: [...values, flushed] };
}

/** Live rows of the files that no buffered version hides; undefined when the catalog does not tell. */
function flushedRows(schema: TableSchema, scope: Scope, { catalog, reader, writer }: CountDeps): number | undefined {
  const buffered = writer.bufferedRows(schema.id, scope);
  const segments = catalog.segments(schema.id, scope);
  if (buffered > MAX_BUFFERED || segments.length > MAX_SEGMENTS) return undefined;
  if (!segments.every(({ tombstones }) => tombstones === 0) || !haveDisjointKeys(segments)) return undefined;
  const upTo = catalog.flushedUpTo(schema.id, scope);
  const isHidden = ({ minKey, maxKey }: Segment): boolean => {
    const [owner, first] = isScopedByUser(schema.kind) ? ["_user = ?1 AND ", [scope]] : ["", []];
    const place = first.length;
    const key = `c${keyColumn(schema).id}`;
    const text = `SELECT 1 FROM ${hotTableName(schema)} WHERE ${owner}${key} BETWEEN ?${place + 1} AND ?${place + 2} AND +_seq > ?${place + 3} LIMIT 1`;
    return reader.all(text, [...first, minKey, maxKey, upTo]).length > 0;
  };
  if (buffered > 0 && segments.some(isHidden)) return undefined;
  return segments.reduce((sum, { rows }) => sum + rows, 0);
}

/** Each buffered row, and the flushed ones together. */
function countHole(use: TableUse, upTo: bigint, parameter: number): string {
  const scopeParameter = use.kind === "userTable" ? `?${use.scopeSlot + 1}` : undefined;
  const hot = hotRelation({
    schema: use.schema,
    scopeParameter,
    includeDeleted: false,
    startsAt: String(upTo),
    columns: ["1 AS n"],
  });
  return `(${hot.slice(1, -1)} UNION ALL SELECT ?${parameter} AS n)`;
}
