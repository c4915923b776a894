// Events between a socket that pushes and an application that pulls.
import type { FeedEvent, SubscriptionEvent } from "./feed.ts";
import { KalamError } from "./kalam-error.ts";

/** Rows that may wait to be read, by default. */
export const DEFAULT_QUEUE_ROWS = 100_000;

function weightOf(event: FeedEvent): number {
  return event.kind === "snapshot" ? event.rows.length : 1;
}

/**
 * Holds at most `maxRows` rows. At the bound nothing more is taken: what is queued can still be read, then comes an `error` event with
 * CLIENT_QUEUE_FULL, and the cursor of the last event read tells where to go on.
 */
export class EventQueue {
  readonly #maxRows: number;
  readonly #onFull: () => void;
  readonly #waiting: ((result: IteratorResult<SubscriptionEvent>) => void)[] = [];
  #events: FeedEvent[] = [];
  /** Read position in `#events`, so that reading is not a shift each. */
  #head = 0;
  #rows = 0;
  #isClosed = false;
  #cursor: string | undefined;

  constructor(options: { readonly maxRows: number; readonly cursor: string | undefined; readonly onFull: () => void }) {
    this.#maxRows = options.maxRows;
    this.#cursor = options.cursor;
    this.#onFull = options.onFull;
  }

  /** Everything up to here has been read. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  push(events: readonly FeedEvent[]): void {
    for (const event of events) {
      if (this.#isClosed) return;
      if (event.kind === "error") this.#end(event);
      else if (this.#rows + weightOf(event) > this.#maxRows && this.#rows > 0) this.#overflow();
      else this.#add(event);
    }
  }

  /** No more events; what is queued can still be read. */
  close(): void {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake({ done: true, value: undefined });
  }

  /** Forgets what is queued, for a reader that has left. */
  discard(): void {
    this.#events = [];
    this.#head = 0;
    this.#rows = 0;
    this.close();
  }

  next(): Promise<IteratorResult<SubscriptionEvent>> {
    const event = this.#take();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #add(event: FeedEvent): void {
    const last = this.#events.at(-1);
    if (event.kind === "progress" && last?.kind === "progress" && this.#head < this.#events.length) {
      this.#events[this.#events.length - 1] = event;
      return;
    }
    this.#events.push(event);
    this.#rows += weightOf(event);
    this.#wake();
  }

  #end(event: SubscriptionEvent): void {
    this.#events.push(event);
    this.#wake();
    this.close();
  }

  #overflow(): void {
    const text = `more than ${this.#maxRows} rows were waiting to be read; subscribe again from the subscription's cursor`;
    this.#end({ kind: "error", error: new KalamError("CLIENT_QUEUE_FULL", text) });
    this.#onFull();
  }

  #wake(): void {
    if (this.#waiting.length === 0) {
      // Progress is not worth waking for, but with nobody behind it may count as read at once.
      if (this.#events[this.#head]?.kind === "progress") this.#skipProgress();
      return;
    }
    const event = this.#take();
    if (event !== undefined) this.#waiting.shift()?.({ done: false, value: event });
  }

  #skipProgress(): void {
    let event = this.#events[this.#head];
    while (event?.kind === "progress") {
      this.#cursor = event.cursor;
      this.#rows -= 1;
      this.#head += 1;
      event = this.#events[this.#head];
    }
  }

  #take(): SubscriptionEvent | undefined {
    this.#skipProgress();
    const event = this.#events[this.#head];
    if (event === undefined || event.kind === "progress") {
      this.#events = [];
      this.#head = 0;
      return undefined;
    }
    this.#head += 1;
    this.#rows -= event.kind === "error" ? 0 : weightOf(event);
    if (event.cursor !== undefined) this.#cursor = event.cursor;
    if (event.kind === "reset") this.#cursor = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return event;
  }
}
