// One live query as its client sees it: takes in what the client tells its application, and puts it to the judge when the model is ready.
import { CommitJudge } from "./commit-judge.ts";
import { type Filter, filterSql } from "./filter.ts";
import type { Judge, JudgeOptions, WatcherOptions } from "./judge.ts";
import { Membership } from "./membership.ts";
import { Wrong } from "./model.ts";
import type { Showing } from "./moving-column.ts";
import { Recent } from "./recent.ts";
import { RerunJudge } from "./rerun-judge.ts";
import { COLUMNS, type ColumnName, literal, type ModelValue } from "./row.ts";
import type { Seen, SeenRow } from "./seen.ts";
import { viewOf } from "./statement.ts";
import type { Watch } from "./step.ts";
import { StreamJudge } from "./stream-judge.ts";

/** Between what it was told: its subscription has begun, with one of these filters of its view. */
interface Served {
  readonly kind: "served";
  readonly filters: readonly Filter[];
}

interface Settled {
  readonly kind: "settled";
}

/** What it is told with when it fails. */
const LOG_ENTRIES = 60;
const ENTRY_CHARACTERS = 300;

export class Watcher {
  readonly options: WatcherOptions;
  readonly sql: string;
  readonly params: readonly ModelValue[];
  readonly columns: readonly ColumnName[];
  isReady = false;
  /** Why it ended without being asked to. */
  ended: string | undefined;
  /** Row changes since the server began to count: since the newest subscribe. */
  changes = 0;
  /** The column it names was called otherwise, or gone, at some time since it is there. */
  mayLackColumn = false;
  /** The history of the column it names begins here. */
  namedAt = 0n;
  /** How often it was subscribed, reconnects included. */
  subscribes = 0;
  readonly #judge: Judge;
  readonly #membership: Membership;
  /** Which of its view's filters held when it was subscribed. */
  #viewFrom: number;
  /** What it reads while it loads may be shown in the layout of then. */
  #layoutSince: number | undefined;
  readonly #log = new Recent<{ readonly atMs: number; readonly what: Seen | string }>(LOG_ENTRIES);
  #inbox: { readonly what: Seen | Served | Settled; readonly showing: Showing }[] = [];

