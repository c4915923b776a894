// What one live query was told, judged by the journal: every acknowledged version once and in order, or the newest of them where the client was away, and nothing else.
import type { Journal, RowHistory, Version } from "./journal.ts";

export interface ToldOptions {
  readonly name: string;
  readonly feed: string;
  readonly journal: Journal;
  /** A peer's resume goes on after `ready` with the newest versions alone, until nothing tells: from its first one on a peer is owed the newest versions. */
  readonly protocol: "native" | "peer";
}

interface Away {
  readonly from: bigint;
  readonly to: bigint;
}

const KEPT_FAULTS = 5;
const SHOWN_ABSENCES = 5;

export class Told {
  readonly #options: ToldOptions;
  /** Newest version that is shown; of ended rows none. */
  readonly #shown = new Map<number, number>();
  /** `id:n` of what came as a change. */
  readonly #changes = new Set<string>();
  readonly #away: Away[] = [];
  readonly #faults: string[] = [];
  readonly #resets: string[] = [];
  #cursor = 0n;
  #ready = 0;
  #faultCount = 0;

  constructor(options: ToldOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get isReady(): boolean {
    return this.#ready > 0;
  }

  get resumes(): number {
    return Math.max(0, this.#ready - 1);
  }

  /** Why it began anew, each time, and from where. */
  get resets(): readonly string[] {
    return this.#resets;
  }

  get changes(): number {
    return this.#changes.size;
  }

  snapshot(id: number, n: number): void {
    const held = this.#shown.get(id);
    if (held !== undefined && n < held) this.fault(`snapshot took row ${id} back from version ${held} to ${n}`);
    this.#shown.set(id, n);
  }

  inserted(id: number, n: number): void {
    const held = this.#shown.get(id);
    const mayReplace = this.#options.protocol === "peer" && held !== undefined && n > held;
    if (held !== undefined && !mayReplace) this.fault(`insert of row ${id}, version ${n}, which is there with ${held}`);
    this.#change(id, n);
  }

  updated(id: number, n: number): void {
    const held = this.#shown.get(id);
    if (held === undefined) this.fault(`update of row ${id} to version ${n}, which is not there`);
    else if (n <= held) this.fault(`update of row ${id} from version ${held} to ${n}`);
    this.#change(id, n);
  }

  /** `isReplayed`: while the client was away, so that it says no more than that the row is gone. */
  ended(id: number, { isReplayed }: { readonly isReplayed: boolean }): void {
    const wasShown = this.#shown.delete(id);
    // A peer's resume ends whatever changed and does not match, also what the client never had.
    if (isReplayed || (!wasShown && this.#options.protocol === "peer")) return;
    if (!wasShown) this.fault(`end of row ${id}, which is not there`);
    const last = this.#options.journal.row(id)?.versions.at(-1);
    if (last?.isEnd === true) this.#note(id, last.n);
    else this.fault(`end of row ${id}, which nobody ended`);
  }

  /** After the last change of a commit. */
  reached(cursor: bigint): void {
    if (cursor <= this.#cursor && this.#options.protocol === "native")
      this.fault(`position ${cursor} after ${this.#cursor}`);
    this.#cursor = cursor;
  }

  /** Loaded or resumed up to here. */
  ready(cursor: bigint): void {
    this.#away.push({ from: this.#cursor, to: cursor });
    if (cursor > this.#cursor) this.#cursor = cursor;
    this.#ready += 1;
  }

  reset(reason: string): void {
    this.#resets.push(`${this.#options.name}: ${reason}, from ${this.#cursor}`);
    this.#shown.clear();
    this.#cursor = 0n;
  }

  fault(text: string): void {
    this.#faultCount += 1;
    if (this.#faults.length < KEPT_FAULTS) this.#faults.push(`${this.#options.name}: ${text}`);
  }

  /** What is still to come. Ask when nobody writes any more. */
  missing(): readonly string[] {
    const found: string[] = [];
    for (const row of this.#options.journal.rowsOf(this.#options.feed)) {
      const end = this.#endFault(row);
      if (end !== undefined) found.push(end);
      for (const version of row.versions) {
        const { fate, id, n } = version;
        if (fate.kind !== "acknowledged" || this.#changes.has(`${id}:${n}`) || this.#wasAway(version)) continue;
        found.push(
          `never told of version ${n} of row ${id}, acknowledged at ${fate.seq}; cursor ${this.#cursor}, away ${this.#awayText()}`,
        );
      }
    }
    return found;
  }

  faults(): readonly string[] {
    for (const key of this.#changes) this.#requireWritten(key);
    for (const text of this.missing()) this.fault(text);
    const more = this.#faultCount - this.#faults.length;
    return more > 0 ? [...this.#faults, `${this.#options.name}: and ${more} more`] : this.#faults;
  }

  #change(id: number, n: number): void {
    this.#shown.set(id, n);
    this.#note(id, n);
  }

  #note(id: number, n: number): void {
    const key = `${id}:${n}`;
    if (this.#changes.has(key)) this.fault(`version ${n} of row ${id} came again`);
    this.#changes.add(key);
  }

  /** What is shown is the last version that was acknowledged, or one after it that is in doubt. */
  #endFault({ versions }: RowHistory): string | undefined {
    const first = versions[0];
    if (first === undefined) return undefined;
    const shown = this.#shown.get(first.id);
    const allowed: (number | undefined)[] = [];
    let newest: Version | undefined;
    for (const version of versions) {
      if (version.fate.kind === "acknowledged") {
        newest = version;
        allowed.length = 0;
      }
      if (version.fate.kind === "inDoubt") allowed.push(version.isEnd ? undefined : version.n);
    }
    allowed.push(newest === undefined || newest.isEnd ? undefined : newest.n);
    if (allowed.includes(shown)) return undefined;
    return `shows version ${shown ?? "none"} of row ${first.id}, not ${allowed.map((n) => n ?? "none").join(" or ")}`;
  }

  #requireWritten(key: string): void {
    const [id = 0, n = 0] = key.split(":").map(Number);
    const row = this.#options.journal.row(id);
    const version = row?.versions[n - 1];
    if (row === undefined || version === undefined) this.fault(`told of version ${n} of row ${id}, which nobody wrote`);
    else if (row.feed !== this.#options.feed) this.fault(`told of row ${id} of ${row.feed}`);
    else if (version.fate.kind === "refused") this.fault(`told of version ${n} of row ${id}, which was refused`);
  }

  #wasAway({ fate }: Version): boolean {
    if (fate.kind !== "acknowledged") return true;
    if (this.#options.protocol === "peer" && this.#ready > 1) return true;
    return this.#away.some(({ from, to }) => fate.seq > from && fate.seq <= to);
  }

  #awayText(): string {
    return this.#away
      .slice(-SHOWN_ABSENCES)
      .map(({ from, to }) => `${from}–${to}`)
      .join(", ");
  }
}
