// How many rows a scope's segments hold, and the least and greatest values of columns, from metadata alone: exact as long as no two versions have one key and
// no version is a tombstone. Otherwise there is no answer here, and rows have to be read.
import type { SqliteValue, SqlType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { TotalKind } from "./column-totals.ts";
import { type ScopeTarget, type SegmentCache, type SegmentRef, typeAt } from "./segment-cache.ts";
import { columnStatistics, type SegmentFooter } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface ColumnTotalOf {
  readonly kind: TotalKind;
  /** Counts the table's columns. */
  readonly column: number;
}

/** The number of rows of a row group, then a value for each column asked for. */
export type SummaryRow = readonly SqliteValue[];

export interface ScopeSummary extends ScopeTarget {
  readonly segments: readonly SegmentRef[];
  readonly columns: readonly ColumnTotalOf[];
}

export interface SummarizedScope {
  readonly rows: readonly SummaryRow[];
  /** Whose statistics were looked at. */
  readonly rowGroups: number;
}

export async function summarizeScope(summary: ScopeSummary, cache: SegmentCache): Promise<SummarizedScope | undefined> {
  if (!haveDisjointKeys(summary.segments)) return undefined;
  // The catalog knows enough to count rows: no file is opened.
  if (summary.columns.length === 0 && summary.segments.every(({ tombstones }) => tombstones === 0)) {
    return { rows: summary.segments.map((segment) => [segment.rows]), rowGroups: 0 };
  }
  const rows: SummaryRow[] = [];
  for (const segment of summary.segments) {
    const footer = await cache.footer(summary, segment);
    for (let group = 0; group < footer.metadata.row_groups.length; group += 1) {
      const row = summaryRow(summary, footer, group);
      if (row === undefined) return undefined;
      rows.push(row);
    }
  }
  return { rows, rowGroups: rows.length };
}

interface KeyRange {
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

/** Within a segment every key is there once. */
export function haveDisjointKeys(segments: readonly KeyRange[]): boolean {
  const ordered = segments.toSorted((a, b) => compareSqlite(a.minKey, b.minKey));
  return ordered.every((segment, index) => {
    const before = ordered[index - 1];
    return before === undefined || compareSqlite(before.maxKey, segment.minKey) < 0;
  });
}

function summaryRow(summary: ScopeSummary, footer: SegmentFooter, group: number): SummaryRow | undefined {
  const { schema, columns } = summary;
  const deleted = columnStatistics(footer, group, { schema, place: schema.columns.length + 1 });
  if (deleted.bounds?.max !== 0) return undefined;
  const count = Number(footer.metadata.row_groups[group]?.num_rows);
  const row: SqliteValue[] = [count];
  for (const { kind, column } of columns) {
    const { bounds, nulls } = columnStatistics(footer, group, { schema, place: column });
    const known =
      kind === "count"
        ? nulls === undefined
          ? undefined
          : count - nulls
        : boundOf(kind, bounds, typeAt(schema, column));
    if (known === undefined) return undefined;
    row.push(known);
  }
  return row;
}

/** Bounds of text may be wider than the text is. */
function boundOf(
  kind: "sum" | "min" | "max",
  bounds: ReturnType<typeof columnStatistics>["bounds"],
  type: SqlType,
): SqliteValue | undefined {
  const { sqlite } = TYPES[type.kind];
  return kind === "sum" || (sqlite !== "INTEGER" && sqlite !== "REAL") ? undefined : bounds?.[kind];
}
