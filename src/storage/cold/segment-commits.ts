// Commits of segments, several in one turn of the loop and so in one transaction with one sync: each sync waits for those of the files that are being written meanwhile, and
// every writer waits for it. A file that waits here is an orphan until then, which is what it was a moment before.
import type { Segment, Writer, WriteTx } from "../seams.ts";

/** A commit of each holds the loop longest at few files because of its sync, and at many because of their rows, which it counts. */
const MAX_FILES = 6;
/** A file waits no longer, whatever else is on its way. */
const MAX_WAIT_MS = 50;

type NewSegment = Omit<Segment, "id">;

export class SegmentCommits {
  readonly #writer: Pick<Writer, "submit">;
  #waiting: (() => void)[] = [];
  /** Flushes that may bring a file, those that wait included. */
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(writer: Pick<Writer, "submit">) {
    this.#writer = writer;
  }

  /** For as long as a flush may bring files: while none but those that wait are under way, nobody is waited for. */
  enter(): Disposable {
    this.#running += 1;
    return {
      [Symbol.dispose]: () => {
        this.#running -= 1;
        this.#decide();
      },
    };
  }

  /** Rejects when this segment cannot be committed, or with what `assertMay` throws in the transaction; the others of it are. */
  commit(segment: NewSegment, assertMay: (tx: WriteTx) => void = () => undefined): Promise<Segment> {
    const { promise, resolve, reject } = Promise.withResolvers<Segment>();
    this.#waiting.push(() => {
      const work = (tx: WriteTx): Segment => {
        assertMay(tx);
        return tx.commitSegment(segment);
      };
      this.#writer.submit(work).then(({ value }) => resolve(value), reject);
    });
    this.#decide();
    return promise;
  }

  #decide(): void {
    const { length } = this.#waiting;
    if (length === 0) return;
    if (length >= MAX_FILES || length >= this.#running) this.#submitAll();
    else this.#timer ??= setTimeout(() => this.#submitAll(), MAX_WAIT_MS);
  }

  #submitAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const submit of this.#waiting.splice(0)) submit();
  }
}
