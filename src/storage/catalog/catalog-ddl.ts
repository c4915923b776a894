// The metadata tables of the data file. Readers in other processes may select from them; only the writer changes them.
import type { Database } from "bun:sqlite";
import { DbError } from "../../base/errors.ts";

/** Format of the data file. A file of a later format is refused, never guessed at. */
export const FORMAT_VERSION = 1;

/**
 * `meta` keys: `format_version`, `epoch` (random id of this history), `last_seq` (the last committed position).
 * `tables` points at the newest row of `table_versions`; older versions stay for reading old Parquet files.
 * `history_starts`: where ends of rows were forgotten, by scope. What is at or below its position is not buffered, as if a segment held it.
 * `stream_floors`: the same of persisted STREAM tables, one for all scopes.
 * AUTOINCREMENT, because an id must not come back: cold files and caches are keyed by it.
 */
const TABLES = [
  "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
  "CREATE TABLE namespaces (name TEXT PRIMARY KEY, created_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  `CREATE TABLE tables (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (namespace, name)
  ) STRICT`,
  `CREATE TABLE table_versions (
    table_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (table_id, version)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE users (
    id TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    oauth_issuer TEXT,
    oauth_subject TEXT,
    role TEXT NOT NULL,
    email TEXT,
    failed_logins INTEGER NOT NULL,
    locked_until_ms INTEGER,
    last_login_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER,
    tokens_valid_from_ms INTEGER NOT NULL,
    sessions TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Not held in memory: it is read as seldom as it is written.
  `CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    status TEXT NOT NULL,
    details TEXT,
    address TEXT,
    subject TEXT
  ) STRICT`,
  `CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    last_used_at_ms INTEGER,
    UNIQUE (user_id, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    parameters TEXT NOT NULL,
    message TEXT,
    trace TEXT,
    created_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    finished_at_ms INTEGER,
    memory_used INTEGER,
    cpu_used INTEGER
  ) STRICT`,
  `CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_id INTEGER NOT NULL,
    scope TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    schema_version INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    min_seq INTEGER NOT NULL,
    max_seq INTEGER NOT NULL,
    min_key ANY,
    max_key ANY,
    created_at_ms INTEGER NOT NULL
  ) STRICT`,
  "CREATE INDEX segments_by_scope ON segments (table_id, scope, max_seq)",
];

/** Columns that a file of this format may lack: they were added after it was made. Each is one that older rows can do without. */
const ADDED_COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  namespaces: { options: "TEXT" },
  segments: { tombstones: "INTEGER" },
  users: {
    storage_id: "TEXT",
    storage_mode: "TEXT NOT NULL DEFAULT 'table'",
  },
  jobs: {
    result: "TEXT",
    progress: "REAL",
    idempotency_key: "TEXT",
    priority: "INTEGER NOT NULL DEFAULT 0",
    retries: "INTEGER NOT NULL DEFAULT 0",
    max_retries: "INTEGER NOT NULL DEFAULT 0",
    updated_at_ms: "INTEGER NOT NULL DEFAULT 0",
  },
};

/** Tables that a file of this format may lack: it was made before they were. Empty is right for it. */
const ADDED_TABLES = [
  `CREATE TABLE IF NOT EXISTS views (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS storages (
    id TEXT PRIMARY KEY,
    definition TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS history_starts (
    table_id INTEGER NOT NULL,
    scope TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    PRIMARY KEY (table_id, scope)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS stream_floors (
    table_id INTEGER PRIMARY KEY,
    floor INTEGER NOT NULL
  ) STRICT`,
  // `idle_since_ms`: NULL while a row holds the file. `removing`: no row may take it any more.
  `CREATE TABLE IF NOT EXISTS files (
    table_id INTEGER NOT NULL,
    scope TEXT NOT NULL,
    id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    path TEXT NOT NULL,
    ref TEXT NOT NULL,
    idle_since_ms INTEGER,
    removing INTEGER NOT NULL,
    PRIMARY KEY (table_id, scope, id)
  ) STRICT, WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS files_by_idle_time ON files (idle_since_ms) WHERE idle_since_ms IS NOT NULL",
  `CREATE TABLE IF NOT EXISTS file_uses (
    table_id INTEGER NOT NULL,
    scope TEXT NOT NULL,
    file_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (table_id, scope, file_id, column_id)
  ) STRICT, WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS file_uses_by_column ON file_uses (table_id, column_id)",
];

/**
 * Everything at or below it has been flushed; NULL where nothing has. `scope` and `table` are SQL expressions: what a segment of the scope holds, and what was
 * forgotten when its segments were merged.
 */
