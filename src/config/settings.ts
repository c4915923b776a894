// The one table of settings. Flags, environment variables, server.toml keys, `--help`, `system.settings`, specs/settings.md and the type of
// `Config` all come from it. Names and environment variables follow the peer's where the setting exists there.
import { AUTH_SETTINGS } from "./auth-settings.ts";
import { LOGGING_SETTINGS } from "./logging-settings.ts";
import {
  count,
  DAY_SECONDS,
  GIB,
  KIB,
  MIB,
  milliseconds,
  perSecond,
  type Setting,
  seconds,
  setting,
} from "./setting.ts";
import {
  addressRangeList,
  boolean,
  byteSize,
  choice,
  integer,
  originList,
  secretText,
  text,
  textList,
} from "./value-type.ts";

export const SETTINGS = {
  "server.host": setting({
    type: text("HOST", "an address or host name"),
    fallback: "127.0.0.1",
    help: "Address to listen on.",
    aliases: ["--host"],
  }),
  "server.port": setting({
    type: integer({ min: 0, max: 65_535, metavar: "PORT" }),
    fallback: 8080,
    help: "Port to listen on; 0 lets the system choose one.",
    aliases: ["--port"],
  }),
  "storage.data_path": setting({
    type: text("DIR", "a folder"),
    fallback: "./data",
    help: "Folder of the database, made on first start.",
    env: ["KALAMDB_DATA_DIR"],
    aliases: ["--data-dir"],
  }),
  "storage.durability": setting({
    type: choice<"full" | "normal">(["full", "normal"]),
    fallback: "full",
    help: "full syncs every commit to disk; normal survives a crash of the process, not of the machine.",
  }),
  "storage.remote_timeouts.request_ms": setting({
    type: milliseconds,
    fallback: 60_000,
    help: "Time one attempt of a request to a remote storage may take; a large upload gets it again for each 16 MiB.",
  }),
  "storage.remote_read_cache_bytes": setting({
    type: byteSize(0, GIB),
    fallback: 32 * MIB,
    help: "Ranges of the objects of a remote storage that each process reading it keeps in memory.",
  }),
  "storage.s3_access_key_id": setting({
    type: secretText,
    fallback: undefined,
    help: "For S3 storages without CREDENTIALS of their own, and for restores from S3; with its secret.",
    env: ["AWS_ACCESS_KEY_ID"],
    secret: true,
  }),
  "storage.s3_secret_access_key": setting({
    type: secretText,
    fallback: undefined,
    help: "The secret of storage.s3_access_key_id.",
    env: ["AWS_SECRET_ACCESS_KEY"],
    secret: true,
  }),
  "storage.s3_session_token": setting({
    type: secretText,
    fallback: undefined,
    help: "Goes with temporary keys.",
    env: ["AWS_SESSION_TOKEN"],
    secret: true,
  }),
  ...AUTH_SETTINGS,
  "metrics.access": setting({
    type: choice<"admin" | "public">(["admin", "public"]),
    fallback: "admin",
    help: "Who may read /metrics: administrators with their token, or everyone who reaches the port.",
  }),
  "audit.max_entries": setting({
    type: integer({ min: 0, max: 100_000 }),
    fallback: 10_000,
    help: "Entries that system.audit_log keeps, the newest; 0 keeps none. The log has them all, at level info.",
  }),
  ...LOGGING_SETTINGS,
  "websocket.auth_timeout_secs": setting({
    type: seconds,
    fallback: 3,
    help: "A connection that has not authenticated after this long is closed.",
  }),
  "websocket.max_connections": setting({
    type: count,
    fallback: 100_000,
    help: "WebSockets open at once; one more is refused with 503.",
  }),
  "websocket.max_connections_per_ip": setting({
    type: count,
    fallback: 20_000,
    help: "WebSockets open at once from one client address; one more is refused with 429.",
  }),
  "websocket.client_timeout_secs": setting({
    type: integer({ min: 8, max: 960, unit: "seconds", metavar: "SECONDS" }),
    fallback: 60,
    help: "A connection that has been silent this long, pongs included, is closed.",
  }),
  "rate_limit.max_queries_per_sec": setting({
    type: perSecond,
    fallback: 100_000,
    help: "SQL requests a second for each user.",
  }),
  "rate_limit.max_messages_per_sec": setting({
    type: perSecond,
    fallback: 10_000,
    help: "WebSocket messages a second for each connection.",
  }),
  "rate_limit.max_subscriptions_per_user": setting({
    type: count,
    fallback: 10_000,
    help: "Live queries open at once for each user.",
  }),
  "rate_limit.max_subscriptions_per_connection": setting({
    type: count,
    fallback: 1000,
    help: "Live queries open at once on each connection.",
  }),
  "rate_limit.max_auth_requests_per_ip_per_sec": setting({
    type: perSecond,
    fallback: 20,
    help: "Login, refresh and setup requests, and failed WebSocket authentications, a second for each client address.",
    env: ["KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC"],
  }),
  "security.max_request_body_size": setting({
    type: byteSize(KIB, GIB),
    fallback: 10 * MIB,
    help: "Largest HTTP request body.",
  }),
  "security.max_ws_message_size": setting({
    type: byteSize(KIB, 64 * MIB),
    fallback: MIB,
    help: "Largest WebSocket message from a client.",
  }),
  "security.cors.allowed_origins": setting({
    type: originList,
    fallback: [],
    help: "Origins whose pages may call the server; none by default, * for any.",
  }),
  "security.table_definition_role": setting({
    type: choice<"user" | "service" | "dba">(["user", "service", "dba"]),
    fallback: "user",
    help: "Lowest role that may create and alter USER and STREAM tables, whose definitions all users share.",
  }),
  "security.trusted_proxy_ranges": setting({
    type: addressRangeList,
    fallback: [],
    help: "Proxies whose X-Forwarded-For and X-Real-IP are believed.",
    env: ["KALAMDB_SECURITY_TRUSTED_PROXY_RANGES", "KALAMDB_TRUSTED_PROXY_RANGES"],
  }),
  "files.max_size_bytes": setting({
    type: byteSize(1, 100 * MIB),
    fallback: 25 * MIB,
    help: "Largest file that can be uploaded into a FILE column.",
  }),
  "files.max_files_per_request": setting({
    type: integer({ min: 1, max: 100 }),
    fallback: 20,
    help: "Files one request may bring.",
  }),
  "files.allowed_mime_types": setting({
    type: textList,
    fallback: [],
    help: "Media types that may be uploaded, image/png or image/*; empty: all.",
  }),
  "files.removal_grace_seconds": setting({
    type: integer({ min: 60, max: 30 * DAY_SECONDS, unit: "seconds", metavar: "SECONDS" }),
    fallback: 3_600,
    help: "How long the bytes of a file that no row holds any more are kept.",
  }),
  "limits.max_sql_bytes": setting({ type: byteSize(KIB, 64 * MIB), fallback: MIB, help: "Longest SQL text." }),
  "execution.max_parameters": setting({
    type: integer({ min: 1, max: 32_000 }),
    fallback: 50,
    help: "Parameters in one statement.",
  }),
  "execution.max_parameter_size_bytes": setting({
    type: byteSize(1, 64 * MIB),
    fallback: 512 * KIB,
    help: "Largest parameter.",
  }),
  "execution.sql_plan_cache_max_entries": setting({
    type: integer({ min: 0, max: 1_000_000 }),
    fallback: 1000,
    help: "Plans kept for statements seen before.",
  }),
  "execution.show_plan_cache_hits": setting({
    type: boolean,
    fallback: false,
    help: "Say in each result of a data statement whether its plan was known: cache_hit.",
  }),
  "query.processes": setting({
    type: integer({ min: 1, max: 64 }),
    fallback: 2,
    help: "Processes that run SELECTs other than key lookups.",
  }),
  "query.timeout_ms": setting({ type: milliseconds, fallback: 30_000, help: "A statement running longer is stopped." }),
  "query.memory_limit_bytes": setting({
    type: byteSize(64 * MIB, 1024 * GIB),
    fallback: GIB,
    help: "Memory of each query process.",
  }),
  "query.cold_cache_bytes": setting({
    type: byteSize(MIB, 64 * GIB),
    fallback: 256 * MIB,
    help: "Flushed rows that each query process keeps decoded between queries; its memory limit counts them too.",
  }),
  "query.max_result_bytes": setting({
    type: byteSize(KIB, GIB),
    fallback: 256 * MIB,
    help: "Largest result of one statement.",
  }),
  "flush.check_interval_seconds": setting({
    type: seconds,
    fallback: 1,
    help: "How often tables are checked against their flush policy.",
  }),
  "flush.segment_rows": setting({
    type: integer({ min: 100, max: 10_000_000, unit: "rows" }),
    // The worker holds a file's rows in memory, and its commit counts them: 0.1 ms for each 1,000.
    fallback: 25_000,
    help: "Most rows in one Parquet file of a flush.",
  }),
  "compaction.enabled": setting({
    type: boolean,
    fallback: true,
    help: "Merge small Parquet files after flushes; STORAGE COMPACT merges them in any case.",
  }),
  "compaction.min_files": setting({
    type: integer({ min: 2, max: 16, unit: "files" }),
    fallback: 8,
    help: "Files of similar size in one scope that are merged after a flush.",
  }),
  "compaction.target_rows": setting({
    type: integer({ min: 1_000, max: 10_000_000, unit: "rows" }),
    fallback: 500_000,
    help: "Most rows in one Parquet file that a merge makes.",
  }),
  "compaction.target_bytes": setting({
    type: byteSize(MIB, 4 * GIB),
    fallback: 128 * MIB,
    help: "A file that a merge makes ends once it is this large.",
  }),
  "retention.default_deleted_retention_hours": setting({
    type: integer({ min: 0, max: 1_000_000, unit: "hours" }),
    fallback: 168,
    help: "Deletes are kept in Parquet files at least this long, for clients that resume.",
  }),
  "stream.eviction_interval_seconds": setting({
    type: seconds,
    fallback: 60,
    help: "How often the ends of rows of STREAM tables that were kept long enough are forgotten.",
  }),
  "user_management.deletion_grace_period_days": setting({
    type: integer({ min: 0, max: 36_500, unit: "days", metavar: "DAYS" }),
    fallback: 30,
    help: "How long a dropped user can be brought back; then account, rows and files are removed.",
  }),
  "jobs.retention_days": setting({
    type: integer({ min: 1, max: 36_500, unit: "days", metavar: "DAYS" }),
    fallback: 30,
    help: "How long jobs that have ended stay in system.jobs, and exports can be downloaded.",
  }),
  "jobs.max_concurrent": setting({
    type: integer({ min: 1, max: 64 }),
    fallback: 2,
    help: "Jobs that run at once.",
  }),
  "live.max_held_changes": setting({
    type: count,
    fallback: 10_000,
    help: "Changes held for one subscription while its snapshot is read.",
  }),
  "live.max_rerun_rows": setting({
    type: integer({ min: 1, max: 1_000_000, unit: "rows" }),
    fallback: 10_000,
    help: "Rows of a live query that is run again after changes (one with a sub-query); a larger one ends with an error.",
  }),
  "live.recent_changes_bytes": setting({
    type: byteSize(0, GIB),
    fallback: 16 * MIB,
    help: "Newest row versions kept in memory, so that clients which were away for a short while resume without a read.",
  }),
  "live.backpressure_limit_bytes": setting({
    type: byteSize(64 * KIB, GIB),
    fallback: 4 * MIB,
    help: "Unsent bytes at which a slow connection is closed; its client resumes where it stopped.",
  }),
  "live.batch_size": setting({
    type: integer({ min: 1, max: 100_000, unit: "rows" }),
    fallback: 1000,
    help: "Rows in one batch of a snapshot when the client asks for no other size.",
  }),
  "shutdown.timeout_ms": setting({
    type: milliseconds,
    fallback: 10_000,
    help: "How long a stop waits for running work.",
  }),
};

export type SettingName = keyof typeof SETTINGS;

/** Every setting's value by its dotted name. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** The row with its value type forgotten, for code that treats all settings alike. */
export function settingRow(name: SettingName): Setting<unknown> {
  return SETTINGS[name];
}

/** In the order they are looked at; the first is the documented one. */
export function envNames(name: SettingName): readonly string[] {
  const derived = `KALAMDB_${name.toUpperCase().replaceAll(".", "_")}`;
  return [...new Set([...(settingRow(name).env ?? []), derived])];
}

export function flagName(name: SettingName): string {
  return `--${name.replace(/[._]/g, "-")}`;
}

export function categoryOf(name: SettingName): string {
  return name.slice(0, name.indexOf("."));
}
