// Runs jobs: one row each, written before whoever asked is answered and after every change of state; the row is the truth, this class its only writer.
// States: specs/jobs.md.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import { within } from "../base/within.ts";
import { isFinished, JOB_PREFIXES, type JobRecord, type JobType } from "../model/job.ts";
import type { CatalogView, Writer } from "../storage/seams.ts";
import {
  type JobContext,
  type JobEnd,
  JobFailure,
  type JobKinds,
  type JobValues,
  type JobWork,
  parseJobValues,
} from "./job-kind.ts";
import { nextJob, nextTryMs, type QueuedJob } from "./next-job.ts";
import { isRetryable, retryDelayMs } from "./retry.ts";

export interface RunnerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Pick<CatalogView, "jobs" | "job">;
  readonly writer: Pick<Writer, "submit">;
  readonly kinds: JobKinds;
  /** Unfinished jobs; one more is refused with SERVER_BUSY. */
  readonly maxQueued: number;
  readonly maxConcurrent: number;
  readonly random?: () => number;
  /** After the row of the end is written, or could not be. */
  readonly onEnded?: (record: JobRecord) => void;
}

export interface JobRequest {
  readonly type: JobType;
  readonly parameters: JobValues;
  /** While a job with the same key is unfinished, it stands for this one too. */
  readonly key?: string;
}

/** `ending`: told to stop, and not there yet. */
export type Killed = "cancelled" | "ending" | "finished" | "unknown";

interface ActiveJob extends QueuedJob {
  record: JobRecord;
  readonly work: JobWork;
  readonly cancel: AbortController;
  phase: QueuedJob["phase"];
  notBeforeMs: number;
  progressSavedAtMs: number;
  readonly ended: PromiseWithResolvers<void>;
}

const PROGRESS_INTERVAL_MS = 1_000;
/** How long KILL JOB waits for the end of the work. */
const KILL_WAIT_MS = 1_000;
/** Characters of a row. */
const MAX_TRACE_LENGTH = 16_000;
export const KILLED = "Cancelled by user";
const SHUTDOWN = "Interrupted by a shutdown";

