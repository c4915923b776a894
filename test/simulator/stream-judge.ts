// A query of a STREAM table, whose rows end by themselves: no row may come that its filter excludes, none may end twice, and when nothing is written
// the rows are those of a SELECT.
import { evaluate } from "./filter.ts";
import { type Judge, type JudgeOptions, mayKeep } from "./judge.ts";
import { COLUMNS, rowOfText } from "./row.ts";
import type { Seen, SeenRow } from "./seen.ts";

export class StreamJudge implements Judge {
  readonly #options: JudgeOptions;
  readonly #held = new Map<number, SeenRow>();
  #isLoading = true;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  take(seen: Seen): void {
    switch (seen.kind) {
      case "rows":
        for (const row of seen.rows) this.#put(row);
        return;
      case "put":
        this.#put(seen.row);
        return;
      case "gone":
        this.#held.delete(seen.id);
        return;
      case "ready":
        this.#isLoading = false;
        return;
      default:
        this.#isLoading = true;
        this.#held.clear();
    }
  }

  difference(): string | undefined {
    return this.#isLoading ? "still loading" : undefined;
  }

  settle(): void {
    // What it is judged by does not depend on how it was told.
  }

  compareWith(rows: readonly SeenRow[]): string | undefined {
    const fresh = new Map(rows.map(({ id, text }) => [id, text]));
    const held = new Map<number, string>();
    for (const { id, text, seq } of this.#held.values()) {
      if (fresh.has(id) || !mayKeep(this.#options, seq)) held.set(id, text);
    }
    if (Bun.deepEquals(fresh, held)) return undefined;
    return `holds ${[...held.values()].join(" ")}, a SELECT says ${[...fresh.values()].join(" ")}`;
  }

  #put(row: SeenRow): void {
    const { id, text } = row;
    const { filter } = this.#options.watch;
    const isWhole = this.#options.columns.length === COLUMNS.length;
    if (filter !== undefined && isWhole && evaluate(filter, rowOfText(text)) !== true) {
      throw this.#options.wrong(`${text} came, which the filter excludes`);
    }
    this.#held.set(id, row);
  }
}
