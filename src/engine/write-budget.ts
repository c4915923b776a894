import { DbError } from "../base/errors.ts";
import type { Cell } from "../model/sql-type.ts";

/** What a cell of fixed size counts for. */
const SMALL_CELL_BYTES = 8;

/** How much one write, or all statements of a transaction together, may write and return: it is held in memory until it is committed. */
export class WriteBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Runs work that will be run again: what it takes now does not count. */
  rehearse<T>(work: () => T): T {
    const before = this.#bytes;
    try {
      return work();
    } finally {
      this.#bytes = before;
    }
  }

  take(cells: readonly Cell[]): void {
    for (const cell of cells) this.#bytes += cellBytes(cell);
    if (this.#bytes <= this.#maxBytes) return;
    throw new DbError("UNSUPPORTED", `the statement would write or return more than ${this.#maxBytes} bytes`, {
      hint: "Split it into several statements, outside a transaction.",
    });
  }
}

/** Within a factor of three for text: counting its bytes would cost more than writing them. */
function cellBytes(cell: Cell): number {
  if (typeof cell === "string") return cell.length;
  return cell instanceof Uint8Array ? cell.byteLength : SMALL_CELL_BYTES;
}