export class JobRunner {
  readonly #deps: RunnerDeps;
  readonly #active = new Map<string, ActiveJob>();
  readonly #tasks = new Set<Promise<void>>();
  #alarm: Timer | undefined;
  #isStopping = false;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /** Resolves with the id once the row is durable. */
  async submit(request: JobRequest): Promise<string> {
    const same = this.unfinished(request.key);
    if (same !== undefined) return same;
    if (this.#isStopping) throw new DbError("SHUTTING_DOWN", "the server is shutting down");
    if (this.#active.size >= this.#deps.maxQueued) throw new DbError("SERVER_BUSY", "too many jobs are waiting");
    const record = this.#newRecord(request);
    const job = this.#add(record, this.#deps.kinds[request.type].open(request.parameters));
    // Counted from this turn on: `idle` and `stop` wait for it.
    const saved = this.#save(job, {});
    this.#track(
      saved.then(
        () => this.#ready(job),
        () => this.#forget(job),
      ),
    );
    await saved;
    return record.id;
  }

  /** The id of the unfinished job with this key. */
  unfinished(key: string | undefined): string | undefined {
    if (key === undefined) return undefined;
    return this.#active.values().find(({ record }) => record.key === key)?.record.id;
  }

  async kill(id: string): Promise<Killed> {
    const job = this.#active.get(id);
    if (job === undefined) return this.#deps.catalog.job(id) === undefined ? "unknown" : "finished";
    job.cancel.abort(KILLED);
    if (job.phase === "waiting") this.#start(job);
    await within(KILL_WAIT_MS, job.ended.promise);
    return this.#active.has(id) ? "ending" : "cancelled";
  }

  /** Takes up what the last process left unfinished. To be called once, before anything is submitted. */
  async recover(): Promise<void> {
    const left = this.#deps.catalog.jobs().filter((record) => !isFinished(record));
    for (const record of left.toReversed()) await this.#recoverOne(record);
    this.#dispatch();
  }

  /** Starts what may start by now; resolves as `idle` does. */
  wake(): Promise<void> {
    this.#dispatch();
    return this.idle();
  }

  /** Resolves when no job runs and none could start. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.race(this.#tasks);
  }

  /** Starts nothing new. What runs may end within the time given, then is interrupted; what waits keeps its row and is taken up at the next start. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#alarm);
    await within(graceMs, this.idle());
    for (const job of this.#active.values()) if (job.phase === "running") job.cancel.abort(SHUTDOWN);
    await this.idle();
  }

  async #recoverOne(record: JobRecord): Promise<void> {
    const { kinds, log } = this.#deps;
    const wasRunning = record.status === "running";
    const retries = record.retries + (wasRunning ? 1 : 0);
    const mayGoOn = !wasRunning || (kinds[record.type].afterRestart === "resume" && retries <= record.maxRetries);
    try {
      if (!mayGoOn) throw new Error("the server ended while the job was running");
      const job = this.#add(record, kinds[record.type].open(parseJobValues(record.parameters)));
      job.phase = "waiting";
      await this.#save(job, { status: "pending", retries, message: "Server restarted; the job is taken up again" });
    } catch (error) {
      log.warn("job of the last process failed", { job: record.id, error: errorText(error) });
      const failed: JobRecord = {
        ...record,
        status: "failed",
        message: "Server restarted",
        trace: errorText(error),
        ...this.#endedNow(),
      };
      this.#active.delete(record.id);
      this.#abandon(record);
      await this.#deps.writer.submit((tx) => tx.putJob(failed));
    }
  }

  #newRecord({ type, parameters, key }: JobRequest): JobRecord {
    const { clock, kinds } = this.#deps;
    const { priority, maxRetries } = kinds[type];
    const nowMs = clock.nowMs();
    return {
      id: `${JOB_PREFIXES[type]}-${crypto.getRandomValues(new Uint8Array(6)).toHex()}`,
      type,
      status: "pending",
      parameters: JSON.stringify(parameters),
      result: undefined,
      message: undefined,
      trace: undefined,
      progress: undefined,
      key,
      priority,
      retries: 0,
      maxRetries,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      startedAtMs: undefined,
      finishedAtMs: undefined,
      memoryUsed: undefined,
      cpuUsed: undefined,
    };
  }

  #add(record: JobRecord, work: JobWork): ActiveJob {
    const job: ActiveJob = {
      record,
      work,
      cancel: new AbortController(),
      phase: "unsaved",
      notBeforeMs: 0,
      progressSavedAtMs: 0,
      ended: Promise.withResolvers<void>(),
    };
    this.#active.set(record.id, job);
    return job;
  }

  #ready(job: ActiveJob): void {
    job.phase = "waiting";
    if (job.cancel.signal.aborted) this.#start(job);
    this.#dispatch();
  }

  /** Whoever asked for the job is told that it could not be written down. */
  #forget(job: ActiveJob): void {
    this.#active.delete(job.record.id);
    job.ended.resolve();
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  #dispatch(): void {
    if (this.#isStopping) return;
    const nowMs = this.#deps.clock.monotonicMs();
    for (;;) {
      const next = nextJob([...this.#active.values()], { nowMs, maxConcurrent: this.#deps.maxConcurrent });
      if (next === undefined) break;
      this.#start(next);
    }
    this.#setAlarm(nowMs);
  }

  /** For jobs that wait to be tried again. */
  #setAlarm(nowMs: number): void {
    clearTimeout(this.#alarm);
    const atMs = nextTryMs([...this.#active.values()], nowMs);
    if (atMs !== undefined) this.#alarm = setTimeout(() => this.#dispatch(), atMs - nowMs);
  }

  #start(job: ActiveJob): void {
    job.phase = "running";
    this.#track(this.#run(job));
  }

  /** Never rejects: the outcome is the job's row. */
  async #run(job: ActiveJob): Promise<void> {
    const { log } = this.#deps;
    let change: Partial<JobRecord>;
    try {
      change = this.#ending(job, await this.#attempt(job));
    } catch (error) {
      change = this.#afterFailure(job, error);
    }
    const isOver = change.status !== "pending";
    try {
      await this.#save(job, isOver ? { ...change, ...this.#endedNow() } : change);
      log.info(isOver ? "job ended" : "job put off", {
        job: job.record.id,
        status: job.record.status,
        text: job.record.message,
      });
    } catch (unsaved) {
      // The disk refuses: the row stays "running" and `recover` takes it up at the next start.
      log.error("job outcome not recorded", { job: job.record.id, error: errorText(unsaved) });
    }
    if (change.status === "failed" || change.status === "cancelled") this.#abandon(job.record);
    if (isOver || this.#isStopping) this.#end(job);
    else job.phase = "waiting";
    this.#dispatch();
  }

  #abandon({ id, type, parameters }: JobRecord): void {
    const abandon = async (): Promise<void> => this.#deps.kinds[type].abandon?.(parseJobValues(parameters), id);
    this.#track(
      abandon().catch((error: unknown) => {
        this.#deps.log.warn("leavings of a job not removed", { job: id, error: errorText(error) });
      }),
    );
  }

  #end(job: ActiveJob): void {
    this.#active.delete(job.record.id);
    job.ended.resolve();
    this.#deps.onEnded?.(job.record);
  }

  async #attempt(job: ActiveJob): Promise<JobEnd> {
    const { signal } = job.cancel;
    // Killed while it waited: nothing of it is done.
    if (signal.aborted) return { kind: "interrupted", message: "before it began" };
    await this.#save(job, { status: "running", startedAtMs: job.record.startedAtMs ?? this.#deps.clock.nowMs() });
    return await job.work.run(this.#context(job));
  }

  #context(job: ActiveJob): JobContext {
    return {
      jobId: job.record.id,
      signal: job.cancel.signal,
      progress: (done, total) => this.#noteProgress(job, total === 0 ? 0 : done / total),
      used: ({ memoryBytes, cpuUs }) => {
        const { memoryUsed = 0, cpuUsed = 0 } = job.record;
        job.record = {
          ...job.record,
          memoryUsed: Math.max(memoryUsed, memoryBytes),
          cpuUsed: cpuUsed + Math.round(cpuUs),
        };
      },
    };
  }

