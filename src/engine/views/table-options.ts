// system.table_options: what a table was made with, a column for each option.
import { BIGINT, BOOLEAN, TEXT } from "../../model/sql-type.ts";
import { columns, type SystemView } from "./definition.ts";
import { optionalBigint, optionCells } from "./information-schema.ts";

export const tableOptions: SystemView = {
  name: "system.table_options",
  adminOnly: true,
  isVersioned: true,
  columns: columns({
    namespace_id: TEXT,
    table_name: TEXT,
    table_type: TEXT,
    storage_id: TEXT,
    use_user_storage: BOOLEAN,
    flush_row_threshold: BIGINT,
    flush_interval_seconds: BIGINT,
    ttl_seconds: BIGINT,
    access_level: TEXT,
    deleted_retention_hours: BIGINT,
    is_persisted: BOOLEAN,
  }),
  rows: ({ catalog }) =>
    catalog
      .tables()
      .map((table) => [
        table.namespace,
        table.name,
        table.kind,
        ...optionCells(table),
        table.kind === "shared" ? table.options.accessLevel : null,
        optionalBigint(table.options.deletedRetentionHours),
        table.kind === "stream" ? (table.options.isPersisted ?? false) : null,
      ]),
};
