// The views of the simulator's tables: which filters each has had, so that a live query can be judged by the one it must have been served with.
import type { Filter } from "./filter.ts";
import { Wrong } from "./model.ts";
import type { SqlUser } from "./sql-user.ts";
import { viewOf, viewSql } from "./statement.ts";
import { VIEWED_TABLES, type ViewedTable } from "./step.ts";

/** What every row passes. */
const FIRST_FILTER: Filter = { kind: "compare", column: "id", op: ">=", value: 0 };
/** Why a DROP is refused. */
const READ = /^DEPENDENT_OBJECTS\b/;

export class View {
  readonly #filters: Filter[] = [FIRST_FILTER];
  #made = 0;
  /** What a client of the older protocol shows from before is not taken back. */
  changedAt = 0n;

  /** Of a statement that is under way; nobody knows yet whether it has been carried out. */
  send(filter: Filter): void {
    this.#filters.push(filter);
  }

  /** The newest one holds. */
  answered(): void {
    this.#made = this.#filters.length - 1;
  }

  refused(): void {
    this.#filters.length = this.#made + 1;
  }

  /** The place of the one that is known to hold. */
  get made(): number {
    return this.#made;
  }

  /** Those that a query may be served with that was asked when the one at `from` was known to hold. */
  filtersFrom(from: number): readonly Filter[] {
    return this.#filters.slice(from);
  }

  get filter(): Filter {
    return this.#filters[this.#made] ?? FIRST_FILTER;
  }
}

export interface Viewing {
  readonly root: SqlUser;
  position(): Promise<bigint>;
}

export class Views {
  readonly #views = new Map<ViewedTable, View>(VIEWED_TABLES.map((table) => [table, new View()]));

  of(table: ViewedTable): View {
    const view = this.#views.get(table);
    if (view === undefined) throw new Error(`${table} has no view`);
    return view;
  }

  async create(root: SqlUser): Promise<void> {
    for (const [table, { filter }] of this.#views) await root.must(`CREATE ${viewSql(table, filter)}`);
  }

  async replace(stage: Viewing, table: ViewedTable, filter: Filter): Promise<void> {
    const view = this.of(table);
    view.send(filter);
    const answer = await stage.root.send(`CREATE OR REPLACE ${viewSql(table, filter)}`);
    if (answer.kind !== "done") throw new Wrong(`CREATE OR REPLACE VIEW: ${answer.kind} ${answer.error}`);
    view.answered();
    view.changedAt = await stage.position();
  }

  /** False: live queries read it, and nothing was done. */
  async recreate(stage: Viewing, table: ViewedTable, filter: Filter): Promise<boolean> {
    const view = this.of(table);
    view.send(filter);
    const answer = await stage.root.send(`DROP VIEW sim.${viewOf(table)};\nCREATE ${viewSql(table, filter)}`);
    if (answer.kind === "failed" && READ.test(answer.error ?? "")) {
      view.refused();
      return false;
    }
    if (answer.kind !== "done") throw new Wrong(`DROP VIEW: ${answer.kind} ${answer.error}`);
    view.answered();
    view.changedAt = await stage.position();
    return true;
  }
}
