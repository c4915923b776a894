// Rows of `system.stats`: every number is read from the part that counts it at the moment of the question.
import type { Clock } from "../base/clock.ts";
import { VERSION } from "../base/version.ts";
import type { QueryPoolStats } from "../engine/query/pool.ts";
import type { LiveCounters } from "../live/live-deps.ts";
import type { Cell } from "../model/sql-type.ts";
import type { PlanCacheStats } from "../sql/plan-cache.ts";
import type { CatalogView } from "../storage/seams.ts";

export interface WriteCounters {
  commits: number;
  changes: number;
}

export interface StatsSource {
  readonly clock: Clock;
  readonly startedAtMs: number;
  readonly catalog: CatalogView;
  readonly pool: () => QueryPoolStats;
  readonly plans: () => PlanCacheStats;
  readonly live: () => LiveCounters;
  readonly writes: () => Readonly<WriteCounters>;
  /** Open WebSockets. */
  readonly sockets: () => number;
}

export function serverStats(source: StatsSource): readonly (readonly Cell[])[] {
  const { catalog } = source;
  const jobs = catalog.jobs();
  const [pool, plans, live] = [source.pool(), source.plans(), source.live()];
  const memory = process.memoryUsage.rss();
  const values: Record<string, string | number> = {
    server_version: VERSION,
    server_uptime_seconds: Math.floor((source.clock.nowMs() - source.startedAtMs) / 1000),
    pid: process.pid,
    memory_rss_bytes: memory,
    total_users: catalog.users().filter((user) => user.deletedAtMs === undefined).length,
    total_namespaces: catalog.namespaces().length,
    total_tables: catalog.tables().length,
    total_segments: catalog.allSegments().length,
    total_jobs: jobs.length,
    jobs_running: jobs.filter((job) => job.status === "running").length,
    jobs_queued: jobs.filter((job) => job.status === "pending").length,
    jobs_failed: jobs.filter((job) => job.status === "failed").length,
    active_connections: live.connections,
    active_subscriptions: live.subscriptions,
    live_groups: live.groups,
    live_rerun_rows: live.rerunRows,
    slow_consumers_closed: live.slowConsumers,
    plan_cache_size: plans.entries,
    plan_cache_hits: plans.hits,
    plan_cache_misses: plans.misses,
    query_processes: pool.processes,
    queries_running: pool.running,
    queries_waiting: pool.waiting,
    queries_killed: pool.killed,
    query_processes_died: pool.died,
  };
  return Object.entries(values).map(([name, value]) => [name, String(value)]);
}
