// Rows into a temporary table, many to a statement: binding and stepping one by one takes twice the time.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { SqliteValue } from "../../model/sql-type.ts";

/** Values bound at once, about. Above a few hundred nothing is gained. */
const VALUES_AT_ONCE = 400;
const ROW_OVERHEAD_BYTES = 24;
const VALUE_BYTES = 8;

export class RowInsert {
  readonly #db: DatabaseSync;
  readonly #table: string;
  readonly #width: number;
  readonly #batchValues: number;
  /** Made with the first full batch: a few rows need none. */
  #batch: StatementSync | undefined;
  #values: SqliteValue[] = [];
  #bytes = 0;

  constructor(db: DatabaseSync, table: string, width: number) {
    this.#db = db;
    this.#table = table;
    this.#width = width;
    this.#batchValues = Math.max(1, Math.floor(VALUES_AT_ONCE / width)) * width;
  }

  /** What the rows take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next value of the row begun, column by column. */
  value(value: SqliteValue): void {
    this.#bytes += typeof value === "string" ? value.length : VALUE_BYTES;
    if (value instanceof Uint8Array) this.#bytes += value.byteLength;
    this.#values.push(value);
    if (this.#values.length < this.#batchValues) return;
    this.#batch ??= this.#prepare(this.#batchValues / this.#width);
    this.#batch.run(...this.#values);
    this.#bytes += (this.#batchValues / this.#width) * ROW_OVERHEAD_BYTES;
    this.#values = [];
  }

  /** Writes what is left of the last batch. */
  flush(): void {
    if (this.#values.length === 0) return;
    const rows = this.#values.length / this.#width;
    this.#prepare(rows).run(...this.#values);
    this.#bytes += rows * ROW_OVERHEAD_BYTES;
    this.#values = [];
  }

  #prepare(rows: number): StatementSync {
    const row = `(${Array.from({ length: this.#width }, () => "?").join(", ")})`;
    const list = Array.from({ length: rows }, () => row).join(", ");
    return this.#db.prepare(`INSERT INTO temp.${this.#table} VALUES ${list}`);
  }
}
