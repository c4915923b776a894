// Which rows of STREAM tables have come to their end. Versions are noted when they are committed and end in the same order, so the due ones are always at the
// front of a queue; a version that was replaced meanwhile is skipped when its turn comes.
import type { Seq, TableId } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { ExpiredRow } from "../seams.ts";
import { isExpired } from "./stream-limits.ts";
import type { StreamChange, StreamRows } from "./stream-rows.ts";

interface Noted extends ExpiredRow {
  readonly deleted: boolean;
}

export interface DueRows {
  readonly rows: readonly ExpiredRow[];
  /** Call when they have ended: takes them off the queue. */
  readonly done: () => void;
}

export interface DueLimits {
  readonly nowMs: number;
  readonly limit: number;
}

/** Entries of replaced versions are swept when they outnumber the rows by this much. */
const SPARE_ENTRIES = 1_024;

/** They are still at the front, but a sweep may have taken some of them already. */
function takeOff(queue: Noted[], done: ReadonlySet<Noted>): void {
  const firstKept = queue.findIndex((noted) => !done.has(noted));
  queue.splice(0, firstKept < 0 ? queue.length : firstKept);
}

export class StreamExpiry {
  readonly #committed: StreamRows;
  /** By table: live rows, then tombstones, which stay for another time. */
  readonly #queues = new Map<TableId, readonly [Noted[], Noted[]]>();

  constructor(committed: StreamRows) {
    this.#committed = committed;
  }

  /** After the change was published. */
  note(change: StreamChange): void {
    const { table } = change;
    if (change.kind === "table") {
      this.#queues.delete(table);
      return;
    }
    if (change.kind === "floor" || change.row === undefined) return;
    const { seq, deleted } = change.row.version;
    const queues = this.#queues.get(table) ?? [[], []];
    this.#queues.set(table, queues);
    const queue = queues[deleted ? 1 : 0];
    queue.push({ scope: change.scope, key: change.key, seq, deleted });
    if (queue.length > 2 * this.#committed.rowCount(table) + SPARE_ENTRIES) this.#sweep(table, queue);
  }

  #sweep(table: TableId, queue: Noted[]): void {
    const current = (noted: Noted): Seq | undefined => this.#committed.get(table, noted.scope, noted.key)?.version.seq;
    const kept = queue.filter((noted) => current(noted) === noted.seq);
    queue.splice(0, queue.length, ...kept);
  }

  /** At most `limit` rows of a table whose time has come, either live ones or tombstones; undefined when there is none. */
  due(table: TableSchema, what: "live" | "ended", { nowMs, limit }: DueLimits): DueRows | undefined {
    const queue = this.#queues.get(table.id)?.[what === "live" ? 0 : 1];
    const [first] = queue ?? [];
    if (queue === undefined || first === undefined || !isExpired(table, first, nowMs)) return undefined;
    // No more is looked at than is answered: after a restart all of a large table may be due.
    const front = queue.slice(0, limit);
    const firstKept = front.findIndex((noted) => !isExpired(table, noted, nowMs));
    const rows = firstKept < 0 ? front : front.slice(0, firstKept);
    return { rows, done: () => takeOff(queue, new Set(rows)) };
  }
}
