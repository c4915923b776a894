// The main thread's side of the Parquet worker: one request at a time, in order, to a thread that is started on first need and again after it died.
import { assert, DbError } from "../../base/errors.ts";
import type { WorkerMessage, WorkerOutcome, WorkerReply, WorkerRequest, WorkerUsage } from "./flush-messages.ts";

/** The part of a Worker that is needed here. */
export interface ParquetThread {
  postMessage(message: WorkerMessage): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<WorkerReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export interface WorkerDone {
  readonly outcome: WorkerOutcome;
  readonly usage: WorkerUsage;
}

const MAX_WAITING = 10_000;

function spawnThread(): ParquetThread {
  return new Worker(new URL("./flush-worker.ts", import.meta.url));
}

interface Waiting {
  readonly message: WorkerMessage;
  readonly resolve: (done: WorkerDone) => void;
  readonly reject: (error: DbError) => void;
}

export class ParquetWorker {
  readonly #spawn: () => ParquetThread;
  readonly #waiting: Waiting[] = [];
  #thread: ParquetThread | undefined;
  #nextId = 1;
  #closed = false;

  constructor(spawn: () => ParquetThread = spawnThread) {
    this.#spawn = spawn;
  }

  /** Requests wait in order, at most MAX_WAITING of them. */
  run(request: WorkerRequest): Promise<WorkerDone> {
    if (this.#closed) return Promise.reject(new DbError("SHUTTING_DOWN", "The server is shutting down"));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(
        new DbError("SERVER_BUSY", `More than ${MAX_WAITING} requests wait for the Parquet worker`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<WorkerDone>();
    const id = this.#nextId++;
    this.#waiting.push({ message: { ...request, id }, resolve, reject });
    if (this.#waiting.length === 1) this.#start();
    return promise;
  }

  /** Rejects what waits and stops the thread. A file it was writing becomes an orphan. */
  close(): void {
    this.#closed = true;
    this.#thread?.terminate();
    this.#thread = undefined;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new DbError("SHUTTING_DOWN", "The server is shutting down"));
    }
  }

  #start(): void {
    const next = this.#waiting[0];
    if (next !== undefined) this.#running().postMessage(next.message);
  }

  #running(): ParquetThread {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#spawn();
    thread.onmessage = ({ data }) => this.#settle(data);
    thread.onerror = (event) => this.#crashed(event.message);
    this.#thread = thread;
    return thread;
  }

  #settle(reply: WorkerReply): void {
    const finished = this.#waiting.shift();
    assert(finished?.message.id === reply.id, "the worker answers in order");
    if (reply.kind === "done") finished.resolve(reply);
    else finished.reject(new DbError(reply.code, reply.message));
    this.#start();
  }

  #crashed(message: string): void {
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#waiting.shift()?.reject(new DbError("STORAGE_ERROR", `The Parquet worker failed: ${message}`));
    this.#start();
  }
}
