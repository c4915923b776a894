// Background jobs: `system.jobs` is the truth, one row a job, written before the statement that asked for it is answered. Jobs run one at a time: there is one
// Parquet worker, and two cores.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import type { Scope, Seq, TableId } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { ScopeFlushed } from "../storage/cold/flush.ts";
import type { CatalogView, JobRecord, Writer } from "../storage/seams.ts";

export interface JobDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: CatalogView;
  readonly writer: Writer;
  /** Moves one scope's versions up to a position into Parquet. */
  readonly flushScope: (table: TableSchema, scope: Scope, upTo: Seq, signal: AbortSignal) => Promise<ScopeFlushed>;
  readonly maxQueued: number;
}

interface ActiveJob {
  record: JobRecord;
  readonly table: TableSchema;
  readonly cancel: AbortController;
}

export interface Jobs {
  flushTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }>;
  killJob(job: string): boolean;
  /** Looks at every table's flush policy once. */
  checkPolicies(): Promise<void>;
  /** Marks what a crash left running as failed. */
  recover(): Promise<void>;
  /** Resolves when no job is running or waiting. */
  idle(): Promise<void>;
  /** Starts nothing new and cancels what waits; the running job ends at its next scope. */
  stop(): Promise<void>;
}

/** What the policy check remembers of a table. */
interface Schedule {
  /** When the table's last flush ended, or its buffer was last seen empty. */
  readonly sinceMs: number;
  /** Flushes that failed, one after the other. */
  readonly failures: number;
}

/** A flush that fails is tried again after this, then after twice as long, so that a bad disk does not fill `system.jobs`. */
const RETRY_DELAY_MS = 10_000;
const MAX_RETRY_DELAY_MS = 600_000;

export function createJobs(deps: JobDeps): Jobs {
  return new JobRunner(deps);
}

