// A set that most often has one member, which it then holds without a hash table of its own: one of those takes 300 bytes and more, and live queries keep several a group.

export class Few<T> implements Iterable<T> {
  #only: T | undefined;
  /** From the second member on, all of them. */
  #all: Set<T> | undefined;

  get size(): number {
    if (this.#all !== undefined) return this.#all.size;
    return this.#only === undefined ? 0 : 1;
  }

  has(item: T): boolean {
    return this.#all === undefined ? this.#only === item : this.#all.has(item);
  }

  add(item: T): void {
    if (this.#all !== undefined) {
      this.#all.add(item);
    } else if (this.#only === undefined || this.#only === item) {
      this.#only = item;
    } else {
      this.#all = new Set([this.#only, item]);
      this.#only = undefined;
    }
  }

  delete(item: T): void {
    if (this.#all === undefined) {
      if (this.#only === item) this.#only = undefined;
      return;
    }
    this.#all.delete(item);
    if (this.#all.size === 0) this.#all = undefined;
  }

  addAllTo(items: Set<T>): void {
    if (this.#only !== undefined) items.add(this.#only);
    for (const item of this.#all ?? []) items.add(item);
  }

  /** Members that go meanwhile are left out, those that come are met. */
  *[Symbol.iterator](): Iterator<T> {
    const only = this.#only;
    if (only !== undefined) yield only;
    // The only one may have got company while it was looked at.
    for (const item of this.#all ?? []) if (item !== only) yield item;
  }
}
