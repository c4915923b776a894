// Paces the reads of one connection: a page is read only while few others are and the socket has taken most of what was sent, so that many
// large snapshots on one socket cannot push it past its limit. Waiting reads are at most one a subscription, first come first served.

export interface ReadGateDeps {
  readonly concurrent: number;
  /** False while the socket has too much to send. */
  readonly isWritable: () => boolean;
}

/** Resolves when the page is sent or has failed; never rejects. */
export type ReadTask = () => Promise<void>;

export class ReadGate<K> {
  readonly #deps: ReadGateDeps;
  readonly #waiting = new Map<K, ReadTask>();
  #running = 0;

  constructor(deps: ReadGateDeps) {
    this.#deps = deps;
  }

  add(owner: K, task: ReadTask): void {
    this.#waiting.set(owner, task);
    this.advance();
  }

  delete(owner: K): void {
    this.#waiting.delete(owner);
  }

  /** Call when the socket has drained. */
  advance(): void {
    for (const [owner, task] of this.#waiting) {
      if (this.#running >= this.#deps.concurrent || !this.#deps.isWritable()) return;
      this.#waiting.delete(owner);
      this.#running += 1;
      void task().then(() => {
        this.#running -= 1;
        this.advance();
      });
    }
  }
}
