// What a slow subscriber has not been sent yet, squashed: one change a key, from what the client has to what is true now. Bounded by the number of keys.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import { rowBytes } from "./row-bytes.ts";
import { rowKey } from "./row-key.ts";

export class LatestChanges {
  readonly #keyIndex: number;
  readonly #maxKeys: number;
  /** In the order of the newest change of each key. */
  readonly #byKey = new Map<unknown, RowChange>();
  #position: Seq | undefined;
  #sinceMs: number | undefined;
  #bytes = 0;

  constructor(keyIndex: number, maxKeys: number) {
    this.#keyIndex = keyIndex;
    this.#maxKeys = maxKeys;
  }

  /** Undefined when nothing waits. */
  get position(): Seq | undefined {
    return this.#position;
  }

  /** When the first of what waits was added. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False at the bound: the subscriber is too far behind. */
  add(
    { position, changes }: { readonly position: Seq; readonly changes: readonly RowChange[] },
    nowMs: number,
  ): boolean {
    this.#sinceMs ??= nowMs;
    this.#position = position;
    for (const change of changes) this.#add(change);
    return this.#byKey.size <= this.#maxKeys;
  }

  /** In `_seq` order; nothing waits afterwards. */
  take(): readonly RowChange[] {
    const changes = [...this.#byKey.values()];
    this.#byKey.clear();
    this.#position = undefined;
    this.#sinceMs = undefined;
    this.#bytes = 0;
    return changes;
  }

  #add(change: RowChange): void {
    const key = rowKey(rowOf(change), this.#keyIndex);
    const waiting = this.#byKey.get(key);
    if (waiting !== undefined) {
      this.#byKey.delete(key);
      this.#bytes -= changeBytes(waiting);
    }
    const squashed = waiting === undefined ? change : squash(waiting, change);
    if (squashed === undefined) return;
    this.#byKey.set(key, squashed);
    this.#bytes += changeBytes(squashed);
  }
}

/** Undefined: the client need not hear of either. */
function squash(first: RowChange, then: RowChange): RowChange | undefined {
  const before = first.kind === "insert" ? undefined : first.before;
  if (then.kind === "delete") return before === undefined ? undefined : { kind: "delete", before, seq: then.seq };
  return before === undefined ? { kind: "insert", after: then.after } : { kind: "update", before, after: then.after };
}

function rowOf(change: RowChange): RowVersion {
  return change.kind === "delete" ? change.before : change.after;
}

function changeBytes(change: RowChange): number {
  return rowBytes(rowOf(change));
}
