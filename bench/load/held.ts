// Live queries that are held open while others write. None of them may hear of anything.
import type { HoldResult, Task } from "./client-tasks.ts";
import { Faults } from "./faults.ts";
import { openSubscribers, type Subscriber, type SubscriberOptions } from "./subscriber.ts";

type TaskOf<K extends Task["kind"]> = Extract<Task, { readonly kind: K }>;

/** Subscriptions that stay open between tasks. */
export class Held {
  readonly #faults = new Faults();
  readonly #subscribers: Subscriber[] = [];
  #open = 0;
  #rows = 0;

  async open(task: TaskOf<"hold">): Promise<HoldResult> {
    const { target, queries, perConnection } = task;
    const options: SubscriberOptions[] = [];
    for (let at = 0; at < queries.length; at += perConnection) {
      options.push({
        target,
        protocol: "native",
        queries: queries.slice(at, at + perConnection),
        onRow: () => {
          this.#rows += 1;
        },
        faults: this.#faults,
      });
    }
    this.#subscribers.push(...(await openSubscribers(options)));
    this.#open += queries.length;
    return this.count();
  }

  count(): HoldResult {
    return { kind: "countHeld", open: this.#open, rows: this.#rows, faults: this.#faults.list() };
  }
}
