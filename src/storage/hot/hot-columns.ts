// Columns that an ALTER TABLE adds to a hot table.
import type { Database } from "bun:sqlite";
import { DbError } from "../../base/errors.ts";
import { type Column, qualifiedName, type TableSchema } from "../../model/schema.ts";
import { createHotIndex } from "./hot-index.ts";
import { addColumnDdl, hotTableDdl, hotTableName } from "./relation.ts";
import type { StatementCache } from "./statement-cache.ts";

/** SQLite's own limit on the columns of a table. */
const MAX_HOT_COLUMNS = 2_000;

/** A dropped column stays behind in the buffer: taking it out would rewrite every row. It goes when the table is empty and room is needed. */
export function addHotColumns(
  { db, statements }: { readonly db: Database; readonly statements: StatementCache },
  schema: TableSchema,
  columns: readonly Column[],
): void {
  const name = hotTableName(schema);
  const present = statements.all(`SELECT name FROM pragma_table_info('${name}')`, []).length;
  if (present + columns.length <= MAX_HOT_COLUMNS) {
    for (const column of columns) db.run(addColumnDdl(schema, column));
    return;
  }
  if (statements.all(`SELECT 1 FROM ${name} LIMIT 1`, []).length > 0) {
    throw new DbError("UNSUPPORTED", `Table ${qualifiedName(schema)} has had too many columns for its buffer`, {
      hint: "Run STORAGE FLUSH TABLE first: an empty buffer forgets dropped columns.",
    });
  }
  db.run(`DROP TABLE ${name}`);
  db.run(hotTableDdl(schema));
  for (const index of schema.indexes ?? []) createHotIndex(db, schema, index);
}
