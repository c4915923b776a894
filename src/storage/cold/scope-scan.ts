// The newest flushed version of each key of a scope, as far as a query can need it: segments and row groups are chosen by statistics, columns are decoded
// one at a time, and conditions are tried on columns before any row is made. A version that a newer one replaced is dropped whether or not the newer one
// satisfies the conditions: those choose among newest versions only.
import type { SqliteValue } from "../../model/sql-type.ts";
import { type ColumnCondition, matcherOf, mayHold } from "./column-condition.ts";
import { type ColumnVector, isCoded, valueAt, valueReader } from "./column-vector.ts";
import { areFew, type ScopeTarget, type SegmentCache, type SegmentRef, typeAt } from "./segment-cache.ts";
import { type ColumnStatistics, columnStatistics, type SegmentFooter } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";
import { TopCut, type TopOrder } from "./top-cut.ts";

export interface ScopeScan extends ScopeTarget {
  /** Of the scope, all of them. */
  readonly segments: readonly SegmentRef[];
  /** Places wanted: the table's columns, then `_seq`, then `_deleted`. */
  readonly places: readonly number[];
  readonly conditions: readonly ColumnCondition[];
  readonly includeDeleted: boolean;
  /** Only the first so many rows by one column, and those equal to the last of them. */
  readonly top: TopOrder | undefined;
  /** In order: rows of these keys are left out. */
  readonly hiddenKeys?: readonly SqliteValue[];
}

/** Rows of one row group: values of each place wanted, and which of them count. */
export interface ScanChunk {
  readonly vectors: readonly ColumnVector[];
  readonly positions: Uint32Array;
}

export interface ScanOutcome {
  readonly segments: number;
  readonly segmentsRead: number;
  /** Of the segments whose footers were looked at. */
  readonly rowGroups: number;
  readonly rowGroupsRead: number;
  readonly rows: number;
  /** Every row that satisfies the conditions was given, not only the top. */
  readonly isWhole: boolean;
}

interface Group {
  readonly segment: SegmentRef;
  readonly footer: SegmentFooter;
  readonly index: number;
  readonly rows: number;
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

export function scanScope(
  scan: ScopeScan,
  cache: SegmentCache,
  onChunk: (chunk: ScanChunk) => void,
): Promise<ScanOutcome> {
  return new Scan(scan, cache).run(onChunk);
}

/** What statistics leave of the scope to be read; decodes nothing. With a `top`, fewer row groups may do. */
export function planScan(scan: ScopeScan, cache: SegmentCache): Promise<ScanOutcome> {
  return new Scan(scan, cache).plan();
}

class Scan {
  readonly #scan: ScopeScan;
  readonly #cache: SegmentCache;
  readonly #groups = new Map<number, readonly Group[]>();
  readonly #touched = new Set<Group>();
  /** 0, 1, 2, … for the largest row group so far. Nobody writes to positions. */
  #every: Uint32Array = new Uint32Array(0);

  constructor(scan: ScopeScan, cache: SegmentCache) {
    this.#scan = scan;
    this.#cache = cache;
  }

  async plan(): Promise<ScanOutcome> {
    const chosen = await this.#chosen();
    for (const group of chosen) this.#touched.add(group);
    return this.#outcome(0, true);
  }

