// A map that most often has one entry, which it then holds without a hash table of its own: those of a hundred thousand connections and groups take more than all they hold.

export class FewByKey<K, T> {
  #key: K | undefined;
  #only: T | undefined;
  /** From the second entry on, all of them. */
  #all: Map<K, T> | undefined;

  get size(): number {
    if (this.#all !== undefined) return this.#all.size;
    return this.#only === undefined ? 0 : 1;
  }

  get(key: K): T | undefined {
    if (this.#all !== undefined) return this.#all.get(key);
    return this.#key === key ? this.#only : undefined;
  }

  set(key: K, item: T): void {
    if (this.#all !== undefined) {
      this.#all.set(key, item);
    } else if (this.#key === undefined || this.#only === undefined || this.#key === key) {
      this.#key = key;
      this.#only = item;
    } else {
      this.#all = new Map([
        [this.#key, this.#only],
        [key, item],
      ]);
      this.#key = undefined;
      this.#only = undefined;
    }
  }

  delete(key: K): void {
    if (this.#all === undefined) {
      if (this.#key !== key) return;
      this.#key = undefined;
      this.#only = undefined;
      return;
    }
    this.#all.delete(key);
    if (this.#all.size === 0) this.#all = undefined;
  }

  /** In the order they came. A copy: they may go while they are looked at. */
  values(): readonly T[] {
    if (this.#all !== undefined) return [...this.#all.values()];
    return this.#only === undefined ? [] : [this.#only];
  }
}
