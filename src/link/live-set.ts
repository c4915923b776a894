// A live query as a set of rows that keeps itself current.
import type { FeedEvent } from "./feed.ts";
import { KalamError, toKalamError } from "./kalam-error.ts";
import { type CompareRows, type RowDifference, RowSet } from "./row-set.ts";
import type { Row } from "./value.ts";

/** Called once for all that one commit did, after the set has changed. */
export type LiveListener = (differences: readonly RowDifference[], set: LiveSet) => void;

export interface LiveSet extends AsyncDisposable {
  readonly id: string;
  /** Done when the first snapshot is complete; fails when the query is refused. */
  readonly ready: Promise<void>;
  /** Ordered by key, or by `orderBy`. The same array until something changes. */
  rows(): readonly Row[];
  readonly size: number;
  /** Set when the query has ended by itself; the rows are those last known. */
  readonly error: KalamError | undefined;
  readonly cursor: string | undefined;
  /** Gives a function that ends the listening. An error of the query calls with no differences. */
  onChange(listener: LiveListener): () => void;
  /** Idempotent. Rows stay readable. */
  close(): void;
}

export interface LiveSetOptions {
  readonly id: string;
  readonly compare: CompareRows | undefined;
  /** Ends the subscription. */
  readonly remove: () => void;
}

export class LiveRows implements LiveSet {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly #remove: () => void;
  readonly #rows: RowSet;
  readonly #listeners = new Set<LiveListener>();
  #settle: { readonly resolve: () => void; readonly reject: (error: KalamError) => void } | undefined;
  #error: KalamError | undefined;
  #cursor: string | undefined;

  constructor(options: LiveSetOptions) {
    this.id = options.id;
    this.#remove = options.remove;
    this.#rows = new RowSet(options.compare);
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever does not wait for it must not be stopped by an unhandled rejection; `error` tells them.
    this.ready.catch(() => undefined);
  }

  get size(): number {
    return this.#rows.size;
  }

  get error(): KalamError | undefined {
    return this.#error;
  }

  get cursor(): string | undefined {
    return this.#cursor;
  }

  rows(): readonly Row[] {
    return this.#rows.rows();
  }

  onChange(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#remove();
    this.#listeners.clear();
    this.#settle?.reject(new KalamError("DISCONNECTED", "the live set was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Takes what one message brought. Never throws: an error is this query's, not the connection's. */
  receive(events: readonly FeedEvent[]): void {
    if (this.#error !== undefined) return;
    try {
      const differences = this.#rows.apply(events);
      for (const event of events) this.#follow(event);
      if (differences.length > 0) this.#notify(differences);
    } catch (error) {
      this.#remove();
      this.#fail(toKalamError(error, "BAD_RESPONSE"));
    }
  }

  #follow(event: FeedEvent): void {
    if (event.kind === "error") this.#fail(event.error);
    if (event.kind === "ready") this.#settle?.resolve();
    if (event.kind === "reset") this.#cursor = undefined;
    else this.#cursor = event.cursor ?? this.#cursor;
  }

  #fail(error: KalamError): void {
    this.#error = error;
    this.#settle?.reject(error);
    this.#notify([]);
  }

  #notify(differences: readonly RowDifference[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(differences, this);
      } catch (error) {
        // A listener's mistake is the application's to see, and none of the connection's business.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
