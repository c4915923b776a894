// Paces the reads of one connection: a page is read only while few others are and the socket has taken most of what was sent, so that many
// large snapshots on one socket cannot push it past its limit. Waiting reads are at most one a subscription, first come first served.

/** Shared by the gates of all connections. */
export interface ReadGateDeps<O> {
  readonly concurrent: number;
  /** False while the gate's owner has too much to send. */
  readonly isWritable: (owner: O) => boolean;
}

/** Resolves when the page is sent or has failed; never rejects. */
export type ReadTask = () => Promise<void>;

/** `K`: who reads, at most once at a time. */
export class ReadGate<K, O = undefined> {
  readonly #deps: ReadGateDeps<O>;
  readonly #owner: O;
  /** Undefined when nobody waits, as most of the time. */
  #waiting: Map<K, ReadTask> | undefined;
  #running = 0;

  constructor(deps: ReadGateDeps<O>, owner: O) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /** Reads that wait. */
  get size(): number {
    return this.#waiting?.size ?? 0;
  }

  add(reader: K, task: ReadTask): void {
    if (this.#waiting === undefined && this.#isOpen()) {
      this.#run(task);
      return;
    }
    this.#waiting ??= new Map();
    this.#waiting.set(reader, task);
  }

  delete(reader: K): void {
    this.#waiting?.delete(reader);
    if (this.#waiting?.size === 0) this.#waiting = undefined;
  }

  /** Call when the socket has drained. */
  advance(): void {
    for (const [reader, task] of this.#waiting ?? []) {
      if (!this.#isOpen()) return;
      this.delete(reader);
      this.#run(task);
    }
  }

  #isOpen(): boolean {
    return this.#running < this.#deps.concurrent && this.#deps.isWritable(this.#owner);
  }

  #run(task: ReadTask): void {
    this.#running += 1;
    void task().then(() => {
      this.#running -= 1;
      this.advance();
    });
  }
}