export function flushedUpToSql(table: string, scope: string): string {
  return `(SELECT max(up_to) FROM (
    SELECT max(max_seq) AS up_to FROM segments WHERE table_id = ${table} AND scope = ${scope}
    UNION ALL SELECT starts_at FROM history_starts WHERE table_id = ${table} AND scope = ${scope}))`;
}

export const USER_COLUMNS = [
  "id",
  "password_hash",
  "oauth_issuer",
  "oauth_subject",
  "role",
  "email",
  "failed_logins",
  "locked_until_ms",
  "last_login_at_ms",
  "created_at_ms",
  "updated_at_ms",
  "deleted_at_ms",
  "tokens_valid_from_ms",
  "sessions",
  "storage_id",
  "storage_mode",
] as const;

/** Besides `id`, which SQLite assigns. */
export const AUDIT_COLUMNS = [
  "time_ms",
  "actor",
  "action",
  "target",
  "status",
  "details",
  "address",
  "subject",
] as const;

export const API_KEY_COLUMNS = [
  "id",
  "name",
  "user_id",
  "role",
  "secret_hash",
  "created_by",
  "created_at_ms",
  "expires_at_ms",
  "last_used_at_ms",
] as const;

export const JOB_COLUMNS = [
  "id",
  "type",
  "status",
  "parameters",
  "result",
  "message",
  "trace",
  "progress",
  "idempotency_key",
  "priority",
  "retries",
  "max_retries",
  "created_at_ms",
  "updated_at_ms",
  "started_at_ms",
  "finished_at_ms",
  "memory_used",
  "cpu_used",
] as const;

/** Besides `id`, which SQLite assigns. */
export const SEGMENT_COLUMNS = [
  "table_id",
  "scope",
  "path",
  "schema_version",
  "rows",
  "tombstones",
  "bytes",
  "min_seq",
  "max_seq",
  "min_key",
  "max_key",
  "created_at_ms",
] as const;

/** Creates the tables in a new file; refuses a file of a later format. Runs before anything else reads the file. In one transaction: with a sync for each statement opening a new file took four times as long. */
export function prepareCatalog(db: Database, options: { readonly path: string; readonly epoch: string }): void {
  db.run("BEGIN IMMEDIATE");
  try {
    createAll(db, options);
    db.run("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.run("ROLLBACK");
    throw error;
  }
}

function createAll(db: Database, { path, epoch }: { readonly path: string; readonly epoch: string }): void {
  using tables = db.prepare("SELECT name FROM sqlite_schema WHERE name = 'meta'");
  if (tables.values().length === 0) createTables(db, epoch);
  const format = readMeta(db, "format_version");
  if (format !== BigInt(FORMAT_VERSION)) {
    throw new DbError(
      "INVALID_CONFIG",
      `The data file ${path} has format ${String(format)}; this program reads format ${FORMAT_VERSION}`,
      { hint: "Use the KalamDB version that wrote it, or another data folder." },
    );
  }
  for (const statement of ADDED_TABLES) db.run(statement);
  addStatistics(db);
  for (const [table, columns] of Object.entries(ADDED_COLUMNS)) addMissingColumns(db, table, columns);
}

/** SQLite's own table, which only ANALYZE can make. It holds what the indexes of hot tables say of themselves. */
function addStatistics(db: Database): void {
  using statement = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'");
  if (statement.values().length > 0) return;
  db.run("ANALYZE meta");
  db.run("DELETE FROM sqlite_stat1");
}

function addMissingColumns(db: Database, table: string, columns: Readonly<Record<string, string>>): void {
  using statement = db.prepare<{ name: string }, [string]>("SELECT name FROM pragma_table_info(?1)");
  const present = new Set(statement.all(table).map(({ name }) => name));
  for (const [name, type] of Object.entries(columns)) {
    if (!present.has(name)) db.run(`ALTER TABLE ${table} ADD COLUMN ${name} ${type}`);
  }
}

function createTables(db: Database, epoch: string): void {
  for (const statement of TABLES) db.run(statement);
  using put = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)");
  put.run("format_version", FORMAT_VERSION);
  put.run("epoch", epoch);
  put.run("last_seq", 0);
}

/** Integers come as bigint: a position does not fit a number. */
export function readMeta(db: Database, key: string): unknown {
  using statement = db.prepare("SELECT value FROM meta WHERE key = ?1").safeIntegers(true);
  return statement.values(key)[0]?.[0];
}
