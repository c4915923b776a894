// What a query process reads of the data file by itself: transactions, the position, which segments a scope has, and which of their keys are buffered anew.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert, DbError } from "../../base/errors.ts";
import { type Seq, seqOf } from "../../base/ids.ts";
import { Lru } from "../../base/lru.ts";
import { keyColumn, qualifiedName } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { ScopeTarget, SegmentRef } from "../../storage/cold/segment-cache.ts";
import { compareSqlite } from "../../storage/cold/sqlite-order.ts";
import { hotTableName, isScopedByUser } from "../../storage/hot/relation.ts";
import { StaleRead } from "../write.ts";

const SEGMENTS_SQL =
  "SELECT id, path, rows, tombstones, min_seq, max_seq, min_key, max_key FROM segments WHERE table_id = ? AND scope = ? ORDER BY id";

/** Scopes whose flushed state is kept until the next commit. */
const MAX_SCOPES = 32;

/** Tables whose buffer is looked into without preparing the look again. */
const MAX_LOOKS = 32;

/** More keys than this are not taken out one by one. */
const MAX_HIDDEN_KEYS = 5_000;

export interface FlushedScope {
  /** Ascending by id. */
  readonly segments: readonly SegmentRef[];
  /** Every buffered version at or below it is one of the segments', or replaced there, or gone; 0: none is. */
  readonly upTo: Seq;
}

export interface ReadTarget extends ScopeTarget {
  /** Whether the table may have another definition by now. */
  readonly isAnyVersion?: boolean;
}

