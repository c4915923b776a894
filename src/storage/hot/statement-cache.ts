// Prepared SELECTs by text, at most `capacity`; the one unused for longest is finalized.
import type { Database, Statement } from "bun:sqlite";
import { assert } from "../../base/errors.ts";
import { Lru } from "../../base/lru.ts";
import type { SqliteValue } from "../../model/sql-type.ts";

type Row = SqliteValue[];

export class StatementCache {
  readonly #db: Database;
  readonly #safeIntegers: boolean;
  readonly #statements: Lru<string, Statement<Row, SqliteValue[]>>;

  constructor(db: Database, options: { readonly capacity: number; readonly safeIntegers: boolean }) {
    this.#db = db;
    this.#safeIntegers = options.safeIntegers;
    this.#statements = new Lru(options.capacity, (_text, statement) => statement.finalize());
  }

  /** Positional rows of a SELECT. Refuses any other statement: BEGIN, ATTACH and PRAGMA are "read-only" to SQLite, but return no columns. */
  all(sql: string, values: readonly SqliteValue[]): SqliteValue[][] {
    const statement = this.#statements.get(sql) ?? this.#prepare(sql);
    // bun:sqlite runs a statement that gets no values with the values of the run before: another user's, perhaps.
    assert(statement.paramsCount === values.length, `statement takes ${statement.paramsCount} values`);
    return statement.values(...values).map((row) => row);
  }

  #prepare(sql: string): Statement<Row, SqliteValue[]> {
    const statement = this.#db.prepare<Row, SqliteValue[]>(sql).safeIntegers(this.#safeIntegers);
    if (!statement.readonly || !statement.reader) {
      statement.finalize();
      throw new Error("only a SELECT may run here");
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}
