// The changes of one group that its loading subscribers have not seen yet: one list for all of them, with a bound of its own and a budget
// shared by all groups. At either, everything the group holds is forgotten, and `forgotten` tells a subscriber whether it must read history instead.
import { type Seq, seqOf } from "../base/ids.ts";
import type { CommitFrames } from "./encoder.ts";
import type { View } from "./view.ts";

export interface HeldBound {
  readonly heldChanges: number;
  readonly heldBytes: number;
}

/** Bytes held by all groups together. */
export interface HeldBudget {
  readonly maxBytes: number;
  usedBytes: number;
}

export interface Held {
  readonly frames: CommitFrames;
  /** As which the frames are laid out. */
  readonly view: View;
  readonly atMs: number;
}

export class HeldChanges {
  readonly #bound: HeldBound;
  readonly #budget: HeldBudget;
  #held: Held[] = [];
  #changes = 0;
  #bytes = 0;
  #forgotten = seqOf(0n);

  constructor(bound: HeldBound, budget: HeldBudget) {
    this.#bound = bound;
    this.#budget = budget;
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

  push(held: Held): void {
    const { frames } = held;
    this.#held.push(held);
    this.#changes += frames.changes.length;
    const bytes = frameBytes(frames);
    this.#bytes += bytes;
    this.#budget.usedBytes += bytes;
    const fits = this.#changes <= this.#bound.heldChanges && this.#bytes <= this.#bound.heldBytes;
    if (fits && this.#budget.usedBytes <= this.#budget.maxBytes) return;
    this.#forgotten = frames.position;
    this.clear();
  }

  *after(position: Seq): Iterable<Held> {
    for (const held of this.#held) if (held.frames.position > position) yield held;
  }

  /** Nobody waits any more. */
  clear(): void {
    this.#held = [];
    this.#changes = 0;
    this.#budget.usedBytes -= this.#bytes;
    this.#bytes = 0;
  }
}

/** UTF-16 units for text, which is near enough for a bound on memory. */
function frameBytes(frames: CommitFrames): number {
  let bytes = frames.shared?.length ?? 0;
  for (const message of frames.spliced) bytes += message.withId("").length;
  return bytes;
}
