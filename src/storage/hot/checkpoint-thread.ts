// The writer's side of the thread that folds the log and makes room for it: started when there is first something to do, asked one thing at a time.
import { errorText } from "../../base/log.ts";
import { threadProgram } from "../../base/program.ts";

/** `fold`: into the data file. `makeRoom`: the log's file grows, and what it holds stays. */
export type LogTask = "fold" | "makeRoom";

export interface LogRequest {
  readonly task: LogTask;
  /** Of the data file. */
  readonly path: string;
}

export interface LogReply {
  /** Undefined: it did what it could. */
  readonly failure: string | undefined;
}

/** The part of a Worker that is needed here. */
export interface LogThread {
  postMessage(message: LogRequest): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<LogReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

function spawnThread(): LogThread {
  // Housekeeping alone keeps no process alive.
  return new Worker(threadProgram("storage/hot/checkpoint-worker"), { ref: false });
}

export class CheckpointThread {
  readonly #spawn: () => LogThread;
  #thread: LogThread | undefined;
  #working: PromiseWithResolvers<LogReply> | undefined;

  constructor(spawn: () => LogThread = spawnThread) {
    this.#spawn = spawn;
  }

  get isWorking(): boolean {
    return this.#working !== undefined;
  }

  /** Does not reject. To be called when it is not working. */
  run(task: LogTask, path: string): Promise<LogReply> {
    const working = Promise.withResolvers<LogReply>();
    this.#working = working;
    try {
      this.#running().postMessage({ task, path });
    } catch (error) {
      this.#settle({ failure: errorText(error) });
    }
    return working.promise;
  }

  /** What was begun is finished first: a thread that is ended inside SQLite would leave its connection open. */
  async close(): Promise<void> {
    await this.#working?.promise;
    this.#thread?.terminate();
    this.#thread = undefined;
  }

  #running(): LogThread {
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

  #settle(reply: LogReply): void {
    const working = this.#working;
    this.#working = undefined;
    working?.resolve(reply);
  }
}