  async run(onChunk: (chunk: ScanChunk) => void): Promise<ScanOutcome> {
    const { top, places } = this.#scan;
    const chosen = await this.#chosen();
    const cut = top && new TopCut(top);
    const ordered = cut === undefined ? chosen : cut.order(chosen, (group) => this.#statistics(group, cut.place));
    let rows = 0;
    let isWhole = true;
    for (const group of ordered) {
      if (cut?.excludes(this.#statistics(group, cut.place)) === true) {
        isWhole = false;
        break;
      }
      let positions = await this.#visible(group, await this.#matching(group));
      if (cut !== undefined && positions.length > 0) {
        const kept = cut.take(await this.#column(group, cut.place), positions);
        if (kept.length < positions.length) isWhole = false;
        positions = kept;
      }
      if (positions.length === 0) continue;
      rows += positions.length;
      onChunk(await this.#chunk(group, places, positions));
    }
    return this.#outcome(rows, isWhole);
  }

  /** Row groups that may hold a row that satisfies the conditions. */
  async #chosen(): Promise<readonly Group[]> {
    const chosen: Group[] = [];
    for (const segment of this.#scan.segments.filter((one) => this.#mayHoldRows(one))) {
      for (const group of await this.#groupsOf(segment)) {
        const holds = this.#scan.conditions.every((one) => mayHold(one, this.#statistics(group, one.place)));
        if (holds) chosen.push(group);
      }
    }
    return chosen;
  }

  #outcome(rows: number, isWhole: boolean): ScanOutcome {
    return {
      segments: this.#scan.segments.length,
      segmentsRead: new Set(Array.from(this.#touched, ({ segment }) => segment.id)).size,
      rowGroups: [...this.#groups.values()].reduce((sum, groups) => sum + groups.length, 0),
      rowGroupsRead: this.#touched.size,
      rows,
      isWhole,
    };
  }

  /** By what the catalog says of the segment; its file is not looked at. */
  #mayHoldRows(segment: SegmentRef): boolean {
    const { schema, conditions } = this.#scan;
    return conditions.every((condition) => {
      if (condition.place === schema.keyIndex) {
        return mayHold(condition, { bounds: { min: segment.minKey, max: segment.maxKey }, nulls: 0 });
      }
      if (condition.place !== schema.columns.length) return true;
      return mayHold(condition, { bounds: { min: segment.minSeq, max: segment.maxSeq }, nulls: 0 });
    });
  }

  async #groupsOf(segment: SegmentRef): Promise<readonly Group[]> {
    const known = this.#groups.get(segment.id);
    if (known !== undefined) return known;
    const footer = await this.#cache.footer(this.#scan, segment);
    const { schema } = this.#scan;
    const groups = footer.metadata.row_groups.map((rowGroup, index): Group => {
      const { bounds } = columnStatistics(footer, index, { schema, place: schema.keyIndex });
      const { min, max } = bounds ?? { min: segment.minKey, max: segment.maxKey };
      return { segment, footer, index, rows: Number(rowGroup.num_rows), minKey: min, maxKey: max };
    });
    this.#groups.set(segment.id, groups);
    return groups;
  }

  #statistics(group: Group, place: number): ColumnStatistics {
    return columnStatistics(group.footer, group.index, { schema: this.#scan.schema, place });
  }

  #column(group: Group, place: number): Promise<ColumnVector> {
    this.#touched.add(group);
    return this.#cache.column(this.#scan, { segment: group.segment, group: group.index, place });
  }

  async #chunk(group: Group, places: readonly number[], positions: Uint32Array): Promise<ScanChunk> {
    if (!areFew(positions.length, group.rows)) {
      const vectors: ColumnVector[] = [];
      for (const place of places) vectors.push(await this.#column(group, place));
      return { vectors, positions };
    }
    this.#touched.add(group);
    const at = { segment: group.segment, group: group.index };
    const vectors = await this.#cache.rows(this.#scan, at, { places, positions: [...positions] });
    return { vectors, positions: this.#every.subarray(0, positions.length) };
  }

  /** Positions that satisfy the conditions. */
  async #matching(group: Group): Promise<Uint32Array> {
    const { schema, conditions, includeDeleted } = this.#scan;
    if (group.rows > this.#every.length) this.#every = everyPosition(group.rows);
    let positions: Uint32Array = this.#every.subarray(0, group.rows);
    for (const condition of conditions) {
      if (positions.length === 0) return positions;
      const matches = matcherOf(condition, typeAt(schema, condition.place));
      positions = keptValues(positions, await this.#column(group, condition.place), matches);
    }
    const deletedPlace = schema.columns.length + 1;
    const { bounds } = this.#statistics(group, deletedPlace);
    if (includeDeleted || positions.length === 0 || bounds?.max === 0) return positions;
    const deleted = await this.#column(group, deletedPlace);
    return keptValues(positions, deleted, (value) => value === 0);
  }

  /** Without those that a newer version replaced. */
  async #visible(group: Group, matching: Uint32Array): Promise<Uint32Array> {
    let positions = matching;
    for (const other of await this.#perhapsNewer(group)) {
      if (positions.length === 0) break;
      positions = await this.#notReplaced(group, other, positions);
    }
    return this.#notHidden(group, positions);
  }

  async #notHidden(group: Group, positions: Uint32Array): Promise<Uint32Array> {
    const { hiddenKeys = [], schema } = this.#scan;
    let next = firstAtLeast(hiddenKeys, group.minKey, 0);
    const isWithin = (): boolean =>
      next < hiddenKeys.length && compareSqlite(hiddenKeys[next] ?? null, group.maxKey) <= 0;
    if (positions.length === 0 || !isWithin()) return positions;
    const keys = await this.#column(group, schema.keyIndex);
    const hidden = new Set<number>();
    for (let from = 0; isWithin(); next += 1) {
      const key = hiddenKeys[next] ?? null;
      from = firstAtLeast(keys, key, from);
      if (from < keys.length && compareSqlite(valueAt(keys, from), key) === 0) hidden.add(from);
    }
    return hidden.size === 0 ? positions : kept(positions, (at) => !hidden.has(at));
  }

  async #perhapsNewer(group: Group): Promise<readonly Group[]> {
    const found: Group[] = [];
    for (const segment of this.#scan.segments) {
      if (segment.id === group.segment.id || segment.maxSeq <= group.segment.minSeq || !overlaps(segment, group))
        continue;
      for (const other of await this.#groupsOf(segment)) if (overlaps(other, group)) found.push(other);
    }
    return found;
  }

  async #notReplaced(group: Group, other: Group, positions: Uint32Array): Promise<Uint32Array> {
    const place = this.#scan.schema.keyIndex;
    const keys = await this.#column(group, place);
    const otherKeys = await this.#column(other, place);
    const isNewer = await this.#comparison(group, other);
    const keyAt = valueReader(keys);
    const otherKeyAt = valueReader(otherKeys);
    let from = 0;
    return kept(positions, (at) => {
      const key = keyAt(at);
      from = firstAtLeast(otherKeys, key, from);
      return from === otherKeys.length || compareSqlite(otherKeyAt(from), key) !== 0 || !isNewer(from, at);
    });
  }

  /** Whether a version of `other` is newer than one of `group`: told by the segments alone where their positions do not mix. */
  async #comparison(group: Group, other: Group): Promise<(inOther: number, inGroup: number) => boolean> {
    if (other.segment.minSeq > group.segment.maxSeq) return () => true;
    const place = this.#scan.schema.columns.length;
    const seqAt = valueReader(await this.#column(group, place));
    const otherSeqAt = valueReader(await this.#column(other, place));
    return (inOther, inGroup) => compareSqlite(otherSeqAt(inOther), seqAt(inGroup)) > 0;
  }
}

/** By loops: this runs for every row of a scan, and the built-in ways take several times as long. */
function everyPosition(rows: number): Uint32Array {
  const positions = new Uint32Array(rows);
  for (let at = 0; at < rows; at += 1) positions[at] = at;
  return positions;
}

function kept(positions: Uint32Array, isKept: (at: number) => boolean): Uint32Array {
  const left = new Uint32Array(positions.length);
  let count = 0;
  for (let index = 0; index < positions.length; index += 1) {
    const at = positions[index] ?? 0;
    if (!isKept(at)) continue;
    left[count] = at;
    count += 1;
  }
  return count === positions.length ? positions : left.slice(0, count);
}

/** What is said of a value is asked once for each distinct one where there are codes. */
function keptValues(
  positions: Uint32Array,
  vector: ColumnVector,
  isKept: (value: SqliteValue) => boolean,
): Uint32Array {
  if (!isCoded(vector)) return kept(positions, (at) => isKept(vector[at] ?? null));
  const { codes, values } = vector;
  const isKeptCode = Uint8Array.from(values, (value) => (isKept(value) ? 1 : 0));
  return kept(positions, (at) => isKeptCode[codes[at] ?? 0] === 1);
}

interface KeyRange {
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

function overlaps(a: KeyRange, b: KeyRange): boolean {
  return compareSqlite(a.minKey, b.maxKey) <= 0 && compareSqlite(b.minKey, a.maxKey) <= 0;
}

/** First index from `from` on whose key is not below `key`: doubling steps, then halving, as the keys asked for ascend too. */
export function firstAtLeast(keys: ColumnVector, key: SqliteValue, from: number): number {
  const isBelow = (at: number): boolean => compareSqlite(valueAt(keys, at), key) < 0;
  let low = from;
  let step = 1;
  while (low + step <= keys.length && isBelow(low + step - 1)) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step - 1, keys.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
