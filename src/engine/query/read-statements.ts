// Texts of plans as prepared statements. A text that is run again is not parsed and authorized anew, which for a look-up is as much work as running it.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Lru } from "../../base/lru.ts";
import type { ReadPolicy } from "./read-policy.ts";

const MAX_STATEMENTS = 64;
/** A longer text takes longer to run than to prepare, and its statement more memory than it is worth. */
const MAX_KEPT_CHARACTERS = 16 * 1024;

export class ReadStatements {
  readonly #db: DatabaseSync;
  readonly #policy: ReadPolicy;
  readonly #kept = new Lru<string, StatementSync>(MAX_STATEMENTS);

  constructor(db: DatabaseSync, policy: ReadPolicy) {
    this.#db = db;
    this.#policy = policy;
  }

  /** While `work` runs, the connection reads these tables and no others. SQLite prepares a kept statement again when the schema has changed, so it is authorized then too. */
  run<T>(tables: ReadonlySet<string>, sql: string, work: (statement: StatementSync) => T): T {
    return this.#policy.restrict(tables, () => work(this.#statement(tables, sql)));
  }

  /** What was authorized for some tables says nothing of others. */
  #statement(tables: ReadonlySet<string>, sql: string): StatementSync {
    const key = `${[...tables].join(" ")}\n${sql}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    if (key.length <= MAX_KEPT_CHARACTERS) this.#kept.set(key, statement);
    return statement;
  }
}