  constructor(options: WatcherOptions) {
    this.options = options;
    const params: ModelValue[] = [];
    this.sql = watchSql(options, params);
    this.params = params;
    this.columns = options.watch.columns ?? COLUMNS;
    this.#viewFrom = options.view?.made ?? 0;
    this.#layoutSince = options.alters.made(options.watch.table);
    this.#membership = new Membership(options.watch.filter);
    this.#judge = judgeOf({
      ...options,
      membership: this.#membership,
      columns: this.columns,
      keptUpTo: () => newest([this.namedAt, options.space.droppedAt, options.view?.changedAt ?? 0n]),
      wrong: (text) => this.wrong(text),
    });
  }

  /** Its rows have all columns that the table has, or name that one. */
  get showsMoving(): boolean {
    const { columns, table, isOfView, naming } = this.options.watch;
    return table !== "feed" && isOfView !== true && (columns === undefined || naming === "list");
  }

  /** It is subscribed anew: the server counts anew, and says `ready` again. */
  subscribed(): void {
    this.note(`subscribe ${this.subscribes + 1}`);
    this.subscribes += 1;
    this.#viewFrom = this.options.view?.made ?? 0;
    this.#layoutSince = this.options.alters.made(this.options.watch.table);
    this.changes = 0;
    this.isReady = false;
  }

  receive(seen: Seen): void {
    this.options.coverage.count(`told ${seen.kind}`);
    this.#log.add({ atMs: Date.now(), what: seen });
    const { view } = this.options;
    if (seen.kind === "ready" && view !== undefined) {
      this.#put({ kind: "served", filters: view.filtersFrom(this.#viewFrom) });
    }
    this.#put(seen);
    if (seen.kind === "put" || (seen.kind === "gone" && seen.old !== undefined)) this.changes += 1;
    if (seen.kind === "reset") this.isReady = false;
    if (seen.kind === "ready") this.isReady = true;
  }

  #put(what: Seen | Served | Settled): void {
    const upTo = this.options.alters.sent(this.options.watch.table);
    this.#inbox.push({ what, showing: { upTo, since: this.#layoutSince } });
  }

  /** Something that befell it and that its application is not told. */
  note(text: string): void {
    this.#log.add({ atMs: Date.now(), what: text });
  }

  /** What befell it last, and what it waits for. */
  evidence(): readonly string[] {
    const { isReady, subscribes, changes, ended } = this;
    return [
      `${this.wrong("").message.trimEnd()}\n  ${JSON.stringify({ isReady, subscribes, changes, ended, params: this.params })}`,
      ...this.#log.items().map(({ atMs, what }) => `  ${new Date(atMs).toISOString().slice(11)} ${entryText(what)}`),
    ];
  }

  judge(known: bigint): void {
    const inbox = this.#inbox;
    this.#inbox = [];
    if (inbox.length > 0) this.note(`judged ${inbox.length}, commits known to ${known}`);
    for (const { what, showing } of inbox) {
      if (what.kind === "served") {
        this.#membership.serve(what.filters);
        continue;
      }
      if (what.kind === "settled") {
        this.#judge.settle();
        continue;
      }
      this.#judgeShown(what, showing);
      this.#judge.take(what, known);
    }
  }

  /** Each row shows the file of its version, and in the column that comes and goes what the version has as the table was at some time since it was written. */
  #judgeShown(seen: Seen, showing: Showing): void {
    const rows = seen.kind === "rows" ? seen.rows : seen.kind === "put" ? [seen.row] : [];
    for (const { id, seq, moving, doc } of rows) {
      if (moving === undefined || seq === undefined) continue;
      const version = this.options.space.versionOf(id, seq);
      if (version === undefined) continue;
      this.options.coverage.count(
        moving.name === undefined ? "told without the moving column" : "told the moving column",
      );
      if (typeof doc === "string") this.options.coverage.count("told a file");
      const fault = this.options.space.shownFault({ row: version.row, seq, moving, doc }, showing);
      if (fault !== undefined) throw this.wrong(fault);
    }
  }

  /** What is still missing or wrong, in words; undefined when the rows are exactly those of the model. */
  difference(known: bigint): string | undefined {
    return this.isReady ? this.#judge.difference(known) : "not ready";
  }

  /** What was received before, and is still to be judged, may be of the replay. */
  settle(): void {
    this.note("settled");
    this.#layoutSince = undefined;
    this.#put({ kind: "settled" });
  }

  compareWith(rows: readonly SeenRow[]): string | undefined {
    return this.#judge.compareWith(rows);
  }

  wrong(text: string): Wrong {
    const { id, user, family, watch } = this.options;
    const policy = watch.isLatest === true ? ", latest" : "";
    return new Wrong(
      `${id} (${user}, ${family}, ${JSON.stringify(watch.start)}${policy}) ${this.sql}\n  ${text}`,
      this,
    );
  }
}

function newest(positions: readonly bigint[]): bigint {
  return positions.reduce((a, b) => (a > b ? a : b));
}

function judgeOf(options: JudgeOptions): Judge {
  if (options.watch.table === "feed") return new StreamJudge(options);
  return options.watch.inRoom === undefined ? new CommitJudge(options) : new RerunJudge(options);
}

/** Values that travel apart go to `params`. */
function watchSql({ watch, moving }: WatcherOptions, params: ModelValue[]): string {
  const { table, columns, filter, inRoom, hasParams, isOfView }: Watch = watch;
  const write = (column: ColumnName, value: ModelValue): string => {
    if (!hasParams || (column !== "room" && column !== "note" && column !== "n" && column !== "id")) {
      return literal(column, value);
    }
    params.push(value);
    return `$${params.length}`;
  };
  const terms: string[] = [];
  if (filter !== undefined) terms.push(`(${filterSql(filter, write)})`);
  if (inRoom !== undefined) terms.push(`n IN (SELECT n FROM sim.items WHERE room = ${write("room", inRoom)})`);
  // True of every row: what counts is that it is named.
  if (moving !== undefined && watch.naming === "filter") terms.push(`${moving} >= 0`);
  const listed = watch.naming === "list" && moving !== undefined ? [...(columns ?? COLUMNS), moving] : columns;
  const where = terms.length === 0 ? "" : ` WHERE ${terms.join(" AND ")}`;
  return `SELECT ${listed?.join(", ") ?? "*"} FROM sim.${isOfView ? viewOf(table) : table}${where}`;
}

function entryText(what: Seen | string): string {
  if (typeof what === "string") return what;
  return JSON.stringify(what, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)).slice(
    0,
    ENTRY_CHARACTERS,
  );
}
