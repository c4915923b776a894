// The query processes of a server: one query at a time each, first come first served, every query bounded by a deadline, a memory limit and a result size.
// What cannot be interrupted is killed, and a spare process that is already warm takes its place.

import { DbError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { SNOWFLAKE_NODES } from "../../sql/functions/generators.ts";
import { shuttingDown } from "../../storage/hot/settling.ts";
import type { StorageAccess } from "../../storage/objects/storage-access.ts";
import { StaleRead } from "../write.ts";
import type { ColdCacheCounts, OpenMessage, QueryRequest, QueryResult } from "./messages.ts";
import { residentBytes } from "./process-limits.ts";
import { type ChildOutcome, QueryChild } from "./query-child.ts";
import { fromFailure, outOfMemory, statementTimeout } from "./query-failure.ts";

export interface QueryPoolOptions {
  /** Queries that run at once, at most. One more process is kept warm when they take their time. */
  readonly processes: number;
  /** From the call to the answer, time in the queue included. */
  readonly timeoutMs: number;
  /** Memory a process may hold while it runs a query; flushed rows it keeps decoded count. */
  readonly memoryLimitBytes: number;
  readonly maxResultBytes: number;
  /** Flushed rows each process may keep decoded. */
  readonly coldCacheBytes: number;
  /** Calls that may wait; one more is refused with SERVER_BUSY. */
  readonly maxQueue: number;
  readonly databasePath: string;
  /** Absolute. */
  readonly storageDir: string;
  /** Undefined: there is no storage but the folder. */
  readonly storages?: StorageAccess;
  /** Starts this program so that it calls `runQueryProcess`. */
  readonly command: readonly string[];
  /** False: a process does nothing but what it is asked. True when left out. */
  readonly warmsUp?: boolean;
  readonly log: Log;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Instead of the pool's. */
  readonly timeoutMs?: number | undefined;
}

export interface QueryPoolStats {
  readonly processes: number;
  /** Processes that have started, idle or busy. */
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
  /** Processes killed at a deadline, for their memory, or because the caller had gone. */
  readonly killed: number;
  /** Processes that ended by themselves. */
  readonly died: number;
}

export interface QueryPool {
  /** Rejects with StaleRead when a table is not as it was when the query was planned. */
  run(request: QueryRequest, options?: RunOptions): Promise<QueryResult>;
  /** Forgets what every process keeps of flushed rows. Counts what the idle ones had: a busy one is told, and not waited for. */
  clearCaches(): Promise<ColdCacheCounts>;
  readonly stats: QueryPoolStats;
  /** For tests and `system` views. */
  readonly pids: readonly number[];
  /** Rejects everything with SHUTTING_DOWN and ends the processes. */
  close(): Promise<void>;
}

interface Job {
  readonly request: QueryRequest;
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: unknown) => void;
  child: QueryChild | undefined;
  /** Forgets timer and signal. */
  release: () => void;
}

/** Reading one process's size costs about 20 µs; a query can take some 100 MiB more between two looks. */
const WATCH_INTERVAL_MS = 50;
const HEAVY_SHARE = 0.75;
const RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 5_000;
/** A start takes a core for a tenth of a second, which short queries would rather have; one that takes longer than this may be killed, or others may come. */
const SPARE_DELAY_MS = 100;

export function createQueryPool(options: QueryPoolOptions): QueryPool {
  return new Pool(options);
}

