// Which segments of a scope are merged next. Pure: the catalog's rows in, a choice out.
//
// A *sorted run* is a range of positions whose versions lie in files with disjoint key ranges: one file of a flush, or what one merge made of several runs. Runs
// have disjoint ranges of positions, so they are ordered by age; only neighbours are merged, so they stay so.
import type { Seq } from "../../base/ids.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { Segment } from "../seams.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface SortedRun {
  /** By key. */
  readonly segments: readonly Segment[];
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  readonly rows: number;
  /** Undefined: nobody has counted them. */
  readonly tombstones: number | undefined;
}

export interface KeyRange {
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
}

export interface Merge {
  /** Neighbours, oldest first. */
  readonly runs: readonly SortedRun[];
  /** Of files older than all of these: a tombstone whose key lies in one of them must stay. */
  readonly olderKeys: readonly KeyRange[];
}

export interface CompactionPolicy {
  /** Runs of similar size that are worth a merge. */
  readonly minRuns: number;
  /** A run this large whose keys no newer run touches is left alone for ever. */
  readonly targetRows: number;
}

/** Files read side by side: each holds a row group in memory. */
export const MAX_MERGED_RUNS = 16;
/** Times the rows of everything newer that a run may have and still be merged with it. */
const SIMILAR = 2;

/** Oldest first. */
export function runsOf(segments: readonly Segment[]): SortedRun[] {
  const byRange = Map.groupBy(segments, ({ minSeq, maxSeq }) => `${minSeq} ${maxSeq}`);
  const runs = [...byRange.values()].flatMap((files): SortedRun[] => {
    const [first] = files;
    if (first === undefined) return [];
    const ordered = files.toSorted((a, b) => compareSqlite(a.minKey, b.minKey));
    const rows = files.reduce((total, file) => total + file.rows, 0);
    const tombstones = files.reduce<number | undefined>(
      (total, file) => (total === undefined || file.tombstones === undefined ? undefined : total + file.tombstones),
      0,
    );
    return [{ segments: ordered, minSeq: first.minSeq, maxSeq: first.maxSeq, rows, tombstones }];
  });
  return runs.sort((a, b) => (a.maxSeq < b.maxSeq ? -1 : 1));
}

/**
 * The newest runs that are similar in size: each at most twice as large as all newer ones of the choice together. So a row is written again only when what it is merged
 * with has grown to half of its own run, a number of times that grows with the logarithm of the scope.
 */
export function chooseMerge(runs: readonly SortedRun[], policy: CompactionPolicy): Merge | undefined {
  for (let newest = runs.length; newest >= policy.minRuns; newest -= 1) {
    const oldest = oldestSimilar(runs, newest, policy);
    if (newest - oldest >= policy.minRuns) return mergeOf(runs, oldest, newest);
  }
  return undefined;
}

/** For a scope that is to become one run: the neighbours with the fewest rows, until one run is left. */
export function chooseFullMerge(runs: readonly SortedRun[]): Merge | undefined {
  if (runs.length < 2) return undefined;
  const width = Math.min(runs.length, MAX_MERGED_RUNS);
  const starts = Array.from({ length: runs.length - width + 1 }, (_unused, start) => start);
  const rowsFrom = (start: number): number =>
    runs.slice(start, start + width).reduce((total, { rows }) => total + rows, 0);
  const cheapest = starts.reduce((best, start) => (rowsFrom(start) < rowsFrom(best) ? start : best), 0);
  return mergeOf(runs, cheapest, cheapest + width);
}

/** The oldest run written anew: only there is nothing that its tombstones could hide. */
export function chooseRewrite(runs: readonly SortedRun[], { purgeBelow, mode }: RewritePolicy): Merge | undefined {
  const [oldest] = runs;
  if (oldest === undefined || oldest.tombstones === 0) return undefined;
  const isWorthIt =
    mode === "full"
      ? runs.length === 1 && oldest.minSeq < purgeBelow
      : (oldest.tombstones ?? 0) * 2 >= oldest.rows && oldest.maxSeq < purgeBelow;
  return isWorthIt ? mergeOf(runs, 0, 1) : undefined;
}

/**
 * All of a scope whose newest version is below a position, if it has tombstones: they can all go, with what they ended. Afterwards there are none until something is
 * flushed, and not before its tombstones too are below the position; so this happens once for each time that a scope comes to rest.
 */
export function chooseAged(runs: readonly SortedRun[], restsBelow: Seq): Merge | undefined {
  const newest = runs.at(-1);
  if (newest === undefined || newest.maxSeq >= restsBelow) return undefined;
  if (runs.every(({ tombstones }) => tombstones === 0)) return undefined;
  return runs.length === 1 ? mergeOf(runs, 0, 1) : chooseFullMerge(runs);
}

export interface RewritePolicy {
  /** Tombstones below this position are past their retention. */
  readonly purgeBelow: Seq;
  /** `due`: when at least half of the run goes; `full`: when anything may. */
  readonly mode: "due" | "full";
}

function oldestSimilar(runs: readonly SortedRun[], newest: number, { targetRows }: CompactionPolicy): number {
  let oldest = newest;
  let rows = 0;
  const limit = Math.max(0, newest - MAX_MERGED_RUNS);
  while (oldest > limit) {
    const run = runs[oldest - 1];
    if (run === undefined) break;
    const chosen = runs.slice(oldest, newest);
    if (chosen.length > 0 && run.rows > SIMILAR * rows) break;
    if (run.rows >= targetRows && !chosen.some((newer) => overlap(run, newer))) break;
    rows += run.rows;
    oldest -= 1;
  }
  return oldest;
}

function mergeOf(runs: readonly SortedRun[], start: number, end: number): Merge {
  const olderKeys = runs
    .slice(0, start)
    .flatMap(({ segments }) => segments.map(({ minKey, maxKey }): KeyRange => ({ minKey, maxKey })));
  return { runs: runs.slice(start, end), olderKeys };
}

function overlap(a: SortedRun, b: SortedRun): boolean {
  return a.segments.some((left) =>
    b.segments.some(
      (right) => compareSqlite(left.minKey, right.maxKey) <= 0 && compareSqlite(right.minKey, left.maxKey) <= 0,
    ),
  );
}

export function holdsKey(ranges: readonly KeyRange[], key: SqliteValue): boolean {
  return ranges.some(({ minKey, maxKey }) => compareSqlite(minKey, key) <= 0 && compareSqlite(key, maxKey) <= 0);
}
