// Two ways to make async work wait its turn, both with a bound: past it the caller is told SERVER_BUSY at once instead of queueing for ever.
import { DbError } from "../base/errors.ts";

function busy(): DbError {
  return new DbError("SERVER_BUSY", "Too many logins are waiting; retry shortly");
}

/** At most `concurrent` works run; at most `waiting` more queue, in order. */
export class Gate {
  readonly #concurrent: number;
  readonly #waiting: number;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(limits: { readonly concurrent: number; readonly waiting: number }) {
    this.#concurrent = limits.concurrent;
    this.#waiting = limits.waiting;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#concurrent) this.#running += 1;
    else await this.#turn();
    try {
      return await work();
    } finally {
      // The slot passes to the next in line without becoming free in between.
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#queue.length >= this.#waiting) return Promise.reject(busy());
    return new Promise((resolve) => this.#queue.push(resolve));
  }
}

/** One work at a time for each key, at most `waiting` more queued on it. A key without work takes no memory. */
export class KeyedGate {
  readonly #gates = new Map<string, { readonly gate: Gate; users: number }>();
  readonly #waiting: number;

  constructor(limits: { readonly waiting: number }) {
    this.#waiting = limits.waiting;
  }

  get size(): number {
    return this.#gates.size;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#gates.get(key) ?? { gate: new Gate({ concurrent: 1, waiting: this.#waiting }), users: 0 };
    this.#gates.set(key, entry);
    entry.users += 1;
    try {
      return await entry.gate.run(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#gates.delete(key);
    }
  }
}
