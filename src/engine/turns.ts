import { DbError } from "../base/errors.ts";

/** Works of one key run one after the other, in the order they came; works of different keys do not wait for each other. */
export class Turns {
  readonly #lastByKey = new Map<string, Promise<void>>();
  readonly #maxWaiting: number;
  #waiting = 0;

  /** One more work than `maxWaiting` is refused with WRITE_CONFLICT. */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#maxWaiting) {
      throw new DbError("WRITE_CONFLICT", "too many statements are changing the same rows", {
        hint: "Run the statement again.",
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#lastByKey.get(key);
    this.#lastByKey.set(key, promise);
    this.#waiting += 1;
    try {
      await before;
      return await work();
    } finally {
      this.#waiting -= 1;
      if (this.#lastByKey.get(key) === promise) this.#lastByKey.delete(key);
      resolve();
    }
  }
}
