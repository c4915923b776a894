// Flush on the main thread: asks the worker for one segment file after the other and commits each in a transaction of its own. Whatever dies in between,
// a file without its row in `segments` is only an orphan, and rows are buffered no more from the transaction on that names their file.

import type { Clock } from "../../base/clock.ts";
import { assert, DbError } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Segment, Writer } from "../seams.ts";
import type { FlushReply, FlushRequest, WorkerUsage } from "./flush-messages.ts";
import type { ScopeTask } from "./write-scope.ts";

export interface FlushScopeRequest {
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Inclusive; versions above it stay buffered. */
  readonly upTo: Seq;
  /** Checked between segments. Rows already committed to Parquet stay there. */
  readonly signal?: AbortSignal;
}

export interface ScopeFlushed {
  /** Oldest first; empty when nothing was buffered. */
  readonly segments: readonly Segment[];
  readonly rows: number;
  readonly bytes: number;
  readonly usage: WorkerUsage;
}

export interface Flusher {
  /** One file of one scope is in memory at a time, whatever is asked for at once; requests wait in order, at most MAX_WAITING of them. */
  flushScope(request: FlushScopeRequest): Promise<ScopeFlushed>;
  /** Start of the oldest flush in progress: younger files may be about to be committed. Undefined when idle. */
  readonly oldestStartMs: number | undefined;
  /** Rejects what waits and stops the worker. A file it was writing becomes an orphan. */
  close(): void;
}

/** The part of a Worker that a flush needs. */
export interface FlushThread {
  postMessage(message: FlushRequest): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<FlushReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export interface FlusherDeps {
  readonly databasePath: string;
  /** Absolute; segments lie below it. */
  readonly storageDir: string;
  readonly writer: Writer;
  readonly clock: Clock;
  /** Rows of one file, at most. */
  readonly segmentRows?: number;
  readonly segmentBytes?: number;
  readonly spawn?: () => FlushThread;
}

/** A flush takes 90 MB for this many short rows, and the commit 2 ms to count them; 50,000: 110 MB and 4 ms, and not faster. */
const SEGMENT_ROWS = 25_000;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_WAITING = 10_000;

function spawnWorker(): FlushThread {
  return new Worker(new URL("./flush-worker.ts", import.meta.url));
}

interface Waiting {
  readonly request: FlushRequest;
  readonly resolve: (reply: Extract<FlushReply, { kind: "done" }>) => void;
  readonly reject: (error: DbError) => void;
}

/** One task at a time to a worker that is started on first need and again after it died. */
class WorkerQueue {
  readonly #spawn: () => FlushThread;
  readonly #waiting: Waiting[] = [];
  #thread: FlushThread | undefined;
  #closed = false;

  constructor(spawn: () => FlushThread) {
    this.#spawn = spawn;
  }

  run(request: FlushRequest): Promise<Extract<FlushReply, { kind: "done" }>> {
    if (this.#closed) return Promise.reject(new DbError("SHUTTING_DOWN", "The server is shutting down"));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new DbError("SERVER_BUSY", `More than ${MAX_WAITING} flushes are waiting`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Extract<FlushReply, { kind: "done" }>>();
    this.#waiting.push({ request, resolve, reject });
    if (this.#waiting.length === 1) this.#start();
    return promise;
  }

  close(): void {
    this.#closed = true;
    this.#thread?.terminate();
    this.#thread = undefined;
    for (const { reject } of this.#waiting.splice(0))
      reject(new DbError("SHUTTING_DOWN", "The server is shutting down"));
  }

  #start(): void {
    const next = this.#waiting[0];
    if (next !== undefined) this.#worker().postMessage(next.request);
  }

  #worker(): FlushThread {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#spawn();
    thread.onmessage = ({ data }) => this.#settle(data);
    thread.onerror = (event) => this.#crashed(event.message);
    this.#thread = thread;
    return thread;
  }

  #settle(reply: FlushReply): void {
    const finished = this.#waiting.shift();
    assert(finished?.request.id === reply.id, "the worker answers in order");
    if (reply.kind === "done") finished.resolve(reply);
    else finished.reject(new DbError(reply.code, reply.message));
    this.#start();
  }

  #crashed(message: string): void {
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#waiting.shift()?.reject(new DbError("STORAGE_ERROR", `The flush worker failed: ${message}`));
    this.#start();
  }
}

export function createFlusher(deps: FlusherDeps): Flusher {
  const queue = new WorkerQueue(deps.spawn ?? spawnWorker);
  /** Kept until the commit, not only until the file: a sweep must not take a file for an orphan in between. */
  const running = new Set<{ readonly startedMs: number }>();
  let nextId = 1;

  const flushNext = async (request: FlushScopeRequest): Promise<Extract<FlushReply, { kind: "done" }>> => {
    const nowMs = deps.clock.nowMs();
    const task: ScopeTask = {
      schema: request.schema,
      scope: request.scope,
      upTo: request.upTo,
      maxRows: deps.segmentRows ?? SEGMENT_ROWS,
      maxBytes: deps.segmentBytes ?? SEGMENT_BYTES,
      nowMs,
    };
    const id = nextId++;
    return queue.run({ id, databasePath: deps.databasePath, storageDir: deps.storageDir, task });
  };

  const flushAll = async (request: FlushScopeRequest): Promise<ScopeFlushed> => {
    const segments: Segment[] = [];
    let memoryBytes = 0;
    let cpuUs = 0;
    for (;;) {
      request.signal?.throwIfAborted();
      const { segment, usage } = await flushNext(request);
      memoryBytes = Math.max(memoryBytes, usage.memoryBytes);
      cpuUs += usage.cpuUs;
      if (segment === undefined) break;
      const { value } = await deps.writer.submit((tx) => tx.commitSegment(segment));
      segments.push(value);
    }
    const sum = (read: (segment: Segment) => number): number => segments.reduce((total, one) => total + read(one), 0);
    return { segments, rows: sum((one) => one.rows), bytes: sum((one) => one.bytes), usage: { memoryBytes, cpuUs } };
  };

  return {
    async flushScope(request) {
      const entry = { startedMs: deps.clock.nowMs() };
      running.add(entry);
      try {
        return await flushAll(request);
      } finally {
        running.delete(entry);
      }
    },
    get oldestStartMs() {
      return running.size === 0 ? undefined : Math.min(...Array.from(running, ({ startedMs }) => startedMs));
    },
    close: () => queue.close(),
  };
}
