/** The newest of what happened, so that a failure can be told with it; older ones are forgotten. */
export class Recent<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(item: T): void {
    this.#items[this.#count % this.#limit] = item;
    this.#count += 1;
  }

  /** The oldest first. */
  items(): readonly T[] {
    const oldest = this.#count > this.#limit ? this.#count % this.#limit : 0;
    return [...this.#items.slice(oldest), ...this.#items.slice(0, oldest)];
  }
}
