// The oracle's own tables: for each space (a SHARED table, or one user's part of a USER table) the versions of every key with the commit that
// made and the commit that ended each. Built from what writers were told; judges each statement by what it should have done.

import { type DocCell, isDocOf } from "./doc.ts";
import { type MovingCell, mayBegin, mayShow, type Origin, type Showing } from "./moving-column.ts";
import { type ModelRow, textOf } from "./row.ts";
import type { ReturnedRow } from "./sql-user.ts";
import { finds, keysOf } from "./statement.ts";
import { faultOf } from "./statement-fault.ts";
import type { WriteOp } from "./step.ts";

/** Above every position. */
const UNKNOWN_POSITION = 2n ** 63n;

/** The server did what it must not. `about`: the live query it was found by. */
export class Wrong extends Error {
  override readonly name = "Wrong";
  readonly about: { evidence(): readonly string[] } | undefined;

  constructor(message: string, about?: { evidence(): readonly string[] }) {
    super(message);
    this.about = about;
  }
}

export interface Version {
  readonly seq: bigint;
  /** The first commit that named it. */
  commit: bigint;
  readonly row: ModelRow;
  /** Who was told of it: one statement wrote it, others may have found that they change nothing. Nobody, if it was read back. */
  readonly by: Told[];
  endedAt: bigint | undefined;
  /** Of its column that comes and goes. */
  origin: Origin | undefined;
  /** Of its FILE column; undefined where that is not known. */
  readonly doc: DocCell;
}

/** What the server said a statement did. Of a delete the rows are those it ended, with their old `_seq`. */
export interface Told {
  readonly op: Exclude<WriteOp, { kind: "fail" }>;
  readonly commit: bigint;
  readonly rows: readonly {
    readonly row: ModelRow;
    readonly seq: bigint;
    readonly moving?: MovingCell;
    readonly doc?: DocCell;
  }[];
  /** How often the table had been altered when it was sent, and at the most when it was answered. */
  readonly alters?: { readonly from: number; readonly to: number };
  /** Of a statement that reads other rows. */
  readonly source?: Source;
}

/** What a statement made its rows of: some position not before the newest that was acknowledged when it was sent, and not after its own. */
export interface Source {
  readonly space: Space;
  readonly sentAt: bigint;
}

export interface MembershipChange {
  readonly op: "insert" | "update" | "delete";
  /** The row that is in the set now, or the last one that was. */
  readonly version: Version;
}

export class Space {
  readonly name: string;
  readonly #keys = new Map<number, Version[]>();
  /** Keys of which nothing is sure up to a position: a write on them went unanswered. */
  readonly #unsure = new Map<number, bigint>();
  #touched: { readonly commit: bigint; readonly id: number }[] = [];
  #settledAt = 0n;
  #dropped = { after: 0n, by: 0n };

  constructor(name: string) {
    this.name = name;
  }

  /** Versions that ended up to here are forgotten. */
  get settledAt(): bigint {
    return this.#settledAt;
  }

  /** Every version up to here was of a table that is gone, and of whose end no history tells. */
  get droppedAt(): bigint {
    return this.#dropped.by;
  }

  /** Whether nobody can say if the table was gone already. */
  isBeingDropped(at: bigint): boolean {
    return at > this.#dropped.after && at < this.#dropped.by;
  }

  ids(): Iterable<number> {
    return this.#keys.keys();
  }

  versionOf(id: number, seq: bigint): Version | undefined {
    return this.#keys.get(id)?.find((version) => version.seq === seq);
  }

  /** What a key is right after a commit; without one, now. */
  at(id: number, commit?: bigint): Version | undefined {
    const version = this.#keys.get(id)?.findLast((each) => commit === undefined || each.commit <= commit);
    const isEnded = version?.endedAt !== undefined && (commit === undefined || version.endedAt <= commit);
    return isEnded ? undefined : version;
  }

