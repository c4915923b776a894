// The jobs of a server: every kind, the runner, and what asks for jobs by the clock. The one place that puts them together.
import type { Clock } from "../base/clock.ts";
import { parseUserId, type TableId, tableIdOf, type UserId } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import type { JobRecord } from "../model/job.ts";
import type { TableSchema } from "../model/schema.ts";
import type { CatalogView, Writer } from "../storage/seams.ts";
import { AgedDeletes } from "./aged-deletes.ts";
import { type BackupDeps, backupKey, backupKind } from "./backup-kind.ts";
import { type CompactDeps, type CompactionMode, compactKind, compactParameters } from "./compact-kind.ts";
import { type ExportDeps, exportKey, exportKind, exportParameters } from "./export-kind.ts";
import { type FlushDeps, flushKind, flushParameters } from "./flush-kind.ts";
import { FlushSchedule, type TableLoad } from "./flush-schedule.ts";
import { JOB_CLEANUP_KEY, jobCleanupKind } from "./job-cleanup-kind.ts";
import { type JobKinds, numberOf, parseJobValues, textOf } from "./job-kind.ts";
import { LOG_CLEANUP_KEY, type LogFilesView, logCleanupKind } from "./log-cleanup-kind.ts";
import { JobRunner, type Killed } from "./runner.ts";
import { STREAM_EVICTION_KEY, type StreamEvictionDeps, streamEvictionKind } from "./stream-eviction-kind.ts";
import { upkeepDue } from "./upkeep.ts";
import { type UserCleanupDeps, userCleanupKey, userCleanupKind } from "./user-cleanup-kind.ts";

export interface JobDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: CatalogView;
  readonly writer: Writer;
  readonly flushScope: FlushDeps["flushScope"];
  readonly backup: BackupDeps;
  readonly compaction: CompactDeps["compaction"];
  readonly exports: ExportDeps["exports"];
  readonly cleanup: UserCleanupDeps["cleanup"];
  readonly streams: StreamEvictionDeps["streams"];
  readonly logFiles: LogFilesView;
  /** How long jobs that have ended are kept. */
  readonly retentionMs: number;
  readonly maxQueued: number;
  readonly maxConcurrent: number;
  /** For retries; from 0 to 1. */
  readonly random?: () => number;
}

export interface Jobs {
  flushTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }>;
  /** The job is the one that already writes there, if one does. */
  backUp(target: string, storage?: string): Promise<{ readonly jobId: string; readonly target: string }>;
  /** Where a backup of that name is or would be. Throws INVALID_INPUT for what may not be one. */
  backupTarget(text: string): string;
  /** Merges the files of every scope, as far as that goes. */
  compactTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }>;
  /** The job is the one of today, if there is one that did not fail. */
  exportUser(user: UserId): Promise<{ readonly jobId: string; readonly isDone: boolean }>;
  killJob(job: string): Promise<Killed>;
  /** Looks for users, jobs, files of the log and deletes that were kept long enough. */
  checkUpkeep(): Promise<void>;
  /** Asks for what STREAM tables need not remember any more to be forgotten. */
  checkStreams(): Promise<void>;
  /** Looks at every table's flush policy once. */
  checkPolicies(): Promise<void>;
  /** Takes up what the last process left unfinished. */
  recover(): Promise<void>;
  /** Resolves when no job runs and none could start. */
  idle(): Promise<void>;
  /** Lets running jobs end within the time given, then interrupts them. */
  stop(graceMs?: number): Promise<void>;
}

export function createJobs(deps: JobDeps): Jobs {
  return new ServerJobs(deps);
}

class ServerJobs implements Jobs {
  readonly #deps: JobDeps;
  readonly #runner: JobRunner;
  readonly #schedule = new FlushSchedule();
  /** Tables of which a flush has made a merge worth while. */
  readonly #mergeable = new Set<TableId>();
  readonly #agedDeletes: AgedDeletes;
  readonly #stop = new AbortController();
  #alarm: Timer | undefined;