export class DataFile {
  readonly #db: DatabaseSync;
  readonly #tableVersion: StatementSync;
  readonly #segments: StatementSync;
  readonly #dataVersion: StatementSync;
  readonly #historyStart: StatementSync;
  readonly #lastSeq: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #bufferLooks = new Lru<string, StatementSync>(MAX_LOOKS);
  readonly #flushed = new Lru<string, FlushedScope>(MAX_SCOPES);
  #flushedAt: unknown;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#tableVersion = db.prepare("SELECT version FROM tables WHERE id = ?");
    this.#segments = db.prepare(SEGMENTS_SQL);
    this.#segments.setReadBigInts(true);
    this.#dataVersion = db.prepare("PRAGMA data_version");
    this.#historyStart = db.prepare("SELECT starts_at FROM history_starts WHERE table_id = ? AND scope = ?");
    this.#historyStart.setReadBigInts(true);
    this.#lastSeq = db.prepare("SELECT value FROM meta WHERE key = 'last_seq'");
    this.#lastSeq.setReadBigInts(true);
    this.#begin = db.prepare("BEGIN");
    this.#commit = db.prepare("COMMIT");
  }

  inTransaction<T>(work: () => T): T {
    this.#begin.run();
    try {
      return work();
    } finally {
      if (this.#db.isTransaction) this.#commit.run();
    }
  }

  /** For work that is over in a few milliseconds: as long as it is open, the log is not folded. */
  async inLongTransaction<T>(work: () => Promise<T>): Promise<T> {
    this.#begin.run();
    try {
      return await work();
    } finally {
      if (this.#db.isTransaction) this.#commit.run();
    }
  }

  inAnyTransaction<T>(work: () => T): T {
    return this.#db.isTransaction ? work() : this.inTransaction(work);
  }

  /**
   * A query asks more than once, and most often nothing was committed since. Throws StaleRead when the table is not as it was when the query was planned: a file of a
   * later version would show a column that is gone by the value of rows older than it.
   */
  flushed(target: ReadTarget): FlushedScope {
    // Another number when any other connection has committed; this one never does.
    const version = this.#dataVersion.get()?.["data_version"];
    if (version !== this.#flushedAt) this.#flushed.clear();
    this.#flushedAt = version;
    const key = `${target.schema.id} ${target.isAnyVersion === true ? "any" : target.schema.version} ${target.scope}`;
    const known = this.#flushed.get(key);
    if (known !== undefined) return known;
    const segments = this.#listSegments(target);
    const flushed = { segments, upTo: flushedUpTo(segments, this.#startsAt(target)) };
    this.#flushed.set(key, flushed);
    return flushed;
  }

  segments(target: ReadTarget): readonly SegmentRef[] {
    return this.flushed(target).segments;
  }

  #listSegments({ schema, scope, isAnyVersion = false }: ReadTarget): readonly SegmentRef[] {
    const version = this.#tableVersion.get(BigInt(schema.id))?.["version"];
    if (!isAnyVersion && version !== schema.version) throw new StaleRead("the table changed");
    if (version === undefined) {
      throw new DbError("TABLE_NOT_FOUND", `Table ${qualifiedName(schema)} no longer exists`);
    }
    return this.#segments.all(BigInt(schema.id), scope).map((row): SegmentRef => {
      const { id, path, rows, tombstones, min_seq: minSeq, max_seq: maxSeq, min_key: minKey, max_key: maxKey } = row;
      assert(typeof path === "string" && minKey !== undefined && maxKey !== undefined, "a segment row is complete");
      assert(typeof minSeq === "bigint" && typeof maxSeq === "bigint", "positions are read as bigint");
      const counted = tombstones === null ? undefined : Number(tombstones);
      const range = { minSeq: seqOf(minSeq), maxSeq: seqOf(maxSeq), minKey, maxKey };
      return { id: Number(id), path, rows: Number(rows), tombstones: counted, ...range };
    });
  }

  /** What the buffer has of the scope at or below it is gone; 0: nothing is. */
  #startsAt({ schema, scope }: ScopeTarget): Seq {
    const value = this.#historyStart.get(BigInt(schema.id), scope)?.["starts_at"];
    return seqOf(typeof value === "bigint" ? value : 0n);
  }

  position(): Seq {
    const value = this.#lastSeq.get()?.["value"];
    assert(typeof value === "bigint", "the data file names its last position");
    return seqOf(value);
  }

  isBufferEmpty({ schema, scope }: ScopeTarget): boolean {
    const isScoped = isScopedByUser(schema.kind);
    const table = hotTableName(schema);
    let look = this.#bufferLooks.get(table);
    if (look === undefined) {
      look = this.#db.prepare(`SELECT 1 FROM ${table}${isScoped ? " WHERE _user = ?" : ""} LIMIT 1`);
      this.#bufferLooks.set(table, look);
    }
    return look.get(...(isScoped ? [scope] : [])) === undefined;
  }

  /** Buffered keys within the key ranges of segments, in order, each once; undefined when there are too many. What is at or below `flushedUpTo` hides nothing: it is the flushed version. */
  hiddenKeys(
    { schema, scope }: ScopeTarget,
    segments: readonly SegmentRef[],
    flushedUpTo: Seq,
  ): readonly SqliteValue[] | undefined {
    const isScoped = isScopedByUser(schema.kind);
    const owner = isScoped ? "_user = ? AND " : "";
    const key = `c${keyColumn(schema).id}`;
    const text = `SELECT ${key} AS k FROM ${hotTableName(schema)} WHERE ${owner}${key} BETWEEN ? AND ? AND +_seq > ? LIMIT ?`;
    const statement = this.#db.prepare(text);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const found: SqliteValue[] = [];
    for (const { minKey, maxKey } of segments) {
      const room = MAX_HIDDEN_KEYS + 1 - found.length;
      const values = [...(isScoped ? [scope] : []), minKey, maxKey, flushedUpTo, BigInt(room)];
      for (const row of statement.all(...values)) {
        assert(Array.isArray(row), "the statement returns arrays");
        const [value = null]: SqliteValue[] = row;
        found.push(value);
      }
      if (found.length > MAX_HIDDEN_KEYS) return undefined;
    }
    found.sort(compareSqlite);
    return found.filter((value, index) => index === 0 || compareSqlite(value, found[index - 1] ?? null) !== 0);
  }
}

function flushedUpTo(segments: readonly SegmentRef[], startsAt: Seq): Seq {
  return segments.reduce((newest, { maxSeq }) => (maxSeq > newest ? maxSeq : newest), startsAt);
}

export function sameSegments(a: readonly SegmentRef[], b: readonly SegmentRef[]): boolean {
  return a === b || (a.length === b.length && a.every(({ id }, index) => b[index]?.id === id));
}
