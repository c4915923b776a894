// One parser for the tests of this folder, and the shape errors are compared in.
import { DbError } from "../../../src/base/errors.ts";
import { loadParser } from "../../../src/sql/parse/parser.ts";
import type { Statement } from "../../../src/sql/statement.ts";

export const parser = await loadParser();

/** The one statement of a text. */
export function parseOne(sql: string): Statement {
  const [first, ...rest] = parser.parse(sql);
  if (first === undefined || rest.length > 0) throw new Error(`expected one statement in ${sql}`);
  return first.statement;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly position: number | undefined;
}

/** The coded error a text is refused with; anything else is thrown on. */
export function refusalOf(sql: string): Refusal {
  try {
    parser.parse(sql);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return { code: error.code, message: error.message, position: error.position };
  }
  throw new Error(`accepted: ${sql.slice(0, 200)}`);
}