  /** What is there now. */
  living(): readonly Version[] {
    return [...this.#keys.keys()].map((id) => this.at(id)).filter((version) => version !== undefined);
  }

  /** For messages. */
  history(id: number): string {
    const versions = this.#keys.get(id) ?? [];
    const texts = versions.map(({ seq, commit, row, endedAt }) => `${textOf(row)} ${seq} in ${commit} to ${endedAt}`);
    return `${texts.join(" | ")}, unsure to ${this.#unsure.get(id)}`;
  }

  /** What a reader that stopped at a position inside a commit has met. */
  newestUpTo(id: number, seq: bigint): Version | undefined {
    const version = this.#keys.get(id)?.findLast((each) => each.seq <= seq);
    return version?.endedAt !== undefined && version.endedAt <= seq ? undefined : version;
  }

  isUnsure(id: number, commit: bigint): boolean {
    const until = this.#unsure.get(id);
    return until !== undefined && commit <= until;
  }

  /** The first position from which a key's changes are known. */
  sureFrom(id: number, from: bigint): bigint {
    const until = this.#unsure.get(id) ?? from;
    return until > from ? until : from;
  }

  get hasUnsure(): boolean {
    return this.#unsure.size > 0;
  }

  /** Keys that a commit after `from`, up to `to`, changed. */
  touchedBetween(from: bigint, to: bigint): ReadonlySet<number> {
    return new Set(this.#touched.filter(({ commit }) => commit > from && commit <= to).map(({ id }) => id));
  }

  commitsBetween(from: bigint, to: bigint): readonly bigint[] {
    return [...new Set(this.#touched.map(({ commit }) => commit))].filter((commit) => commit > from && commit <= to);
  }

  /** The commit that a position belongs to: the first at or after it. */
  commitFrom(seq: bigint): bigint | undefined {
    return this.#touched.find(({ commit }) => commit >= seq)?.commit;
  }

  /** What the commits after `from`, up to `to`, did to a key, seen through a filter. */
  changes(
    id: number,
    range: { readonly from: bigint; readonly to: bigint },
    passes: (row: ModelRow) => boolean,
  ): readonly MembershipChange[] {
    const isIn = (commit: bigint | undefined): boolean =>
      commit !== undefined && commit > range.from && commit <= range.to;
    const found: MembershipChange[] = [];
    let old: Version | undefined;
    for (const version of this.#keys.get(id) ?? []) {
      const was = old !== undefined && passes(old.row);
      const is = passes(version.row);
      if (isIn(version.commit) && old !== undefined && was && !is) found.push({ op: "delete", version: old });
      if (isIn(version.commit) && is) found.push({ op: was ? "update" : "insert", version });
      if (isIn(version.endedAt) && is) found.push({ op: "delete", version });
      old = version.endedAt === undefined ? version : undefined;
    }
    return found;
  }

  /** Where a deletion that a peer reports at `seq` belongs: the version it ended. */
  endedBefore(id: number, seq: bigint): Version | undefined {
    const version = this.#keys.get(id)?.findLast((each) => each.seq < seq);
    return version?.endedAt === undefined ? undefined : version;
  }

  /** Everything acknowledged since the last time. */
  take(told: readonly Told[], lost: readonly WriteOp[]): void {
    const present = new Set([...this.#keys.keys(), ...told.flatMap(({ rows }) => rows.map(({ row }) => row.id))]);
    for (const op of lost) for (const id of keysOf(op) ?? present) this.#unsure.set(id, UNKNOWN_POSITION);
    const before = new Map([...this.#keys].map(([id]) => [id, this.at(id)]));
    const touched = new Set<number>();
    for (const each of told) {
      if (isEnd(each)) continue;
      for (const { row, seq, moving, doc } of each.rows) {
        const origin = originOf(each, moving);
        this.#insert({ seq, commit: each.commit, row, by: [each], endedAt: undefined, origin, doc });
        touched.add(row.id);
      }
    }
    for (const each of told) {
      if (!isEnd(each)) continue;
      for (const { row, seq } of each.rows) {
        this.#end(row, seq, each);
        touched.add(row.id);
      }
    }
    for (const id of touched) this.#judgeChain(id);
    for (const each of told) this.#judgeMissed(each, before);
    for (const each of told) this.#judgeTold(each);
    this.#touched.sort((a, b) => (a.commit < b.commit ? -1 : 1));
  }

  /** What a read found when nothing was under way, complete up to `position`. It must be what is known, except for unsure keys. */
  readBack(rows: readonly ReturnedRow[], position: bigint, alters = 0): void {
    const found = new Map(rows.map((each) => [each.row.id, each]));
    for (const id of new Set([...found.keys(), ...this.#keys.keys()])) {
      const known = this.at(id);
      const seen = found.get(id);
      if (known?.seq === seen?.seq && textOf(known?.row) === textOf(seen?.row)) {
        if (seen !== undefined) this.#judgeShown(seen, { upTo: alters });
        continue;
      }
      if (!this.#unsure.has(id)) {
        throw new Wrong(
          `${this.name}: a SELECT says ${textOf(seen?.row)} at ${seen?.seq}, acknowledged was ${textOf(known?.row)} at ${known?.seq}`,
        );
      }
      if (known !== undefined && (seen === undefined || seen.seq > known.seq)) known.endedAt ??= position;
      if (seen !== undefined) {
        const origin = { from: alters, to: alters, cell: seen.moving };
        this.#insert({
          seq: seen.seq,
          commit: position,
          row: seen.row,
          by: [],
          endedAt: undefined,
          origin,
          doc: seen.doc,
        });
      }
      this.#touched.push({ commit: position, id });
    }
    for (const id of this.#unsure.keys()) this.#unsure.set(id, position);
  }

  /** The table is gone, and with it every row: an answer to DROP names no position, so it is known between two others. */
  dropped(after: bigint, position: bigint): void {
    this.#dropped = { after, by: position };
    for (const [id, versions] of this.#keys) {
      const last = versions.at(-1);
      if (last !== undefined) last.endedAt ??= position;
      this.#touched.push({ commit: position, id });
    }
    // What nobody knows of the rows before stays unknown; of those to come everything will be known.
    for (const id of this.#unsure.keys()) this.#unsure.set(id, position);
  }

  /** Forgets versions that no client can still ask about. */
  settle(position: bigint): void {
    this.#settledAt = position;
    this.#touched = [];
    this.#unsure.clear();
    for (const [id, versions] of this.#keys) {
      const last = versions.at(-1);
      if (last === undefined || last.endedAt !== undefined) this.#keys.delete(id);
      else this.#keys.set(id, [last]);
    }
  }

  #insert(version: Version): void {
    const versions = this.#keys.get(version.row.id) ?? [];
    const place = versions.findLastIndex(({ seq }) => seq < version.seq) + 1;
    const same = versions[place];
    if (same?.seq === version.seq) {
      if (textOf(same.row) !== textOf(version.row))
        throw new Wrong(`${this.name}: _seq ${version.seq} was given out twice`);
      same.by.push(...version.by);
      if (version.commit < same.commit) {
        same.commit = version.commit;
        same.origin = version.origin;
      }
      this.#touched.push({ commit: same.commit, id: same.row.id });
      return;
    }
    versions.splice(place, 0, version);
    this.#keys.set(version.row.id, versions);
    this.#touched.push({ commit: version.commit, id: version.row.id });
  }

  #end(row: ModelRow, seq: bigint, told: Told): void {
    const ended = this.versionOf(row.id, seq);
    this.#touched.push({ commit: told.commit, id: row.id });
    if (ended === undefined) {
      // The version may be one of an unanswered write.
      if (this.#unsure.has(row.id)) return;
      throw new Wrong(`${this.name}: a DELETE returned key ${row.id} at ${seq}, a version nobody wrote`);
    }
    if (ended.endedAt !== undefined) throw new Wrong(`${this.name}: version ${seq} of key ${row.id} was deleted twice`);
    if (textOf(ended.row) !== textOf(row))
      throw new Wrong(`${this.name}: a DELETE returned ${textOf(row)}, was ${textOf(ended.row)}`);
    if (told.op.kind === "delete" && !finds(told.op.where, row)) {
      throw new Wrong(`${this.name}: a DELETE took ${textOf(row)}, which its filter excludes`);
    }
    ended.endedAt = told.commit;
  }

  #judgeChain(id: number): void {
    const from = this.sureFrom(id, this.#settledAt);
    let old: Version | undefined;
    for (const version of this.#keys.get(id) ?? []) {
      if (version.commit > from) this.#judgeVersion(version, old);
      old = version;
    }
  }

  /** What is wrong with what somebody was shown of the column that comes and goes, and of the one that holds files. */
  shownFault({ row, seq, moving, doc }: ReturnedRow, showing: Showing): string | undefined {
    const version = this.versionOf(row.id, seq);
    const known = version?.doc;
    if (known !== undefined && doc !== undefined && known !== doc)
      return `${this.name}: ${textOf(row)} of ${seq} is shown with the file ${doc}, has ${known}`;
    const origin = version?.origin;
    if (origin === undefined || this.#unsure.has(row.id) || mayShow(moving, origin, showing)) return undefined;
    return `${this.name}: ${textOf(row)} of ${seq} is shown with ${movingText(moving)}, ${originText(origin)}`;
  }

  #judgeShown(shown: ReturnedRow, showing: Showing): void {
    const fault = this.shownFault(shown, showing);
    if (fault !== undefined) throw new Wrong(fault);
  }

  #judgeTold({ rows, alters }: Told): void {
    if (alters === undefined) return;
    for (const { row, seq, moving, doc } of rows) {
      if (moving !== undefined) this.#judgeShown({ row, seq, moving, doc }, { upTo: alters.to });
    }
  }

  #judgeVersion(version: Version, old: Version | undefined): void {
    const before = old === undefined || old.endedAt !== undefined ? undefined : old;
    const about = `${this.name}: ${textOf(version.row)} of ${textOf(before?.row)}`;
    if (old !== undefined && old.commit > version.commit) throw new Wrong(`${about}: _seq order is not commit order`);
    if (old?.endedAt !== undefined && old.endedAt > version.commit)
      throw new Wrong(`${about}: before the row was deleted`);
    const faults = version.by.map((told) => faultOf(told.op, version.row, before?.row));
    if (faults.length > 0 && !faults.includes(undefined)) throw new Wrong(`${about}: ${faults.join("; ")}`);
    const fileFault = docFault(version, before?.doc, before !== undefined);
    if (fileFault !== undefined) throw new Wrong(`${about}: ${fileFault}`);
    const { origin } = version;
    if (origin === undefined || version.by.length === 0) return;
    const isRight =
      before === undefined
        ? mayBegin(origin)
        : before.origin === undefined || mayShow(origin.cell, before.origin, { upTo: origin.to });
    if (!isRight) throw new Wrong(`${about}: the row has ${originText(origin)}, before ${originText(before?.origin)}`);
  }

  /** A row that matched all the time and that nobody else changed must have been found. */
  #judgeMissed(told: Told, before: ReadonlyMap<number, Version | undefined>): void {
    const { op } = told;
    if (op.kind !== "set" && op.kind !== "add" && op.kind !== "delete") return;
    const changed = new Set(told.rows.map(({ row }) => row.id));
    for (const [id, version] of before) {
      if (version === undefined || changed.has(id) || this.#unsure.has(id) || this.at(id) !== version) continue;
      if (this.#keys.get(id)?.at(-1) !== version || !finds(op.where, version.row)) continue;
      throw new Wrong(`${this.name}: ${JSON.stringify(op)} did not find ${textOf(version.row)}`);
    }
  }
}

function originOf({ alters }: Told, cell: MovingCell | undefined): Origin | undefined {
  return alters === undefined || cell === undefined ? undefined : { ...alters, cell };
}

function originText(origin: Origin | undefined): string {
  if (origin === undefined) return "nothing is known of it";
  return `written with ${movingText(origin.cell)} after ${origin.from} to ${origin.to} ALTERs`;
}

function movingText({ name, text }: MovingCell): string {
  return name === undefined ? "no such column" : `${name} ${text}`;
}

/** Only an upload gives a row another file; a new row has none. */
function docFault({ by, doc }: Version, old: DocCell, wasThere: boolean): string | undefined {
  if (doc === undefined || by.length === 0) return undefined;
  const uploads = by.flatMap(({ op }) => (op.kind === "attach" ? [op.text] : []));
  if (uploads.length > 0) return uploads.some((text) => isDocOf(doc, text)) ? undefined : `the file is ${doc}`;
  const expected = wasThere ? old : null;
  return expected === undefined || doc === expected ? undefined : `the file is ${doc}, was ${expected}`;
}

function isEnd({ op }: Told): boolean {
  return op.kind === "delete" || op.kind === "truncate";
}
