// A query that is run again because of a sub-query: after each frame its client shows what a SELECT gave at the frame's position, and positions grow.
import { evaluate } from "./filter.ts";
import type { Judge, JudgeOptions } from "./judge.ts";
import { rowText } from "./row.ts";
import type { Seen, SeenRow } from "./seen.ts";

export class RerunJudge implements Judge {
  readonly #options: JudgeOptions;
  readonly #held = new Map<number, string>();
  #isLoading = true;
  #position = 0n;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  take(seen: Seen, _known: bigint): void {
    this.#apply(seen);
    if (seen.cursor === undefined || this.#isLoading) return;
    if (seen.cursor < this.#position) throw this.#options.wrong(`a frame at ${seen.cursor} after ${this.#position}`);
    this.#position = seen.cursor;
    const difference = this.#compare(seen.cursor);
    if (difference !== undefined) throw this.#options.wrong(`at ${seen.cursor}: ${difference}`);
  }

  difference(_known: bigint): string | undefined {
    return this.#compare(undefined);
  }

  settle(): void {
    // Nothing of it is ever replayed.
  }

  compareWith(rows: readonly SeenRow[]): string | undefined {
    const fresh = new Map(rows.map(({ id, text }) => [id, text]));
    return Bun.deepEquals(fresh, this.#held) ? undefined : `holds ${show(this.#held)}, a SELECT says ${show(fresh)}`;
  }

  #apply(seen: Seen): void {
    switch (seen.kind) {
      case "rows":
        for (const { id, text } of seen.rows) this.#held.set(id, text);
        return;
      case "put":
        this.#held.set(seen.row.id, seen.row.text);
        return;
      case "gone":
        this.#held.delete(seen.id);
        return;
      case "ready":
        this.#isLoading = false;
        return;
      default:
        this.#held.clear();
        this.#isLoading = true;
        this.#position = 0n;
    }
  }

  #compare(at: bigint | undefined): string | undefined {
    const { space, inner, columns, watch } = this.#options;
    // What is true now was read back; what was true in between is not known of writes that were not answered.
    if (at !== undefined && (space.hasUnsure || inner.hasUnsure || space.isBeingDropped(at))) return undefined;
    const selected = new Set<number | null>();
    for (const id of inner.ids()) {
      const row = inner.at(id, at)?.row;
      if (row !== undefined && row.room === watch.inRoom) selected.add(row.n);
    }
    const expected = new Map<number, string>();
    for (const id of space.ids()) {
      const row = space.at(id, at)?.row;
      if (row === undefined || row.n === null || !selected.has(row.n)) continue;
      if (watch.filter === undefined || evaluate(watch.filter, row) === true) expected.set(id, rowText(row, columns));
    }
    return Bun.deepEquals(expected, this.#held)
      ? undefined
      : `holds ${show(this.#held)}, should hold ${show(expected)}`;
  }
}

function show(rows: ReadonlyMap<number, string>): string {
  return [...rows.values()].toSorted().join(" ") || "nothing";
}
