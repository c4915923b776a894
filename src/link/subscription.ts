// A live query as a stream of events.
import type { EventQueue } from "./event-queue.ts";
import type { Feed, SubscriptionEvent } from "./feed.ts";
import type { Column } from "./value.ts";

/**
 * Read it once, with `for await`; leaving the loop unsubscribes. The stream ends after `unsubscribe()` or after an `error` event.
 * Connection losses are not events: the subscription resumes by itself, and says `reset` when it could not.
 */
export interface Subscription extends AsyncIterable<SubscriptionEvent>, AsyncDisposable {
  readonly id: string;
  readonly sql: string;
  /** Known once the server has answered. */
  readonly columns: readonly Column[];
  readonly phase: Feed["phase"];
  /** Where to go on after everything read so far; pass it as `from`. Undefined until `ready` has been read. */
  readonly cursor: string | undefined;
  /** Idempotent. */
  unsubscribe(): void;
}

export function createSubscription(feed: Feed, queue: EventQueue, remove: () => void): Subscription {
  const unsubscribe = (): void => {
    remove();
    queue.discard();
  };
  const iterator: AsyncIterator<SubscriptionEvent> = {
    next: () => queue.next(),
    return() {
      unsubscribe();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return {
    id: feed.id,
    sql: feed.sql,
    get columns() {
      return feed.columns;
    },
    get phase() {
      return feed.phase;
    },
    get cursor() {
      return queue.cursor;
    },
    unsubscribe,
    [Symbol.asyncIterator]: () => iterator,
    [Symbol.asyncDispose]() {
      unsubscribe();
      return Promise.resolve();
    },
  };
}
