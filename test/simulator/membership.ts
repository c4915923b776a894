// Which rows belong to a live query: those that its own filter and that of the view it reads let pass. Of a view whose text was changing while the client
// asked, it is not known at once which of its filters the server took: what the client is told next must be right under one of them, always the same.
import { evaluate, type Filter } from "./filter.ts";
import type { ModelRow } from "./row.ts";

const EVERYTHING: Filter = { kind: "compare", column: "id", op: ">=", value: 0 };

export class Membership {
  readonly #own: Filter;
  #candidates: readonly Filter[] = [EVERYTHING];
  #assumed = EVERYTHING;

  constructor(own: Filter | undefined) {
    this.#own = own ?? EVERYTHING;
  }

  passes(row: ModelRow): boolean {
    return evaluate(this.#own, row) === true && evaluate(this.#assumed, row) === true;
  }

  /** From here on it is served with one of these. */
  serve(filters: readonly Filter[]): void {
    this.#candidates = filters;
    this.#assumed = filters[0] ?? EVERYTHING;
  }

  /** Goes on with those filters under which nothing is wrong; what is wrong under the first, when none is left. */
  narrow(check: () => string | undefined): string | undefined {
    const faults = this.#candidates.map((filter) => ({ filter, fault: this.under(filter, check) }));
    const right = faults.filter(({ fault }) => fault === undefined).map(({ filter }) => filter);
    if (right.length === 0) return faults[0]?.fault;
    this.serve(right);
    return undefined;
  }

  under<T>(filter: Filter, check: () => T): T {
    const before = this.#assumed;
    this.#assumed = filter;
    const result = check();
    this.#assumed = before;
    return result;
  }
}