class JobRunner implements Jobs {
  readonly #deps: JobDeps;
  readonly #activeByTable = new Map<TableId, ActiveJob>();
  readonly #scheduleByTable = new Map<TableId, Schedule>();
  #running: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(deps: JobDeps) {
    this.#deps = deps;
  }

  async flushTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }> {
    const active = this.#activeByTable.get(table.id);
    if (active !== undefined) return { jobId: active.record.id };
    if (this.#stopping) throw new DbError("SHUTTING_DOWN", "the server is shutting down");
    if (this.#deps.writer.bufferedRows(table.id) === 0) return { skipped: "no pending writes" };
    if (this.#activeByTable.size >= this.#deps.maxQueued) throw new DbError("SERVER_BUSY", "too many jobs are waiting");
    const job: ActiveJob = { record: this.#newRecord(table), table, cancel: new AbortController() };
    this.#activeByTable.set(table.id, job);
    const saved = this.#save(job, {});
    // In line before anything is awaited: from here on `idle` and `stop` wait for it.
    this.#running = this.#running.then(() => this.#runSaved(job, saved));
    await saved;
    return { jobId: job.record.id };
  }

  killJob(id: string): boolean {
    for (const job of this.#activeByTable.values()) {
      if (job.record.id !== id) continue;
      job.cancel.abort("Cancelled by user");
      return true;
    }
    return false;
  }

  async checkPolicies(): Promise<void> {
    const now = this.#deps.clock.monotonicMs();
    this.#forgetDroppedTables();
    for (const table of this.#deps.catalog.tables()) {
      if (this.#isDue(table, now)) await this.flushTable(table);
    }
  }

  #isDue(table: TableSchema, nowMs: number): boolean {
    const policy = table.options.flushPolicy;
    if (policy === undefined || this.#stopping || this.#activeByTable.has(table.id)) return false;
    const buffered = this.#deps.writer.bufferedRows(table.id);
    const schedule = this.#scheduleByTable.get(table.id);
    if (buffered === 0 || schedule === undefined) {
      // The interval counts from the first row that waits, not from a flush that had nothing to do.
      this.#scheduleByTable.set(table.id, { sinceMs: nowMs, failures: 0 });
    }
    if (buffered === 0) return false;
    const { sinceMs, failures } = schedule ?? { sinceMs: nowMs, failures: 0 };
    const waitedMs = nowMs - sinceMs;
    if (failures > 0 && waitedMs < Math.min(RETRY_DELAY_MS * 2 ** (failures - 1), MAX_RETRY_DELAY_MS)) return false;
    if (policy.rows !== undefined && buffered >= policy.rows) return true;
    return policy.intervalSeconds !== undefined && waitedMs >= policy.intervalSeconds * 1000;
  }

  #forgetDroppedTables(): void {
    for (const id of this.#scheduleByTable.keys()) {
      if (this.#deps.catalog.tableById(id) === undefined) this.#scheduleByTable.delete(id);
    }
  }

  async recover(): Promise<void> {
    const finishedAtMs = this.#deps.clock.nowMs();
    for (const record of this.#deps.catalog.jobs()) {
      if (record.status !== "pending" && record.status !== "running") continue;
      const failed: JobRecord = { ...record, status: "failed", message: "Server restarted", finishedAtMs };
      await this.#deps.writer.submit((tx) => tx.putJob(failed));
    }
  }

  async idle(): Promise<void> {
    while (this.#activeByTable.size > 0) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const job of this.#activeByTable.values()) job.cancel.abort("Cancelled by shutdown");
    await this.#running;
  }

  #newRecord(table: TableSchema): JobRecord {
    return {
      id: `FL-${crypto.getRandomValues(new Uint8Array(6)).toHex()}`,
      type: "flush",
      status: "pending",
      parameters: JSON.stringify({ table: qualifiedName(table), table_id: table.id }),
      message: undefined,
      trace: undefined,
      createdAtMs: this.#deps.clock.nowMs(),
      startedAtMs: undefined,
      finishedAtMs: undefined,
      memoryUsed: undefined,
      cpuUsed: undefined,
    };
  }

  async #save(job: ActiveJob, change: Partial<JobRecord>): Promise<void> {
    job.record = { ...job.record, ...change };
    const { record } = job;
    await this.#deps.writer.submit((tx) => tx.putJob(record));
  }

  async #runSaved(job: ActiveJob, saved: Promise<void>): Promise<void> {
    try {
      await saved;
    } catch {
      // Whoever asked for the job is told that it could not be written down.
      this.#activeByTable.delete(job.table.id);
      return;
    }
    await this.#run(job);
  }

  /** Never rejects: the outcome is the job's row. */
  async #run(job: ActiveJob): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      await this.#save(job, { status: "running", startedAtMs: clock.nowMs() });
      const end = await this.#flushScopes(job);
      await this.#save(job, { ...end, finishedAtMs: clock.nowMs() });
      log.info("job ended", { job: job.record.id, status: job.record.status, text: job.record.message });
    } catch (error) {
      log.error("job failed", { job: job.record.id, error: errorText(error) });
      await this.#saveFailure(job, error);
    } finally {
      this.#activeByTable.delete(job.table.id);
      const before = this.#scheduleByTable.get(job.table.id)?.failures ?? 0;
      this.#scheduleByTable.set(job.table.id, {
        sinceMs: clock.monotonicMs(),
        failures: job.record.status === "failed" ? before + 1 : 0,
      });
    }
  }

  async #saveFailure(job: ActiveJob, error: unknown): Promise<void> {
    const trace = error instanceof Error ? (error.stack ?? null) : null;
    try {
      await this.#save(job, {
        status: "failed",
        message: errorText(error),
        trace: trace ?? undefined,
        finishedAtMs: this.#deps.clock.nowMs(),
      });
    } catch (unsaved) {
      // The disk refuses: the row stays "running" and `recover` marks it at the next start.
      this.#deps.log.error("job outcome not recorded", { job: job.record.id, error: errorText(unsaved) });
    }
  }

  /** One scope after the other. A scope that fails keeps its rows and does not stop the rest. */
  async #flushScopes(job: ActiveJob): Promise<Partial<JobRecord>> {
    const { writer, catalog, flushScope } = this.#deps;
    const upTo = writer.position;
    // The version of this very moment: it has every column of every row up to here, however long the job waited. A dropped table fails in the worker.
    const table = catalog.tableById(job.table.id) ?? job.table;
    const total = { rows: 0, files: 0, memoryUsed: 0, cpuUsed: 0 };
    const failures: string[] = [];
    for (const scope of writer.bufferedScopes(job.table.id)) {
      if (job.cancel.signal.aborted) break;
      try {
        const outcome = await flushScope(table, scope, upTo, job.cancel.signal);
        total.rows += outcome.rows;
        total.files += outcome.segments.length;
        total.memoryUsed = Math.max(total.memoryUsed, outcome.usage.memoryBytes);
        total.cpuUsed += outcome.usage.cpuUs;
      } catch (error) {
        if (job.cancel.signal.aborted) break;
        failures.push(`${scope === "" ? "shared rows" : `user '${scope}'`}: ${errorText(error)}`);
      }
    }
    const measured = { memoryUsed: total.memoryUsed, cpuUsed: total.cpuUsed };
    const flushed = `(${total.rows} rows, ${total.files} files)`;
    if (failures.length > 0) {
      return {
        status: "failed",
        message: `Flush failed for ${failures.length} scope(s) ${flushed}`,
        trace: failures.join("\n"),
        ...measured,
      };
    }
    if (job.cancel.signal.aborted) {
      return { status: "cancelled", message: `${String(job.cancel.signal.reason)} ${flushed}`, ...measured };
    }
    return { status: "completed", message: `Flushed ${qualifiedName(job.table)} successfully ${flushed}`, ...measured };
  }
}
