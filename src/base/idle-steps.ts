// Work that nobody waits for, a step at a time: a turn of the event loop each, as long as nothing better is to be done.

export type Steps = Iterator<void, unknown> | AsyncIterator<void, unknown>;

export class IdleSteps {
  readonly #steps: Steps;
  #next: Timer | undefined;
  #isDone = false;

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Begins, or goes on, when nothing pauses it again for so long. */
  resume(afterMs = 0): void {
    if (this.#isDone) return;
    this.#next ??= setTimeout(() => void this.#step(), afterMs);
  }

  /** A step that was begun is ended. */
  pause(): void {
    clearTimeout(this.#next);
    this.#next = undefined;
  }

  async #step(): Promise<void> {
    const begunBy = this.#next;
    this.#isDone = await this.#isLast();
    // Paused meanwhile: whoever has resumed it has said when it goes on.
    if (this.#next !== begunBy) return;
    this.#next = undefined;
    this.resume();
  }

  /** Nobody waits, so nobody is told of a failure; there is no use in going on. */
  async #isLast(): Promise<boolean> {
    try {
      return (await this.#steps.next()).done === true;
    } catch {
      return true;
    }
  }
}
