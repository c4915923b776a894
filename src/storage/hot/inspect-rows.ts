import { seqOf } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { InspectedRows, RowInspection } from "../seams.ts";
import { hotTableName } from "./relation.ts";

/** A page of a table's buffered rows, whoever owns them. What a scope held before it was emptied may be in the file for a while: it has to satisfy nothing. */
export function inspectRows(
  all: (sql: string, values: readonly SqliteValue[]) => SqliteValue[][],
  table: TableSchema,
  { after, columns, limit }: RowInspection,
): InspectedRows {
  const isNull = columns.map((id) => `c${id} IS NULL`);
  const startsAt = "SELECT starts_at FROM history_starts WHERE table_id = ?3 AND scope = _user";
  const isGone = `_deleted OR _seq <= ifnull((${startsAt}), 0)`;
  const text = `SELECT ${["_seq", isGone, ...isNull].join(", ")} FROM ${hotTableName(table)} WHERE _seq > ?1 ORDER BY _seq LIMIT ?2`;
  const rows = all(text, [after, limit, table.id]);
  const live = rows.filter(([, gone]) => gone === 0n);
  const last = rows.length < limit ? undefined : rows.at(-1)?.[0];
  return {
    through: typeof last === "bigint" ? seqOf(last) : undefined,
    hasLiveRow: live.length > 0,
    nulls: new Set(columns.filter((_id, index) => live.some((row) => row[index + 2] === 1n))),
  };
}
