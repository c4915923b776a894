// What went wrong in a run. One fault makes its row a failure, so a few of them with the total are enough to read.

const KEPT = 5;

export class Faults {
  readonly #kept: string[] = [];
  #count = 0;

  add(fault: string): void {
    this.#count += 1;
    if (this.#kept.length < KEPT) this.#kept.push(fault);
  }

  list(): readonly string[] {
    const more = this.#count - this.#kept.length;
    return more === 0 ? this.#kept : [...this.#kept, `and ${more} more`];
  }
}
