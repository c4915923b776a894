// The main thread's side of the Parquet worker: a few requests at a time, begun in order, to a thread that is started on first need and again after it died.
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
/** While the disk syncs one file the thread makes the next, and syncs that come together cost the disk one. As many encoded files are in memory at most. */
const MAX_IN_WORK = 3;

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
  /** By id. */
  readonly #inWork = new Map<number, Waiting>();
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
    this.#start();
    return promise;
  }

  /** Rejects what waits and stops the thread. A file it was writing becomes an orphan. */
  close(): void {
    this.#closed = true;
    this.#thread?.terminate();
    this.#thread = undefined;
    const stopped = new DbError("SHUTTING_DOWN", "The server is shutting down");
    for (const { reject } of [...this.#takeInWork(), ...this.#waiting.splice(0)]) reject(stopped);
  }

  #start(): void {
    while (this.#inWork.size < MAX_IN_WORK) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inWork.set(next.message.id, next);
      this.#running().postMessage(next.message);
    }
  }

  #takeInWork(): Waiting[] {
    const taken = [...this.#inWork.values()];
    this.#inWork.clear();
    return taken;
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
    const finished = this.#inWork.get(reply.id);
    assert(finished !== undefined, "the worker answers what it was asked, once");
    this.#inWork.delete(reply.id);
    if (reply.kind === "done") finished.resolve(reply);
    else finished.reject(new DbError(reply.code, reply.message));
    this.#start();
  }

  #crashed(message: string): void {
    this.#thread?.terminate();
    this.#thread = undefined;
    const failed = new DbError("STORAGE_ERROR", `The Parquet worker failed: ${message}`);
    for (const { reject } of this.#takeInWork()) reject(failed);
    this.#start();
  }
}
