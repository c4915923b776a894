// A table of expressions and PostgreSQL's answers, each asked of both executors: the compiled closure and SQLite over the rendered text.
import { afterAll, describe, expect, test } from "bun:test";
import type { Expr } from "../../../src/sql/expression.ts";
import { functionNamed } from "../../../src/sql/functions/registry.ts";
import { byCompile, bySqlite, openDatabase, shown } from "./expressions.ts";

/** The answer is PostgreSQL's text, null for NULL, or `error: …`. */
export type AnswerRow = readonly [why: string, expr: Expr, answer: string | null];

/** What is not runs in query processes only: there is no closure to ask. */
function isBounded(expr: Expr): boolean {
  return expr.kind !== "call" || functionNamed(expr.name)?.bounded !== false;
}

export function testAnswers(groups: Readonly<Record<string, readonly AnswerRow[]>>): void {
  const db = openDatabase();
  afterAll(() => db.close());
  for (const [group, rows] of Object.entries(groups)) {
    describe(`LQ-09 TB-04 TB-05 ${group}: the compiled closure and SQLite both answer as PostgreSQL`, () => {
      test.each(rows.map(([why, expr, answer]) => ({ why, expr, answer })))("$why", ({ expr, answer }) => {
        const compiled = byCompile(expr);
        if (isBounded(expr)) expect(compiled && shown(compiled, expr.type)).toBe(answer);
        else expect(compiled).toBeUndefined();
        expect(shown(bySqlite(db, expr), expr.type)).toBe(answer);
      });
    });
  }
}
