/** A seeded source of choices: the same seed makes the same statements everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0, below `limit` (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(part: number, of: number): boolean {
    return this.below(of) < part;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }

  /** `count` of them at most, in their order. */
  some<T>(items: readonly T[], count: number): readonly T[] {
    const kept = new Set<number>();
    for (let tries = 0; tries < count; tries += 1) kept.add(this.below(items.length));
    return items.filter((_, index) => kept.has(index));
  }
}
