// One query process as the pool holds it: starting, idle, busy with one query, or gone.
import type { Cell } from "../../model/sql-type.ts";
import type {
  ColdCacheCounts,
  OpenMessage,
  ProcessMessage,
  QueryFailure,
  QueryRequest,
  QueryResult,
} from "./messages.ts";

export type ChildOutcome =
  | { readonly kind: "done"; readonly result: QueryResult }
  | { readonly kind: "failed"; readonly failure: QueryFailure }
  | { readonly kind: "outdated" }
  /** The process ended while it ran the query. */
  | { readonly kind: "died"; readonly how: string };

export interface ChildEvents {
  readonly onReady: (child: QueryChild) => void;
  /** Once, whether it died, was killed or never started. */
  readonly onExit: (child: QueryChild, how: string) => void;
}

interface Running {
  readonly id: number;
  readonly settle: (outcome: ChildOutcome) => void;
  readonly texts: string[];
  readonly rows: (readonly Cell[])[];
}

const NOTHING_CACHED: ColdCacheCounts = { columns: 0, tables: 0 };

type Phase = "starting" | "idle" | "busy" | "gone";

export class QueryChild {
  readonly #process: Bun.Subprocess<"ignore", "ignore", "ignore">;
  readonly #events: ChildEvents;
  #phase: Phase = "starting";
  #running: Running | undefined;
  #nextId = 1;
  /** In the order in which they asked. */
  readonly #clearing: ((counts: ColdCacheCounts) => void)[] = [];

  constructor(command: readonly string[], open: OpenMessage, events: ChildEvents) {
    this.#events = events;
    this.#process = Bun.spawn([...command], {
      stdio: ["ignore", "ignore", "ignore"],
      serialization: "advanced",
      // A query process needs no secret of the server's environment.
      env: {},
      ipc: (message: ProcessMessage) => this.#receive(message),
      onExit: (_process, exitCode, signal) => this.#exited(signal === null ? `exit ${exitCode}` : signalName(signal)),
    });
    this.#process.send(open);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** It has been asked something. */
  get hasRun(): boolean {
    return this.#nextId > 1;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Only when idle. Settles once; nothing is reported of a query whose process was killed by `kill`. */
  run(request: QueryRequest, maxResultBytes: number, settle: (outcome: ChildOutcome) => void): void {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#phase = "busy";
    this.#running = { id, settle, texts: [], rows: [] };
    try {
      this.#process.send({ ...request, kind: "run", id, maxResultBytes });
    } catch {
      // The channel is closed: the process has ended, and onExit settles the query.
    }
  }

  /** Resolves when it has, with what there was; with nothing when it ends first. A process that is busy inside SQLite gets to it later. */
  clearCaches(): Promise<ColdCacheCounts> {
    const { promise, resolve } = Promise.withResolvers<ColdCacheCounts>();
    try {
      this.#process.send({ kind: "clear" });
      this.#clearing.push(resolve);
    } catch {
      // The channel is closed: with the process its caches are gone.
      resolve(NOTHING_CACHED);
    }
    return promise;
  }

  /** SIGKILL: the only thing that stops a statement inside SQLite. */
  kill(): void {
    this.#running = undefined;
    this.#phase = "gone";
    this.#process.kill("SIGKILL");
  }

  async ended(): Promise<void> {
    await this.#process.exited;
  }

  #receive(message: ProcessMessage): void {
    if (this.#phase === "gone") return;
    if (message.kind === "ready") {
      this.#phase = "idle";
      this.#events.onReady(this);
      return;
    }
    if (message.kind === "cleared") {
      this.#clearing.shift()?.(message);
      return;
    }
    const running = this.#running;
    if (running?.id !== message.id) return;
    switch (message.kind) {
      case "json":
        running.texts.push(message.text);
        return;
      case "cells":
        for (const row of message.rows) running.rows.push(row);
        return;
      case "done": {
        const { rowCount, position, reads } = message;
        return this.#finish({
          kind: "done",
          result: { json: running.texts.join(""), rows: running.rows, rowCount, position, reads },
        });
      }
      case "outdated":
        return this.#finish({ kind: "outdated" });
      case "failed":
        return this.#finish({ kind: "failed", failure: message.failure });
    }
  }

  #finish(outcome: ChildOutcome): void {
    const running = this.#running;
    this.#running = undefined;
    this.#phase = "idle";
    running?.settle(outcome);
  }

  #exited(how: string): void {
    const running = this.#running;
    this.#running = undefined;
    this.#phase = "gone";
    for (const resolve of this.#clearing.splice(0)) resolve(NOTHING_CACHED);
    running?.settle({ kind: "died", how });
    this.#events.onExit(this, how);
  }
}

function signalName(signal: number | string): string {
  return `signal ${signal}`;
}
