/** Counts what is being answered, so that a stop can wait for the last of it. */
export class InFlight {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** Counts until it is disposed of. */
  enter(): Disposable {
    this.#count += 1;
    return {
      [Symbol.dispose]: () => {
        this.#count -= 1;
        if (this.#count === 0) this.#idle?.resolve();
      },
    };
  }

  /** Resolves when nothing is being answered. Only for a time in which nothing new is let in. */
  async idle(): Promise<void> {
    if (this.#count === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }
}
