// A bound plan → a request to the pool. The one place that decides which scope and which keys a query process reads for a hole.
import { assert } from "../../base/errors.ts";
import type { Cell } from "../../model/sql-type.ts";
import type { QueryPlan, RelationUse } from "../../sql/plan.ts";
import { type BoundQuery, type QueryRunner, scopeOf, slotValues, sourceValue } from "../reads.ts";
import type { QueryRelation, QueryRequest, ResultFormat } from "./messages.ts";
import type { QueryPool } from "./pool.ts";

export function createQueryRunner(pool: QueryPool): QueryRunner {
  return {
    async json(query, signal) {
      const { json, rowCount } = await pool.run(queryRequest(query, "json"), { signal });
      return { rowsJson: json, rowCount };
    },
    async cells(query, signal) {
      const { rows, position } = await pool.run(queryRequest(query, "cells"), { signal });
      return { rows, position };
    },
  };
}

export function queryRequest(query: BoundQuery, format: ResultFormat): QueryRequest {
  const { plan } = query;
  return {
    sql: plan.sql,
    values: slotValues(query),
    relations: plan.relations.map((use) => queryRelation(use, query)),
    output: plan.output.map(({ type }) => type),
    format,
  };
}

function queryRelation(use: RelationUse, query: BoundQuery): QueryRelation {
  if (use.kind === "systemView") {
    return { kind: "view", columns: use.columns.length, rowsParameter: use.rowsSlot + 1 };
  }
  return {
    kind: "table",
    schema: use.schema,
    scope: scopeOf(use, query.slots),
    scopeParameter: use.kind === "userTable" ? use.scopeSlot + 1 : undefined,
    includeDeleted: use.includeDeleted,
    keys: pointKeys(query.plan, query.slots),
  };
}

function pointKeys(plan: QueryPlan, slots: readonly Cell[]): readonly Cell[] | undefined {
  if (plan.strategy.kind !== "point") return undefined;
  assert(plan.relations.length === 1, "a point plan reads one table");
  return plan.strategy.keys.map((key) => sourceValue(key, slots));
}