  #noteProgress(job: ActiveJob, progress: number): void {
    const nowMs = this.#deps.clock.monotonicMs();
    job.record = { ...job.record, progress };
    if (nowMs - job.progressSavedAtMs < PROGRESS_INTERVAL_MS || job.phase !== "running") return;
    job.progressSavedAtMs = nowMs;
    // Nobody waits for it; an end that is saved in the same turn comes after it.
    this.#track(
      this.#save(job, {}).catch((error: unknown) => {
        this.#deps.log.warn("progress of a job not recorded", { job: job.record.id, error: errorText(error) });
      }),
    );
  }

  #afterFailure(job: ActiveJob, error: unknown): Partial<JobRecord> {
    const { signal } = job.cancel;
    if (signal.aborted) return this.#ending(job, { kind: "interrupted", message: "" });
    const { retries, maxRetries, id } = job.record;
    const trace = traceOf(error);
    const message = error instanceof JobFailure || error instanceof DbError ? error.message : errorText(error);
    const told = { job: id, error: message, cause: trace?.split("\n", 1)[0] };
    if (!isRetryable(error) || retries >= maxRetries) {
      this.#deps.log.error("job failed", told);
      return { status: "failed", message, trace };
    }
    this.#deps.log.warn("attempt of a job failed", told);
    const delayMs = retryDelayMs(retries, (this.#deps.random ?? Math.random)());
    job.notBeforeMs = this.#deps.clock.monotonicMs() + delayMs;
    const text = `Attempt ${retries + 1} failed, the next begins in ${delayMs} ms: ${message}`;
    return { status: "pending", message: text, trace, retries: retries + 1 };
  }

  /** What an attempt that did not fail does to the row. A job that a shutdown interrupted waits for the next start, if its kind goes on then. */
  #ending({ record, cancel: { signal } }: ActiveJob, end: JobEnd): Partial<JobRecord> {
    if (end.kind === "completed") {
      const result = end.result === undefined ? undefined : JSON.stringify(end.result);
      return { status: "completed", message: end.message, result, progress: 1, trace: undefined };
    }
    const message = `${String(signal.reason)} ${end.message}`.trimEnd();
    const goesOn = signal.reason === SHUTDOWN && this.#deps.kinds[record.type].afterRestart === "resume";
    return { status: goesOn ? "pending" : "cancelled", message };
  }

  #endedNow(): Pick<JobRecord, "finishedAtMs"> {
    return { finishedAtMs: this.#deps.clock.nowMs() };
  }

  async #save(job: ActiveJob, change: Partial<JobRecord>): Promise<void> {
    job.record = { ...job.record, ...change, updatedAtMs: this.#deps.clock.nowMs() };
    const { record } = job;
    await this.#deps.writer.submit((tx) => tx.putJob(record));
  }
}

function traceOf(error: unknown): string | undefined {
  const trace = error instanceof JobFailure ? error.trace : error instanceof Error ? error.stack : undefined;
  return trace?.slice(0, MAX_TRACE_LENGTH);
}
