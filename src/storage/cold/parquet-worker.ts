// The main thread's side of the Parquet worker: a few requests at a time, begun in order, to a thread that is started on first need and again after it died.
import { assert, DbError } from "../../base/errors.ts";
import { threadProgram } from "../../base/program.ts";
import {
  giveUp,
  STANDING,
  type StopFlag,
  type WorkerMessage,
  type WorkerOutcome,
  type WorkerReply,
  type WorkerRequest,
  type WorkerUsage,
} from "./flush-messages.ts";

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
/** Requests that the thread has begun and whose rows may be in memory: of these it works at one, or waits for what they read. */
const MAX_AT_ROWS = 3;
/** Those and the ones whose file is on its way to the disk or the bucket: it takes none of the thread, and syncs that come together cost the disk one. */
const MAX_IN_WORK = 8;
/** How long a request that was aborted may take to its end. A disk or a bucket that does not answer is left to itself then. */
export const GIVE_UP_AFTER_MS = 250;

function spawnThread(): ParquetThread {
  return new Worker(threadProgram("storage/cold/flush-worker"));
}

interface Waiting {
  readonly message: WorkerMessage;
  /** Its rows are in a file, or it is done. */
  isEncoded: boolean;
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

  /**
   * Requests wait in order, at most MAX_WAITING of them. One that is aborted rejects with the signal's reason: at once while it waits, else when it has stopped, or is
   * given up; what it has written by then, or comes to write, the thread removes. One that ends before that is answered as if it were wanted.
   */
  run(request: WorkerRequest, signal?: AbortSignal): Promise<WorkerDone> {
    if (this.#closed) return Promise.reject(new DbError("SHUTTING_DOWN", "The server is shutting down"));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(
        new DbError("SERVER_BUSY", `More than ${MAX_WAITING} requests wait for the Parquet worker`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<WorkerDone>();
    const id = this.#nextId++;
    const stop: StopFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const waiting: Waiting = {
      message: { ...request, id, stop },
      isEncoded: request.kind === "discard",
      resolve,
      reject,
    };
    this.#waiting.push(waiting);
    this.#start();
    if (signal === undefined) return promise;
    let alarm: Timer | undefined;
    const onAbort = (): void => {
      this.#stop(waiting);
      alarm = setTimeout(() => this.#giveUp(waiting), GIVE_UP_AFTER_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    const done = promise.catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    return done.finally(() => {
      clearTimeout(alarm);
      signal.removeEventListener("abort", onAbort);
    });
  }

  #stop(waiting: Waiting): void {
    Atomics.compareExchange(waiting.message.stop, 0, STANDING.wanted, STANDING.unwanted);
    const place = this.#waiting.indexOf(waiting);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    waiting.reject(new DbError("KILLED", "The job was ended"));
  }

  /** It stays among those in work until the thread answers, but its rows are not waited for. */
  #giveUp(waiting: Waiting): void {
    if (!giveUp(waiting.message.stop)) return;
    waiting.isEncoded = true;
    waiting.reject(new DbError("KILLED", "The job was ended"));
    this.#start();
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
    while (this.#inWork.size < MAX_IN_WORK && this.#atRows() < MAX_AT_ROWS) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inWork.set(next.message.id, next);
      this.#running().postMessage(next.message);
    }
  }

  #atRows(): number {
    return this.#inWork.values().reduce((count, { isEncoded }) => count + (isEncoded ? 0 : 1), 0);
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
    finished.isEncoded = true;
    if (reply.kind !== "encoded") this.#inWork.delete(reply.id);
    if (reply.kind === "done") finished.resolve(reply);
    if (reply.kind === "failed") finished.reject(new DbError(reply.code, reply.message));
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
