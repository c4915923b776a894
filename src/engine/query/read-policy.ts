// The authorizer of a query process: while a plan's text is prepared, it may select from the tables of that request and nothing else. The text is ours and
// holds no client's text, so this is the second lock on the same door.
import { constants, type DatabaseSync } from "node:sqlite";

const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set(["load_extension", "fts3_tokenizer"]);
/** Table-valued functions that a view's hole uses. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each"]);

/** Buffered tables and the temporary ones of flushed rows. */
const ROW_TABLE = /^(hot|cold)_[0-9]+$/;

export class ReadPolicy {
  readonly #catalogTables: ReadonlySet<string>;
  /** Undefined: our own statements, anything goes. */
  #tables: ReadonlySet<string> | undefined;

  /** `catalogTables`: every table of the file that a query must not read. */
  constructor(catalogTables: Iterable<string>) {
    this.#catalogTables = new Set(catalogTables);
  }

  install(db: DatabaseSync): void {
    db.setAuthorizer((action, table, name) => this.#decide(action, table, name));
  }

  /** Runs `work` with no more than SELECT on `tables`. */
  restrict<T>(tables: ReadonlySet<string>, work: () => T): T {
    this.#tables = tables;
    try {
      return work();
    } finally {
      this.#tables = undefined;
    }
  }

  #decide(action: number, table: string | null, name: string | null): number {
    if (this.#tables === undefined) return constants.SQLITE_OK;
    switch (action) {
      case constants.SQLITE_SELECT:
      case constants.SQLITE_RECURSIVE:
        return constants.SQLITE_OK;
      case constants.SQLITE_FUNCTION:
        return FORBIDDEN_FUNCTIONS.has(name ?? "") ? constants.SQLITE_DENY : constants.SQLITE_OK;
      case constants.SQLITE_READ:
        return this.#isReadable(table ?? "", name ?? "") ? constants.SQLITE_OK : constants.SQLITE_DENY;
      default:
        return constants.SQLITE_DENY;
    }
  }

  #isReadable(table: string, column: string): boolean {
    if (TABLE_FUNCTIONS.has(table) || this.#tables?.has(table) === true) return true;
    // A FROM item none of whose columns is used is reported without a column, and by its alias when it is a WITH query or a sub-select.
    const isStored = this.#catalogTables.has(table) || ROW_TABLE.test(table) || table.startsWith("sqlite_");
    return column === "" && !isStored;
  }
}
