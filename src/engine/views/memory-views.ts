// Views over what other parts tell: live queries, connections, the audit log, settings, counters.
import type { OutputColumn } from "../../model/schema.ts";
import { BIGINT, JSON_TYPE, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import { columns, type SystemView } from "./definition.ts";

export const LIVE_COLUMNS = columns(
  {
    live_id: TEXT,
    connection_id: TEXT,
    subscription_id: TEXT,
    user_id: TEXT,
    namespace_id: TEXT,
    table_name: TEXT,
    query: TEXT,
    options: JSON_TYPE,
    status: TEXT,
    changes: BIGINT,
    node: TEXT,
    created_at: TIMESTAMP,
    last_update: TIMESTAMP,
    queue_bytes: BIGINT,
    lag_ms: BIGINT,
    phase: TEXT,
  },
  "live_id",
);

export const CONNECTION_COLUMNS = columns(
  {
    connection_id: TEXT,
    user_id: TEXT,
    role: TEXT,
    client_addr: TEXT,
    protocol: TEXT,
    serialization: TEXT,
    subscriptions: BIGINT,
    queue_bytes: BIGINT,
    connected_at: TIMESTAMP,
    token_expires_at: TIMESTAMP,
  },
  "connection_id",
);

function computed(name: string, viewColumns: readonly OutputColumn[], rows: SystemView["rows"]): SystemView {
  return { name, adminOnly: true, columns: viewColumns, rows };
}

const AUDIT_LOG_COLUMNS = columns(
  {
    audit_id: TEXT,
    timestamp: TIMESTAMP,
    actor_user_id: TEXT,
    action: TEXT,
    target: TEXT,
    status: TEXT,
    details: JSON_TYPE,
    ip_address: TEXT,
    subject_user_id: TEXT,
  },
  "audit_id",
);

/** As the peer's, which names the thread and the place in its code; here `fields` tells what a line is about. */
const SERVER_LOG_COLUMNS = columns({
  timestamp: TEXT,
  level: TEXT,
  thread: TEXT,
  target: TEXT,
  line: BIGINT,
  message: TEXT,
  fields: JSON_TYPE,
});

export const MEMORY_VIEWS: readonly SystemView[] = [
  computed("system.live_queries", LIVE_COLUMNS, (source) => source.liveQueries()),
  computed("system.live", LIVE_COLUMNS, (source) => source.liveQueries()),
  computed("system.audit_log", AUDIT_LOG_COLUMNS, (source) => source.auditLog()),
  computed("system.server_logs", SERVER_LOG_COLUMNS, (source) => source.serverLog()),
  computed("system.connections", CONNECTION_COLUMNS, (source) => source.connections()),
  computed(
    "system.settings",
    columns({ name: TEXT, value: TEXT, description: TEXT, category: TEXT }, "name"),
    (source) => source.settings(),
  ),
  computed("system.stats", columns({ metric_name: TEXT, metric_value: TEXT }, "metric_name"), (source) =>
    source.stats(),
  ),
];
