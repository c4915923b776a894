// DuckDB in this process: a reader of Parquet that knows nothing of ours.
import { DuckDBInstance } from "@duckdb/node-api";

export interface DuckDb extends AsyncDisposable {
  /** Every value as DuckDB's text of it; NULL is null. */
  rows(sql: string): Promise<(string | null)[][]>;
}

export async function openDuckDb(): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    async rows(sql) {
      const reader = await connection.runAndReadAll(`SELECT COLUMNS(*)::VARCHAR FROM (${sql})`);
      return reader.getRowsJson().map((row) => row.map((value) => (typeof value === "string" ? value : null)));
    },
    async [Symbol.asyncDispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
