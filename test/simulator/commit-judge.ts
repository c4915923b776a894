// A query that a filter decides, judged commit by commit. Native events come in frames, one a commit: each must be exactly what that commit
// did to the query. Peer events come one by one: each must be a version that exists, newer than all before, and follow from what is held.
import { type Judge, type JudgeOptions, mayKeep } from "./judge.ts";
import type { MembershipChange, Version, Wrong } from "./model.ts";
import { type ModelRow, rowText } from "./row.ts";
import type { Seen, SeenRow } from "./seen.ts";

export class CommitJudge implements Judge {
  readonly #options: JudgeOptions;
  readonly #held = new Map<number, SeenRow>();
  readonly #isNative: boolean;
  #frame: Seen[] = [];
  #position: bigint | undefined;
  /** Rows whose version is at or below need not be held: the client asked not to be sent them. */
  #floor: bigint | undefined;
  #isPartial: boolean;
  /** What overflowed while the first rows were read comes as history: the newest version of each key, whatever the client has. */
  #mayReplay = false;
  /** Loads since the last reset. */
  #loads = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#isNative = options.family.startsWith("native");
    this.#isPartial = options.watch.start.kind !== "all" && options.watch.start.kind !== "batches";
    this.#floor = options.from;
  }

  take(seen: Seen, known: bigint): void {
    if (!this.#isNative) return this.#judgePeer(seen, known);
    this.#frame.push(seen);
    if (seen.cursor !== undefined || seen.kind === "ready" || seen.kind === "reset") this.#judgeFrame(known);
  }

  difference(known: bigint): string | undefined {
    const compare = (): string | undefined => this.#compare(known, undefined);
    const { membership, view } = this.#options;
    return view === undefined ? compare() : membership.under(view.filter, compare);
  }

  settle(): void {
    this.#mayReplay = false;
  }

  compareWith(rows: readonly SeenRow[]): string | undefined {
    const fresh = new Map(rows.map((row) => [row.id, row]));
    let kept = 0;
    for (const [id, held] of this.#held) {
      const row = fresh.get(id);
      if (row === undefined && mayKeep(this.#options, held.seq)) {
        kept += 1;
        continue;
      }
      if (row?.text !== held.text) return `holds ${held.text}, a SELECT says ${row?.text}`;
      if (held.seq !== undefined && row.seq !== undefined && row.seq !== held.seq)
        return `holds ${id} at ${held.seq}, a SELECT says ${row.seq}`;
    }
    const size = this.#held.size - kept;
    return !this.#isPartial && fresh.size !== size ? `holds ${size} rows, a SELECT ${fresh.size}` : undefined;
  }

  #judgeFrame(known: bigint): void {
    const frame = this.#frame;
    this.#frame = [];
    const last = frame.at(-1);
    const isLoad = frame.some(({ kind }) => kind === "ready" || kind === "rows" || kind === "reset");
    if (!isLoad && last?.cursor !== undefined) {
      const { cursor } = last;
      this.#assert(() => {
        const fault = this.#commitFault(frame, cursor);
        return fault === undefined || this.#isAllowed(frame, cursor) ? undefined : fault;
      });
      for (const seen of frame) this.#apply(seen);
      this.#position = last.cursor;
      return;
    }
    for (const seen of frame) this.#apply(seen);
    if (last?.kind === "ready") this.#loaded(last.cursor, known);
  }

  /** Frames that are not one commit each. */
  #isAllowed(frame: readonly Seen[], at: bigint): boolean {
    const { coverage, watch } = this.#options;
    if (watch.isLatest && this.#isSquashed(frame, at)) {
      coverage.count("squashed frame");
      return true;
    }
    if (!this.#mayReplay || !this.#isReplay(frame, at)) return false;
    coverage.count("replayed page");
    return true;
  }

  /** Each key changes once at most, from what the client has to what is true at the position of the frame; and nothing else differs from that. */
  #isSquashed(frame: readonly Seen[], at: bigint): boolean {
    const { space } = this.#options;
    const from = this.#position ?? at - 1n;
    const told = new Map(frame.map((seen) => [describe(seen).id, seen]));
    if (at <= from || told.size !== frame.length) return false;
    return [...new Set([...space.touchedBetween(from, at), ...told.keys()])].every((id) => {
      if (space.isUnsure(id, at)) return true;
      const seen = told.get(id);
      const version = space.at(id, at);
      if (seen === undefined) return this.#shows(id, version);
      const isMember = version !== undefined && this.#passes(version.row);
      if (seen.kind !== "put") return !isMember && (this.#held.has(id) || this.#isPartial);
      const isApt = this.#isPartial || (seen.op === "insert") !== this.#held.has(id);
      return isMember && isApt && seen.row.text === rowText(version.row, this.#options.columns);
    });
  }

  /** One frame is everything one commit did, and no commit before it was left out. */
  #commitFault(frame: readonly Seen[], at: bigint): string | undefined {
    const { space } = this.#options;
    const from = this.#position ?? at - 1n;
    if (at <= from) return `a frame at ${at} after ${from}`;
    const received = new Map<number, string[]>();
    for (const seen of frame) {
      const { id, text } = describe(seen);
      received.set(id, [...(received.get(id) ?? []), text]);
    }
    for (const id of new Set([...space.touchedBetween(from, at), ...received.keys()])) {
      if (space.isUnsure(id, at)) continue;
      const missed = this.#changes(id, space.sureFrom(id, from), at - 1n);
      if (missed.length > 0 && !this.#wasToldBefore(id, from, at - 1n))
        return `at ${at} key ${id}: ${missed.join(", ")} after ${from} never came; known: ${space.history(id)}`;
      const expected = this.#changes(id, at - 1n, at);
      const came = received.get(id) ?? [];
      if (!Bun.deepEquals(expected, came)) {
        return `at ${at} key ${id}: expected [${expected.join(", ")}], came [${came.join(", ")}]; known: ${space.history(id)}; frame after ${this.#position}: ${frame.map((seen) => describe(seen).text).join("; ")}; loads ${this.#loads} ${this.#mayReplay}`;
      }
    }
    return undefined;
  }

  /** History leaves out a version only if a newer one of the key follows, and ends keys whether or not they were members. */
  #isReplay(frame: readonly Seen[], at: bigint): boolean {
    const { space } = this.#options;
    const from = this.#position ?? 0n;
    const told = new Map(frame.map((seen) => [describe(seen).id, seen]));
    return [...new Set([...space.touchedBetween(from, at), ...told.keys()])].every((id) => {
      const seen = told.get(id);
      const version = space.at(id, at) === undefined && seen === undefined ? undefined : space.newestUpTo(id, at);
      const isCurrent = version === space.at(id);
      if (space.isUnsure(id, at) || seen === undefined)
        return seen !== undefined || !isCurrent || this.#shows(id, version);
      const isMember = version !== undefined && this.#passes(version.row);
      if (seen.kind === "put") return isMember && seen.row.text === rowText(version.row, this.#options.columns);
      // A page may end inside the commit that deleted the row, behind the tombstone.
      return !isMember || version.endedAt === space.commitFrom(at);
    });
  }

  /** History is read in pages, which may end inside a commit: what a client past that place shows, it was told. */
  #wasToldBefore(id: number, from: bigint, to: bigint): boolean {
    const version = this.#options.space.at(id, to);
    return (version === undefined || version.seq <= from || !this.#passes(version.row)) && this.#shows(id, version);
  }

  #shows(id: number, version: Version | undefined): boolean {
    const held = this.#held.get(id);
    if (version === undefined || !this.#passes(version.row)) return held === undefined;
    return held?.text === rowText(version.row, this.#options.columns);
  }

  #changes(id: number, from: bigint, to: bigint): readonly string[] {
    if (to <= from) return [];
    const known = this.#position ?? 0n;
    const all = this.#options.space.changes(id, { from, to }, (row) => this.#passes(row));
    const changes = all.filter(({ op, version }) => op === "delete" || version.seq > known);
    return changes.map(({ op, version }: MembershipChange) => `${op} ${rowText(version.row, this.#options.columns)}`);
  }

  #loaded(cursor: bigint | undefined, known: bigint): void {
    this.#loads += 1;
    this.#mayReplay = true;
    const { start } = this.#options.watch;
    if (cursor === undefined) {
      // Nothing was sent: every row changed from here on is to be held.
      this.#floor = known;
      return;
    }
    this.#position = cursor;
    if (start.kind === "last" && this.#loads === 1) {
      this.#floor = cursor;
      this.#assert(() => this.#newestFault(start.rows, cursor));
    }
    this.#assert(() => {
      const difference = this.#compare(known, cursor);
      return difference === undefined ? undefined : `at ready, position ${cursor}: ${difference}`;
    });
  }

  #newestFault(count: number, at: bigint): string | undefined {
    const { space } = this.#options;
    if (space.hasUnsure) return undefined;
    const matching: Version[] = [];
    for (const id of space.ids()) {
      const version = space.at(id, at);
      if (version !== undefined && this.#passes(version.row)) matching.push(version);
    }
    const newest = matching.toSorted((a, b) => (a.seq > b.seq ? -1 : 1)).slice(0, count);
    const expected = newest.map(({ row }) => row.id).toSorted((a, b) => a - b);
    const held = [...this.#held.keys()].toSorted((a, b) => a - b);
    if (Bun.deepEquals(expected, held)) return undefined;
    return `the newest ${count} are ${expected.join()}, came ${held.join()}`;
  }

  #judgePeer(seen: Seen, known: bigint): void {
    if (seen.kind === "put") this.#judgePut(seen);
    if (seen.kind === "gone") this.#judgeGone(seen);
    this.#apply(seen);
    if (seen.kind === "reset") this.#position = undefined;
    if (seen.kind === "ready") {
      this.#loads += 1;
      const { start } = this.#options.watch;
      if (start.kind === "none" && seen.cursor === undefined) this.#floor = known;
      if (start.kind === "last" && this.#loads === 1) this.#floor = known;
    }
    if (seen.cursor !== undefined) this.#position = seen.cursor;
  }

  #judgePut({ op, row, oldSeq }: Extract<Seen, { kind: "put" }>): void {
    const { space } = this.#options;
    const { id, text, seq } = row;
    if (seq === undefined) throw this.#wrong(`a change of key ${id} without _seq`);
    if (this.#position !== undefined && seq <= this.#position) {
      throw this.#wrong(`${op} of ${id} at ${seq}, not above ${this.#position}`);
    }
    const held = this.#held.get(id);
    // Of a row kept from what no history tells of, the newer version may have been left to this change.
    if (op === "update" && held !== undefined && held.seq !== oldSeq && !mayKeep(this.#options, held.seq)) {
      throw this.#wrong(`update of ${id} from ${oldSeq}, held is ${held.seq}`);
    }
    const version = space.versionOf(id, seq);
    if (space.isUnsure(id, seq)) return;
    if (version === undefined)
      throw this.#wrong(`${op} of ${id} at ${seq}, a version nobody wrote; known: ${space.history(id)}`);
    if (rowText(version.row, this.#options.columns) !== text) {
      throw this.#wrong(`${op} ${text} at ${seq}, written was ${rowText(version.row, this.#options.columns)}`);
    }
    this.#assert(() => (this.#passes(version.row) ? undefined : `${op} ${text}, which the filter excludes`));
  }

  #judgeGone({ id, old }: Extract<Seen, { kind: "gone" }>): void {
    const { space } = this.#options;
    const seq = old?.seq;
    if (seq === undefined) throw this.#wrong(`a delete of ${id} without _seq`);
    if (this.#position !== undefined && seq <= this.#position) {
      throw this.#wrong(`delete of ${id} at ${seq}, not above ${this.#position}`);
    }
    if (space.isUnsure(id, seq)) return;
    const version = space.versionOf(id, seq);
    this.#assert(() => {
      const isMember = version !== undefined && this.#passes(version.row);
      return isMember ? `delete of ${id} at ${seq}, which matches` : undefined;
    });
    const isKnown =
      version !== undefined ||
      space.endedBefore(id, seq) !== undefined ||
      // A peer's cursor stands still while nothing reaches it, so a resume may end keys again that the model has forgotten.
      (seq <= space.settledAt && this.#mayLack(id)) ||
      [...space.ids()].every((each) => each !== id);
    if (!isKnown) throw this.#wrong(`delete of ${id} at ${seq}, which nobody deleted`);
  }

  /** Nothing is held, or only what nobody could take back. */
  #mayLack(id: number): boolean {
    const held = this.#held.get(id);
    return held === undefined || mayKeep(this.#options, held.seq);
  }

  #apply(seen: Seen): void {
    switch (seen.kind) {
      case "rows":
        for (const row of seen.rows) this.#held.set(row.id, row);
        return;
      case "put":
        this.#held.set(seen.row.id, seen.row);
        return;
      case "gone":
        this.#held.delete(seen.id);
        return;
      case "reset":
        this.#held.clear();
        this.#position = undefined;
        this.#loads = 0;
        // What was asked to go on from is gone, so everything is sent.
        if (this.#options.watch.start.kind === "from") this.#isPartial = false;
        return;
      default:
        return;
    }
  }

  #compare(known: bigint, at: bigint | undefined): string | undefined {
    const { space } = this.#options;
    const later = at === undefined ? undefined : space.touchedBetween(at, known);
    for (const id of new Set([...space.ids(), ...this.#held.keys()])) {
      // What changed after the boundary may be left out of the rows; its change follows.
      if (at !== undefined && (space.isUnsure(id, at) || later?.has(id) === true)) continue;
      const version = space.at(id, at);
      const held = this.#held.get(id);
      const isMember = version !== undefined && this.#passes(version.row);
      if (!isMember) {
        if (held !== undefined && !mayKeep(this.#options, held.seq)) return `holds ${held.text}, which is no member`;
      } else if (held === undefined) {
        if (!this.#isPartial || version.seq > (this.#floor ?? known)) {
          return `lacks ${rowText(version.row, this.#options.columns)} of ${version.seq}`;
        }
      } else if (
        held.text !== rowText(version.row, this.#options.columns) ||
        (held.seq ?? version.seq) !== version.seq
      ) {
        return `holds ${held.text} of ${held.seq}, should be ${rowText(version.row, this.#options.columns)} of ${version.seq}`;
      }
    }
    return undefined;
  }

  #passes(row: ModelRow): boolean {
    return this.#options.membership.passes(row);
  }

  #assert(check: () => string | undefined): void {
    const fault = this.#options.membership.narrow(check);
    if (fault !== undefined) throw this.#wrong(fault);
  }

  #wrong(text: string): Wrong {
    return this.#options.wrong(text);
  }
}

function describe(seen: Seen): { readonly id: number; readonly text: string } {
  if (seen.kind === "put") return { id: seen.row.id, text: `${seen.op} ${seen.row.text}` };
  if (seen.kind === "gone") return { id: seen.id, text: `delete ${seen.old?.text}` };
  throw new Error(`${seen.kind} is no change`);
}
