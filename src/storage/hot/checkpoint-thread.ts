// The writer's side of the thread that folds the log: started when there is first something to do, asked one thing at a time.
import { errorText } from "../../base/log.ts";

export interface FoldRequest {
  readonly path: string;
}

export interface FoldReply {
  /** Undefined: it did what it could. */
  readonly failure: string | undefined;
}

/** The part of a Worker that is needed here. */
export interface FoldingThread {
  postMessage(message: FoldRequest): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<FoldReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

function spawnThread(): FoldingThread {
  // Housekeeping alone keeps no process alive.
  return new Worker(new URL("./checkpoint-worker.ts", import.meta.url), { ref: false });
}

export class CheckpointThread {
  readonly #spawn: () => FoldingThread;
  #thread: FoldingThread | undefined;
  #folding: PromiseWithResolvers<FoldReply> | undefined;

  constructor(spawn: () => FoldingThread = spawnThread) {
    this.#spawn = spawn;
  }

  get isFolding(): boolean {
    return this.#folding !== undefined;
  }

  /** Does not reject. To be called when it is not folding. */
  fold(path: string): Promise<FoldReply> {
    const folding = Promise.withResolvers<FoldReply>();
    this.#folding = folding;
    try {
      this.#running().postMessage({ path });
    } catch (error) {
      this.#settle({ failure: errorText(error) });
    }
    return folding.promise;
  }

  /** What was begun is finished first: a thread that is ended inside SQLite would leave its connection open. */
  async close(): Promise<void> {
    await this.#folding?.promise;
    this.#thread?.terminate();
    this.#thread = undefined;
  }

  #running(): FoldingThread {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#spawn();
    thread.onmessage = ({ data }) => this.#settle(data);
    thread.onerror = (event) => {
      thread.terminate();
      this.#thread = undefined;
      this.#settle({ failure: event.message });
    };
    this.#thread = thread;
    return thread;
  }

  #settle(reply: FoldReply): void {
    const folding = this.#folding;
    this.#folding = undefined;
    folding?.resolve(reply);
  }
}
