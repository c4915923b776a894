// The queries behind SHOW TABLE STATS, of one scope each: how many rows there are, and how many deleted ones are still stored.
import type { TableSchema } from "../model/schema.ts";
import { BIGINT, TEXT } from "../model/sql-type.ts";
import type { QueryPlan, RelationRead, RelationUse, SqlText } from "./plan.ts";

/** One row. Slots: (not of a SHARED table) the owner. Metadata of files answers it where that is exact. */
export function liveRowsPlan(schema: TableSchema): QueryPlan {
  const sql = ["SELECT CAST(count(*) AS TEXT) FROM ", 0, " AS r0"];
  const summary = {
    sql: ["SELECT CAST(COALESCE(SUM(r0.n), 0) AS TEXT) FROM ", 0, " AS r0"],
    columns: [],
    groups: [],
    where: undefined,
  };
  return { ...countPlan(schema, sql, { columns: [], terms: [], top: undefined }), summary };
}

/** Newest versions that are ends of rows. Row groups without any are not read. */
export function deletedRowsPlan(schema: TableSchema): QueryPlan {
  const column = schema.columns.length + 1;
  const sql = ["SELECT CAST(count(*) AS TEXT) FROM ", 0, " AS r0 WHERE r0._deleted = 1"];
  const isDeleted = { kind: "in", column, values: [{ kind: "constant", value: true }] } as const;
  const plan = countPlan(schema, sql, { columns: [column], terms: [isDeleted], top: undefined });
  return { ...plan, relations: plan.relations.map(withDeleted) };
}

function withDeleted(use: RelationUse): RelationUse {
  return use.kind === "systemView" ? use : { ...use, includeDeleted: true };
}

function countPlan(schema: TableSchema, sql: SqlText, read: RelationRead): QueryPlan {
  const isShared = schema.kind === "shared";
  const table = { schema, includeDeleted: false, read };
  return {
    kind: "query",
    sql,
    slots: isShared ? [] : [{ kind: "user", type: TEXT }],
    relations: [isShared ? { kind: "sharedTable", ...table } : { kind: "userTable", scopeSlot: 0, ...table }],
    output: [{ name: "rows", type: BIGINT, flags: [] }],
    strategy: { kind: "scan" },
  };
}
