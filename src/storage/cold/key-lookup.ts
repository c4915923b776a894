// The newest flushed versions of a few keys of a scope. Newest segments are asked first: key range in the catalog, row group statistics, Bloom filter, then the decoded
// column of keys; of the rest of a row only the pages that hold it.
import { assert } from "../../base/errors.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite } from "../../model/types.ts";
import { valueAt } from "./column-vector.ts";
import { firstAtLeast, type ScanOutcome } from "./scope-scan.ts";
import { type ScopeTarget, type SegmentCache, type SegmentRef, typeAt } from "./segment-cache.ts";
import { columnStatistics } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface KeyLookup extends ScopeTarget {
  /** Of the scope, all of them. */
  readonly segments: readonly SegmentRef[];
  readonly keys: readonly Cell[];
  /** Places wanted: the table's columns, then `_seq`, then `_deleted`. */
  readonly places: readonly number[];
  readonly includeDeleted: boolean;
}

export interface FoundRows {
  readonly rows: readonly (readonly SqliteValue[])[];
  readonly outcome: ScanOutcome;
}

interface Wanted {
  readonly cell: Cell;
  readonly key: SqliteValue;
  found: Found | undefined;
}

interface Found {
  readonly segment: SegmentRef;
  readonly group: number;
  readonly at: number;
}

export function lookUpKeys(lookup: KeyLookup, cache: SegmentCache): Promise<FoundRows> {
  return new Lookup(lookup, cache).run();
}

class Lookup {
  readonly #lookup: KeyLookup;
  readonly #cache: SegmentCache;
  readonly #wanted: readonly Wanted[];
  #segmentsRead = 0;
  #rowGroups = 0;
  #rowGroupsRead = 0;

  constructor(lookup: KeyLookup, cache: SegmentCache) {
    this.#lookup = lookup;
    this.#cache = cache;
    this.#wanted = wantedKeys(lookup);
  }

  async run(): Promise<FoundRows> {
    const { segments } = this.#lookup;
    const possible = segments.filter((segment) => this.#wanted.some(({ key }) => isInRange(key, segment)));
    possible.sort((a, b) => compareSqlite(b.maxSeq, a.maxSeq));
    for (const segment of possible) await this.#searchSegment(segment);
    const rows = await this.#rows();
    const read = { segments: segments.length, segmentsRead: this.#segmentsRead, rowGroups: this.#rowGroups };
    return { rows, outcome: { ...read, rowGroupsRead: this.#rowGroupsRead, rows: rows.length, isWhole: true } };
  }

  async #searchSegment(segment: SegmentRef): Promise<void> {
    const open = this.#wanted.filter(
      ({ key, found }) =>
        isInRange(key, segment) &&
        // Its version is within the range of the segment it was found in.
        (found === undefined || found.segment.minSeq <= segment.maxSeq),
    );
    if (open.length === 0) return;
    this.#segmentsRead += 1;
    const { schema } = this.#lookup;
    const footer = await this.#cache.footer(this.#lookup, segment);
    for (let group = 0; group < footer.metadata.row_groups.length; group += 1) {
      const { bounds } = columnStatistics(footer, group, { schema, place: schema.keyIndex });
      const { min, max } = bounds ?? { min: segment.minKey, max: segment.maxKey };
      const here = open.filter(({ key }) => compareSqlite(key, min) >= 0 && compareSqlite(key, max) <= 0);
      this.#rowGroups += 1;
      await this.#searchGroup(segment, group, here);
    }
  }

  async #searchGroup(segment: SegmentRef, group: number, wanted: readonly Wanted[]): Promise<void> {
    const { schema } = this.#lookup;
    const possible: Wanted[] = [];
    for (const one of wanted) {
      if (await this.#cache.mayHoldKey(this.#lookup, { segment, group }, one.cell)) possible.push(one);
    }
    if (possible.length === 0) return;
    this.#rowGroupsRead += 1;
    const keys = await this.#cache.column(this.#lookup, { segment, group, place: schema.keyIndex });
    let from = 0;
    for (const one of possible) {
      from = firstAtLeast(keys, one.key, from);
      if (from === keys.length || compareSqlite(valueAt(keys, from), one.key) !== 0) continue;
      const hit = { segment, group, at: from };
      if (one.found === undefined || (await this.#isNewer(hit, one.found))) one.found = hit;
    }
  }

  async #isNewer(hit: Found, other: Found): Promise<boolean> {
    const seqOf = async (found: Found): Promise<SqliteValue> => {
      const wanted = { places: [this.#lookup.schema.columns.length], positions: [found.at] };
      const [[seq = null] = []] = await this.#cache.rows(this.#lookup, found, wanted);
      return seq;
    };
    return compareSqlite(await seqOf(hit), await seqOf(other)) > 0;
  }

  async #rows(): Promise<readonly (readonly SqliteValue[])[]> {
    const { schema, places, includeDeleted } = this.#lookup;
    const found = this.#wanted.flatMap((one) => one.found ?? []);
    const rows: SqliteValue[][] = [];
    for (const hits of Map.groupBy(found, ({ segment, group }) => `${segment.id} ${group}`).values()) {
      const [first] = hits;
      assert(first !== undefined, "a group of hits has one");
      const positions = hits.map(({ at }) => at);
      const isLive = includeDeleted || (await this.#hasNoTombstone(first));
      const wanted = isLive ? places : [...places, schema.columns.length + 1];
      const columns = await this.#cache.rows(this.#lookup, first, { places: wanted, positions });
      const deleted = isLive ? [] : (columns.pop() ?? []);
      for (const index of positions.keys()) {
        if ((deleted[index] ?? 0) === 0) rows.push(columns.map((values) => values[index] ?? null));
      }
    }
    return rows;
  }

  async #hasNoTombstone({ segment, group }: Found): Promise<boolean> {
    const { schema } = this.#lookup;
    const footer = await this.#cache.footer(this.#lookup, segment);
    const { bounds } = columnStatistics(footer, group, { schema, place: schema.columns.length + 1 });
    return bounds?.max === 0;
  }
}

function isInRange(key: SqliteValue, { minKey, maxKey }: SegmentRef): boolean {
  return compareSqlite(key, minKey) >= 0 && compareSqlite(key, maxKey) <= 0;
}

/** In order, each once. */
function wantedKeys({ schema, keys }: KeyLookup): Wanted[] {
  const type = typeAt(schema, schema.keyIndex);
  const wanted = keys.flatMap((cell): Wanted[] =>
    cell === null ? [] : [{ cell, key: cellToSqlite(cell, type), found: undefined }],
  );
  wanted.sort((a, b) => compareSqlite(a.key, b.key));
  return wanted.filter(({ key }, index) => index === 0 || compareSqlite(key, wanted[index - 1]?.key ?? null) !== 0);
}
