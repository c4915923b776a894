// Rows of system.audit_log, read from the data file when somebody asks.
import type { Cell } from "../model/sql-type.ts";
import type { PointReader } from "../storage/seams.ts";

const SELECT_NEWEST_FIRST =
  "SELECT 'audit_' || id, time_ms * 1000, actor, action, target, status, details, address, subject FROM audit_log ORDER BY id DESC";

export function auditRows(reader: Pick<PointReader, "all">): readonly (readonly Cell[])[] {
  return reader.all(SELECT_NEWEST_FIRST, []).map(([id, us, ...rest]) => [id ?? null, BigInt(Number(us)), ...rest]);
}
