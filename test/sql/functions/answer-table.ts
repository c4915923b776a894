// A table of expressions and PostgreSQL's answers, each asked of both executors: the compiled closure and SQLite over the rendered text.
import { afterAll, describe, expect, test } from "bun:test";
import type { Expr } from "../../../src/sql/expression.ts";
import { byCompile, bySqlite, openDatabase, shown } from "./expressions.ts";

/** The answer is PostgreSQL's text, null for NULL, or `error: …`. */
export type AnswerRow = readonly [why: string, expr: Expr, answer: string | null];

export function testAnswers(groups: Readonly<Record<string, readonly AnswerRow[]>>): void {
  const db = openDatabase();
  afterAll(() => db.close());
  for (const [group, rows] of Object.entries(groups)) {
    describe(`LQ-09 TB-04 TB-05 ${group}: the compiled closure and SQLite both answer as PostgreSQL`, () => {
      test.each(rows.map(([why, expr, answer]) => ({ why, expr, answer })))("$why", ({ expr, answer }) => {
        const compiled = byCompile(expr);
        expect(compiled && shown(compiled, expr.type)).toBe(answer);
        expect(shown(bySqlite(db, expr), expr.type)).toBe(answer);
      });
    });
  }
}