  constructor(deps: JobDeps) {
    this.#deps = deps;
    this.#agedDeletes = new AgedDeletes(deps);
    this.#runner = new JobRunner({
      ...deps,
      kinds: kindsOf({ ...deps, flushScope: this.#flushScope }),
      onEnded: (record) => this.#noteEnd(record),
    });
  }

  async flushTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }> {
    const key = flushKey(table.id);
    const active = this.#runner.unfinished(key);
    if (active !== undefined) return { jobId: active };
    if (this.#deps.writer.bufferedRows(table.id) === 0) return { skipped: "no pending writes" };
    return { jobId: await this.#runner.submit({ type: "flush", parameters: flushParameters(table), key }) };
  }

  async backUp(text: string, storage?: string): Promise<{ readonly jobId: string; readonly target: string }> {
    const target = this.#deps.backup.targetOf(text, storage);
    const jobId = await this.#runner.submit({ type: "backup", parameters: { target }, key: backupKey(target) });
    return { jobId, target };
  }

  async compactTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }> {
    const { catalog } = this.#deps;
    const isFlushed = catalog.flushedScopes(table.id).some((scope) => catalog.segments(table.id, scope).length > 0);
    if (!isFlushed) return { skipped: "no flushed files" };
    return { jobId: await this.#submitCompaction(table, "full") };
  }

  #submitCompaction(table: TableSchema, mode: CompactionMode): Promise<string> {
    const key = compactKey(table.id, mode);
    return this.#runner.submit({ type: "compact", parameters: compactParameters(table, mode), key });
  }

  backupTarget(text: string): string {
    return this.#deps.backup.targetOf(text, undefined);
  }

  async exportUser(user: UserId): Promise<{ readonly jobId: string; readonly isDone: boolean }> {
    const key = exportKey(user, this.#deps.clock.nowMs());
    const done = this.#deps.catalog.jobs().find((job) => job.key === key && job.status === "completed");
    if (done !== undefined) return { jobId: done.id, isDone: true };
    const parameters = exportParameters(user);
    return { jobId: await this.#runner.submit({ type: "user_export", parameters, key }), isDone: false };
  }

  async checkUpkeep(): Promise<void> {
    const { catalog, clock, cleanup, retentionMs } = this.#deps;
    const rules = { nowMs: clock.nowMs(), graceMs: cleanup.graceMs, retentionMs };
    const due = upkeepDue(catalog.users(), catalog.jobs(), rules);
    for (const user of due.users) {
      await this.#runner.submit({ type: "user_cleanup", parameters: { user }, key: userCleanupKey(user) });
    }
    if (due.cleansJobs) await this.#runner.submit({ type: "job_cleanup", parameters: {}, key: JOB_CLEANUP_KEY });
    if ((await this.#deps.logFiles.outdated()).length > 0) {
      await this.#runner.submit({ type: "log_cleanup", parameters: {}, key: LOG_CLEANUP_KEY });
    }
    for (const table of await this.#agedDeletes.look(this.#stop.signal)) this.#compactDue(table);
  }

  async checkStreams(): Promise<void> {
    if (this.#stop.signal.aborted || !this.#deps.streams.hasForgettable()) return;
    await this.#runner.submit({ type: "stream_eviction", parameters: {}, key: STREAM_EVICTION_KEY });
  }

  killJob(id: string): Promise<Killed> {
    return this.#runner.kill(id);
  }

  async checkPolicies(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { clock } = this.#deps;
    const due = this.#schedule.due(this.#loads(), clock.monotonicMs());
    for (const table of due) await this.flushTable(table);
    this.#setAlarm();
  }

  recover(): Promise<void> {
    return this.#runner.recover();
  }

  idle(): Promise<void> {
    return this.#runner.idle();
  }

  stop(graceMs = 0): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#alarm);
    return this.#runner.stop(graceMs);
  }

  readonly #flushScope: FlushDeps["flushScope"] = async (request) => {
    const { schema, scope } = request;
    const flushed = await this.#deps.flushScope(request);
    if (flushed.segments.length > 0 && this.#deps.compaction.isDue(schema.id, scope)) this.#mergeable.add(schema.id);
    return flushed;
  };

  /** After a flush. What cannot be noted down now is due again after the next one. */
  #compactIfDue(id: TableId): void {
    if (this.#mergeable.delete(id)) this.#compactDue(id);
  }

  #compactDue(id: TableId): void {
    const table = this.#deps.catalog.tableById(id);
    if (table === undefined || this.#stop.signal.aborted) return;
    this.#submitCompaction(table, "due").catch((error: unknown) => {
      this.#deps.log.warn("compaction not started", { error: errorText(error) });
    });
  }

  /** An interval that ends before the next check is not late by the rest of the time between checks. */
  #setAlarm(): void {
    clearTimeout(this.#alarm);
    const nextMs = this.#schedule.nextDueMs(this.#loads());
    if (nextMs === undefined || this.#stop.signal.aborted) return;
    const delayMs = Math.min(Math.max(nextMs - this.#deps.clock.monotonicMs(), 1), MAX_ALARM_MS);
    this.#alarm = setTimeout(() => {
      this.checkPolicies().catch((error: unknown) => {
        this.#deps.log.error("flush policies not checked", { error: errorText(error) });
      });
    }, delayMs);
  }

  #loads(): TableLoad[] {
    const { catalog, writer } = this.#deps;
    return catalog
      .tables()
      .filter((table) => table.options.flushPolicy !== undefined)
      .map((table) => ({
        table,
        buffered: writer.bufferedRows(table.id),
        isActive: this.#runner.unfinished(flushKey(table.id)) !== undefined,
      }));
  }

  /** Of evictions that went well the last one says enough: with one a minute they would drive all others out of the list. */
  async #forgetEvictions({ id, type, status }: JobRecord): Promise<void> {
    if (status !== "completed") return;
    const { catalog, writer, log } = this.#deps;
    const before = catalog.jobs().filter((job) => job.type === type && job.status === status && job.id !== id);
    if (before.length === 0) return;
    await writer
      .submit((tx) => before.forEach((job) => tx.deleteJob(job.id)))
      .catch((error: unknown) => log.warn("jobs not forgotten", { error: errorText(error) }));
  }

  #noteEnd(record: JobRecord): void {
    if (record.type === "stream_eviction") void this.#forgetEvictions(record);
    if (record.type !== "flush") return;
    const table = tableIdOf(numberOf(parseJobValues(record.parameters), "table_id"));
    const nowMs = this.#deps.clock.monotonicMs();
    this.#schedule.ended(table, { isFailed: record.status === "failed", nowMs });
    this.#compactIfDue(table);
  }
}

function kindsOf(deps: JobDeps): JobKinds {
  return {
    flush: flushKind(deps),
    compact: compactKind(deps),
    backup: backupKind(deps.backup),
    user_export: exportKind(deps),
    user_cleanup: userCleanupKind(deps),
    log_cleanup: logCleanupKind(deps),
    stream_eviction: streamEvictionKind(deps),
    job_cleanup: jobCleanupKind({ ...deps, removeResult: (job) => removeExport(job, deps.exports) }),
  };
}

function removeExport({ id, type, parameters }: JobRecord, exports: ExportDeps["exports"]): void {
  if (type === "user_export") exports.remove(parseUserId(textOf(parseJobValues(parameters), "user")), id);
}

/** The longest that a timer takes. */
const MAX_ALARM_MS = 3_600_000;

function compactKey(table: TableId, mode: CompactionMode): string {
  return `compact:${mode}:${table}`;
}

function flushKey(table: TableId): string {
  return `flush:${table}`;
}
