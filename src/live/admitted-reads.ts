// The reads of all loading subscriptions, admitted a few at a time: thousands of clients that come back at once must neither crowd out other queries nor fail for it.
// History that is recent enough is answered from memory; equal reads that still wait become one. First come first served.
import { DbError } from "../base/errors.ts";
import type { Scope, Seq } from "../base/ids.ts";
import type { LiveDeps } from "./live-deps.ts";
import type { MatchRequest, PageRequest, RowPage, RowSource } from "./ports.ts";
import type { RecentChanges } from "./recent-changes.ts";

export interface AdmittedReadsDeps {
  readonly source: RowSource;
  readonly recent: RecentChanges;
  /** Reads under way at once. */
  readonly atOnce: number;
  /** Reads that may wait. One more is refused with SERVER_BUSY; its client is told when to ask again. */
  readonly maxWaiting: number;
  /** Every commit up to here has been dispatched. */
  readonly dispatched: () => Seq;
  /** The highest position any read was made at. */
  readonly observed: () => Seq;
  readonly observe: (position: Seq) => void;
  /** Resolves when the event loop has time for a read from memory; undefined: at once. */
  readonly turn: () => Promise<void> | undefined;
}

/** False when whoever asked is gone, and the read need not be made. */
export type IsWanted = () => boolean;

/** `after`: of the one read that gives a place and no rows. */
type Answer = RowPage & { readonly after?: Seq };

interface Waiting {
  readonly key: string;
  readonly run: () => Promise<Answer>;
  readonly answers: { readonly isWanted: IsWanted; readonly settle: PromiseWithResolvers<Answer> }[];
}

type Bounds = Pick<PageRequest, "after" | "upTo" | "limit">;

export class AdmittedReads {
  readonly #deps: AdmittedReadsDeps;
  readonly #waiting = new Map<string, Waiting>();
  /** Numbers for what a read is told apart by. */
  readonly #idByObject = new WeakMap<object, number>();
  #lastId = 0;
  #running = 0;
  #fromMemory = 0;
  #made = 0;

  constructor(deps: AdmittedReadsDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Pages of history that needed no read. */
  get fromMemory(): number {
    return this.#fromMemory;
  }

  /** Reads made of the source. */
  get made(): number {
    return this.#made;
  }

  historyStartsAt(table: PageRequest["plan"]["table"], scope: Scope): Seq {
    return this.#deps.source.historyStartsAt(table, scope);
  }

  isOutdated(plan: PageRequest["plan"]): boolean {
    return this.#deps.source.isOutdated(plan);
  }

  matching(request: MatchRequest): Promise<readonly boolean[]> {
    return this.#deps.source.matching(request);
  }

  snapshot(request: PageRequest, isWanted: IsWanted): Promise<RowPage> {
    return this.#admit(this.#keyOf("snapshot", request), isWanted, () => this.#deps.source.snapshot(request));
  }

  lastRows(request: PageRequest, isWanted: IsWanted): Promise<RowPage> {
    return this.#admit(this.#keyOf("lastRows", request), isWanted, () => this.#deps.source.lastRows(request));
  }

  async lastRowsStart(request: PageRequest, isWanted: IsWanted): ReturnType<RowSource["lastRowsStart"]> {
    const { after, position } = await this.#admit(this.#keyOf("lastRowsStart", request), isWanted, async () => ({
      rows: [],
      ...(await this.#deps.source.lastRowsStart(request)),
    }));
    return { after: after ?? request.after, position };
  }

  async history(request: PageRequest, isWanted: IsWanted): Promise<RowPage> {
    const { source, recent, dispatched, observed, turn } = this.#deps;
    const { plan, scope, after, upTo, limit } = request;
    const wait = turn();
    if (wait !== undefined) await wait;
    const position = dispatched();
    // A page may not show less than one before it: reads can be ahead of dispatch, memory is not.
    const isCurrent = upTo === undefined && observed() <= position;
    const rows = isCurrent ? recent.after(plan.table, scope, { after, limit }) : undefined;
    if (rows !== undefined) {
      this.#fromMemory += 1;
      return { rows, position };
    }
    // Without its filter, so that it is the same for everyone who reads the table in this scope.
    const { id, version } = plan.table;
    const key = `history/${id}.${version}/${scope}/${boundsText(request)}`;
    return this.#admit(key, isWanted, () => source.history(request));
  }

  /** One group asks with the same plan and values. */
  #keyOf(kind: string, request: PageRequest): string {
    const { plan, slots, scope, user } = request;
    return `${kind}/${this.#idOf(plan)}/${this.#idOf(slots)}/${user}/${scope}/${boundsText(request)}`;
  }

  #idOf(object: object): number {
    const known = this.#idByObject.get(object);
    if (known !== undefined) return known;
    this.#lastId += 1;
    this.#idByObject.set(object, this.#lastId);
    return this.#lastId;
  }

  /**
   * A read that has not begun sees everything committed until it does, so whoever asks before then can share its answer. One that has begun cannot be shared: what
   * was committed since is neither in it nor held for who comes later.
   */
  #admit(key: string, isWanted: IsWanted, run: () => Promise<Answer>): Promise<Answer> {
    const settle = Promise.withResolvers<Answer>();
    const known = this.#waiting.get(key);
    if (known !== undefined) known.answers.push({ isWanted, settle });
    else if (this.#running >= this.#deps.atOnce && this.#waiting.size >= this.#deps.maxWaiting) {
      return Promise.reject(new DbError("SERVER_BUSY", "Too many live queries are being loaded"));
    } else this.#waiting.set(key, { key, run, answers: [{ isWanted, settle }] });
    this.#advance();
    return settle.promise;
  }

  #advance(): void {
    for (const read of this.#waiting.values()) {
      if (this.#running >= this.#deps.atOnce) return;
      this.#waiting.delete(read.key);
      if (read.answers.some(({ isWanted }) => isWanted())) void this.#make(read);
      else for (const { settle } of read.answers) settle.reject(notWanted());
    }
  }

  async #make({ run, answers }: Waiting): Promise<void> {
    this.#running += 1;
    this.#made += 1;
    try {
      const answer = await run();
      this.#deps.observe(answer.position);
      for (const { settle } of answers) settle.resolve(answer);
    } catch (error) {
      for (const { settle } of answers) settle.reject(error);
    } finally {
      this.#running -= 1;
      this.#advance();
    }
  }
}

export function createAdmittedReads(
  { source, turn, limits }: Pick<LiveDeps, "source" | "turn" | "limits">,
  of: Pick<AdmittedReadsDeps, "recent" | "dispatched" | "observed" | "observe">,
): AdmittedReads {
  return new AdmittedReads({ source, turn, atOnce: limits.readsAtOnce, maxWaiting: limits.readsWaiting, ...of });
}

function boundsText({ after, upTo, limit }: Bounds): string {
  return `${after}/${upTo ?? ""}/${limit}`;
}

function notWanted(): DbError {
  return new DbError("SUBSCRIPTION_FAILED", "The live query has ended");
}
