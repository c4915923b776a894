// The changes of one group that its loading subscribers have not seen yet: one list for all of them, with a bound. At the bound
// everything held is forgotten, and `forgotten` tells a subscriber whether it must read history instead.
import { type Seq, seqOf } from "../base/ids.ts";
import type { CommitFrames } from "./encoder.ts";

export interface HeldBound {
  readonly heldChanges: number;
  readonly heldBytes: number;
}

interface Held {
  readonly frames: CommitFrames;
  readonly atMs: number;
}

export class HeldChanges {
  readonly #bound: HeldBound;
  #held: Held[] = [];
  #changes = 0;
  #bytes = 0;
  #forgotten = seqOf(0n);

  constructor(bound: HeldBound) {
    this.#bound = bound;
  }

  /** Commits up to here may be missing. */
  get forgotten(): Seq {
    return this.#forgotten;
  }

  get size(): number {
    return this.#changes;
  }

  /** When the oldest held commit came, monotonic; undefined when nothing waits. */
  get oldestMs(): number | undefined {
    return this.#held[0]?.atMs;
  }

  push(frames: CommitFrames, atMs: number): void {
    this.#held.push({ frames, atMs });
    this.#changes += frames.changes;
    this.#bytes += frameBytes(frames);
    if (this.#changes <= this.#bound.heldChanges && this.#bytes <= this.#bound.heldBytes) return;
    this.#forgotten = frames.position;
    this.clear();
  }

  *after(position: Seq): Iterable<CommitFrames> {
    for (const { frames } of this.#held) if (frames.position > position) yield frames;
  }

  /** Nobody waits any more. */
  clear(): void {
    this.#held = [];
    this.#changes = 0;
    this.#bytes = 0;
  }
}

/** UTF-16 units for text, which is near enough for a bound on memory. */
function frameBytes(frames: CommitFrames): number {
  let bytes = frames.shared?.length ?? 0;
  for (const message of frames.spliced) bytes += message.withId("").length;
  return bytes;
}
