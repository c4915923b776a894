// GET /metrics: the counters of the parts in Prometheus' text format 0.0.4. The format is a few lines of text, so no library; the numbers come from the same source
// as `system.stats`. specs/operations.md documents every row of the table; a test holds the two together.
import { VERSION } from "../base/version.ts";
import type { StatsSource } from "./stats.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Metric {
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly value: (snapshot: Snapshot) => number;
}

type Snapshot = ReturnType<typeof snapshot>;

/** Every part is asked once, so that the numbers of one answer belong together. */
function snapshot(source: StatsSource) {
  const jobs = source.catalog.jobs();
  return {
    uptimeSeconds: (source.clock.nowMs() - source.startedAtMs) / 1000,
    memory: process.memoryUsage(),
    cpuSeconds: process.cpuUsage(),
    sockets: source.sockets(),
    live: source.live(),
    writes: source.writes(),
    pool: source.pool(),
    plans: source.plans(),
    tables: source.catalog.tables().length,
    segments: source.catalog.allSegments(),
    runningJobs: jobs.filter((job) => job.status === "running").length,
    failedJobs: jobs.filter((job) => job.status === "failed").length,
  };
}

const MICROSECONDS = 1_000_000;

const METRICS: Readonly<Record<string, Metric>> = {
  process_uptime_seconds: { kind: "gauge", help: "Time since the start.", value: (now) => now.uptimeSeconds },
  process_resident_memory_bytes: {
    kind: "gauge",
    help: "Memory of the server process, without its query processes.",
    value: (now) => now.memory.rss,
  },
  process_cpu_seconds_total: {
    kind: "counter",
    help: "CPU time of the server process.",
    value: (now) => (now.cpuSeconds.user + now.cpuSeconds.system) / MICROSECONDS,
  },
  kalamdb_sockets: { kind: "gauge", help: "Open WebSockets, authenticated or not.", value: (now) => now.sockets },
  kalamdb_live_connections: { kind: "gauge", help: "Authenticated sockets.", value: ({ live }) => live.connections },
  kalamdb_live_subscriptions: { kind: "gauge", help: "Live queries.", value: ({ live }) => live.subscriptions },
  kalamdb_live_groups: { kind: "gauge", help: "Distinct live queries.", value: ({ live }) => live.groups },
  kalamdb_live_held_bytes: {
    kind: "gauge",
    help: "Changes held for subscriptions whose initial data is being read.",
    value: ({ live }) => live.heldBytes,
  },
  kalamdb_live_rerun_rows: {
    kind: "gauge",
    help: "Rows kept of live queries that are run again after changes.",
    value: ({ live }) => live.rerunRows,
  },
  kalamdb_live_recent_bytes: {
    kind: "gauge",
    help: "Newest row versions kept in memory to resume from.",
    value: ({ live }) => live.recentBytes,
  },
  kalamdb_live_reads_waiting: {
    kind: "gauge",
    help: "Pages of initial data or history that wait to be read.",
    value: ({ live }) => live.readsWaiting,
  },
  kalamdb_live_reads_total: {
    kind: "counter",
    help: "Pages of initial data or history read.",
    value: ({ live }) => live.reads,
  },
  kalamdb_live_reads_from_memory_total: {
    kind: "counter",
    help: "Pages of history that memory answered.",
    value: ({ live }) => live.readsFromMemory,
  },
  kalamdb_live_commits_total: {
    kind: "counter",
    help: "Commits dispatched to live queries.",
    value: ({ live }) => live.commits,
  },
  kalamdb_live_groups_visited_total: {
    kind: "counter",
    help: "Times a group was asked whether a change concerns it.",
    value: ({ live }) => live.groupsVisited,
  },
  kalamdb_live_slow_consumers_total: {
    kind: "counter",
    help: "Sockets closed because they did not keep up.",
    value: ({ live }) => live.slowConsumers,
  },
  kalamdb_writes_commits_total: {
    kind: "counter",
    help: "Transactions committed.",
    value: ({ writes }) => writes.commits,
  },
  kalamdb_writes_changes_total: {
    kind: "counter",
    help: "Row versions written, deletes included.",
    value: ({ writes }) => writes.changes,
  },
  kalamdb_tables: { kind: "gauge", help: "Tables.", value: (now) => now.tables },
  kalamdb_segments: { kind: "gauge", help: "Parquet files.", value: (now) => now.segments.length },
  kalamdb_segments_bytes: {
    kind: "gauge",
    help: "Bytes of the Parquet files.",
    value: (now) => now.segments.reduce((bytes, segment) => bytes + segment.bytes, 0),
  },
  kalamdb_jobs_running: { kind: "gauge", help: "Jobs that run.", value: (now) => now.runningJobs },
  kalamdb_jobs_failed: { kind: "gauge", help: "Jobs of the list that failed.", value: (now) => now.failedJobs },
  kalamdb_query_processes: { kind: "gauge", help: "Query processes.", value: ({ pool }) => pool.processes },
  kalamdb_queries_running: { kind: "gauge", help: "Queries that run.", value: ({ pool }) => pool.running },
  kalamdb_queries_waiting: {
    kind: "gauge",
    help: "Queries that wait for a process.",
    value: ({ pool }) => pool.waiting,
  },
  kalamdb_queries_killed_total: {
    kind: "counter",
    help: "Query processes killed at a deadline, for their memory, or because the caller had gone.",
    value: ({ pool }) => pool.killed,
  },
  kalamdb_query_processes_died_total: {
    kind: "counter",
    help: "Query processes that ended by themselves.",
    value: ({ pool }) => pool.died,
  },
  kalamdb_plan_cache_entries: { kind: "gauge", help: "Plans kept.", value: ({ plans }) => plans.entries },
  kalamdb_plan_cache_hits_total: {
    kind: "counter",
    help: "Statements whose plan was kept.",
    value: ({ plans }) => plans.hits,
  },
  kalamdb_plan_cache_misses_total: {
    kind: "counter",
    help: "Statements that had to be planned.",
    value: ({ plans }) => plans.misses,
  },
};

export function metricsText(source: StatsSource): string {
  const now = snapshot(source);
  const lines = [
    "# HELP kalamdb_build_info The version that runs; always 1.",
    "# TYPE kalamdb_build_info gauge",
    `kalamdb_build_info{version="${VERSION}"} 1`,
  ];
  for (const [name, { kind, help, value }] of Object.entries(METRICS)) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, `${name} ${value(now)}`);
  }
  return `${lines.join("\n")}\n`;
}