class Pool implements QueryPool {
  readonly #options: QueryPoolOptions;
  /** In the order in which they answered last; new ones at the end. */
  readonly #children = new Set<QueryChild>();
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  /** Processes that ended before they were ready, one after the other. */
  #failedStarts = 0;
  #restart: Timer | undefined;
  #spare: Timer | undefined;
  #watch: Timer | undefined;
  #killed = 0;
  #died = 0;
  /** Modulo the nodes there are. */
  #spawned = 0;
  #closed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
    this.#fill();
  }

  get stats(): QueryPoolStats {
    return {
      processes: this.#children.size,
      ready: Array.from(this.#children).filter(({ phase }) => phase === "idle" || phase === "busy").length,
      running: this.#running.size,
      waiting: this.#queue.length,
      killed: this.#killed,
      died: this.#died,
    };
  }

  get pids(): readonly number[] {
    return Array.from(this.#children, ({ pid }) => pid);
  }

  run(request: QueryRequest, options: RunOptions = {}): Promise<QueryResult> {
    if (this.#closed) return Promise.reject(shuttingDown());
    if (options.signal?.aborted === true) return Promise.reject(canceled());
    if (this.#queue.length >= this.#options.maxQueue) {
      return Promise.reject(new DbError("SERVER_BUSY", `More than ${this.#options.maxQueue} queries are waiting`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
    const job: Job = { request, resolve, reject, child: undefined, release: () => undefined };
    const onTimeout = (): void => this.#cancel(job, statementTimeout());
    const onAbort = (): void => this.#cancel(job, canceled());
    const timer = setTimeout(onTimeout, options.timeoutMs ?? this.#options.timeoutMs);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    job.release = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
    };
    this.#queue.push(job);
    this.#fill();
    this.#dispatch();
    return promise;
  }

  async clearCaches(): Promise<ColdCacheCounts> {
    const idle: Promise<ColdCacheCounts>[] = [];
    for (const child of this.#children) {
      if (child.phase === "busy") void child.clearCaches();
      else if (child.phase === "idle") idle.push(child.clearCaches());
    }
    const counts = await Promise.all(idle);
    const total = (kind: keyof ColdCacheCounts): number => counts.reduce((sum, one) => sum + one[kind], 0);
    return { columns: total("columns"), tables: total("tables") };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    clearTimeout(this.#spare);
    clearInterval(this.#watch);
    for (const job of [...this.#queue.splice(0), ...this.#running]) {
      job.release();
      job.reject(shuttingDown());
    }
    this.#running.clear();
    const children = [...this.#children];
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.ended()));
  }

  /** As many as there is work for, at least one. One more when all have been at work for a while, so that neither a query nor a kill waits for a start. */
  #fill(): void {
    this.#growTo(Math.max(1, this.#wanted()));
    if (this.#children.size > this.#wanted()) {
      clearTimeout(this.#spare);
      this.#spare = undefined;
    } else {
      this.#spare ??= setTimeout(() => {
        this.#spare = undefined;
        this.#growTo(this.#wanted() + 1);
      }, SPARE_DELAY_MS);
    }
  }

  #wanted(): number {
    return Math.min(this.#options.processes, this.#running.size + this.#queue.length);
  }

  #growTo(processes: number): void {
    if (this.#closed || this.#restart !== undefined) return;
    while (this.#children.size < processes) this.#children.add(this.#spawn());
  }

  #spawn(): QueryChild {
    const { databasePath, storageDir, storages, memoryLimitBytes, coldCacheBytes, warmsUp = true } = this.#options;
    const open: OpenMessage = {
      kind: "open",
      databasePath,
      storageDir,
      storages,
      memoryLimitBytes,
      coldCacheBytes,
      warmsUp,
      parentPid: process.pid,
      node: this.#nextNode(),
    };
    return new QueryChild(this.#options.command, open, {
      onReady: () => {
        this.#failedStarts = 0;
        this.#dispatch();
      },
      onExit: (child, how) => this.#exited(child, how),
    });
  }

  /** In turn, so that one does not come back soon: a process may have made ids ahead of the clock before it ended. Node 0 is this process. */
  #nextNode(): number {
    const node = 1 + this.#spawned;
    this.#spawned = (this.#spawned + 1) % (SNOWFLAKE_NODES - 1);
    return node;
  }

  #exited(child: QueryChild, how: string): void {
    // Those the pool killed are no longer among its children.
    if (!this.#children.delete(child) || this.#closed) return;
    this.#died += 1;
    this.#failedStarts += 1;
    this.#options.log.warn("a query process ended", { how });
    if (this.#restart !== undefined) return;
    // A process that cannot start must not be started in a loop that burns a core.
    const delay =
      this.#failedStarts <= 1 ? 0 : Math.min(RESTART_DELAY_MS * 2 ** this.#failedStarts, MAX_RESTART_DELAY_MS);
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      this.#fill();
    }, delay);
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#running.size < this.#options.processes) {
      const idle = this.#idleChild();
      const job = idle === undefined ? undefined : this.#queue.shift();
      if (idle === undefined || job === undefined) return;
      job.child = idle;
      this.#running.add(job);
      this.#watch ??= setInterval(() => this.#checkMemory(), WATCH_INTERVAL_MS);
      idle.run(job.request, this.#options.maxResultBytes, (outcome) => this.#settle(job, outcome));
    }
  }

  #checkMemory(): void {
    for (const job of this.#running) {
      const bytes = job.child === undefined ? undefined : residentBytes(job.child.pid);
      if (bytes !== undefined && bytes > this.#options.memoryLimitBytes) this.#cancel(job, outOfMemory());
    }
    if (this.#running.size > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** The one that answered last, which has what it decoded at hand; one that never did only when no other is free. */
  #idleChild(): QueryChild | undefined {
    let found: QueryChild | undefined;
    for (const child of this.#children) {
      if (child.phase === "idle" && (found === undefined || child.hasRun)) found = child;
    }
    return found;
  }

  #settle(job: Job, outcome: ChildOutcome): void {
    job.release();
    this.#running.delete(job);
    if (outcome.kind === "done") job.resolve(outcome.result);
    else if (outcome.kind === "failed") job.reject(fromFailure(outcome.failure));
    else if (outcome.kind === "outdated") job.reject(new StaleRead("the table changed"));
    else job.reject(deathError(outcome.how));
    if (isSpent(outcome) || this.#isHeavy(job.child)) this.#replace(job.child);
    else this.#moveLast(job.child);
    this.#fill();
    this.#dispatch();
  }

  #moveLast(child: QueryChild | undefined): void {
    if (child !== undefined && this.#children.delete(child)) this.#children.add(child);
  }

  /** So full already that the next query would pay for this one. */
  #isHeavy(child: QueryChild | undefined): boolean {
    const bytes = child === undefined ? undefined : residentBytes(child.pid);
    return bytes !== undefined && bytes > this.#options.memoryLimitBytes * HEAVY_SHARE;
  }

  #cancel(job: Job, error: DbError): void {
    job.release();
    const waiting = this.#queue.indexOf(job);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    if (this.#running.delete(job)) this.#replace(job.child);
    job.reject(error);
    this.#dispatch();
  }

  #replace(child: QueryChild | undefined): void {
    if (child === undefined || !this.#children.delete(child)) return;
    this.#killed += 1;
    child.kill();
    this.#fill();
  }
}

/** What is left of a heap after a failed allocation is of no use to the next query. */
function isSpent(outcome: ChildOutcome): boolean {
  return outcome.kind === "failed" && outcome.failure.code === "OUT_OF_MEMORY";
}

function canceled(): DbError {
  return new DbError("STATEMENT_TIMEOUT", "canceling statement because the caller has gone");
}

/** The runtime aborts itself, and the kernel kills, when memory runs out; anything else is a fault of ours. */
function deathError(how: string): DbError {
  if (/^signal (SIGKILL|SIGABRT|SIGTRAP|9|6|5)$/.test(how)) return outOfMemory();
  return new DbError("INTERNAL_ERROR", `The query process ended (${how})`);
}
