// Which tables are due for a flush by their policy. Decides by numbers handed in; starts nothing.
import type { TableId } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";

export interface TableLoad {
  readonly table: TableSchema;
  /** Rows that wait to be flushed. */
  readonly buffered: number;
  /** A flush of it waits or runs. */
  readonly isActive: boolean;
}

interface Entry {
  /** The interval counts from here. */
  readonly sinceMs: number;
  /**
   * `sinceMs` is the time the last flush was due, so that neither late checks nor the wait for the next row add up. False: it is when the buffer was last seen
   * empty.
   */
  readonly isRhythm: boolean;
  /** Flushes that failed, one after the other. */
  readonly failures: number;
  readonly failedAtMs: number;
}

/** A flush that fails is asked for again after this, then after twice as long, so that a bad disk does not fill `system.jobs`. */
const RETRY_DELAY_MS = 10_000;
const MAX_RETRY_DELAY_MS = 600_000;

export class FlushSchedule {
  readonly #entryByTable = new Map<TableId, Entry>();

  /** Tables to flush now. Times are monotonic. */
  due(loads: readonly TableLoad[], nowMs: number): TableSchema[] {
    this.#forgetOthers(loads);
    return loads.filter((load) => this.#isDue(load, nowMs)).map(({ table }) => table);
  }

  /** When the next interval ends, for a timer; undefined when no table waits for one. */
  nextDueMs(loads: readonly TableLoad[]): number | undefined {
    let next: number | undefined;
    for (const { table, buffered, isActive } of loads) {
      const intervalMs = intervalOf(table);
      const entry = this.#entryByTable.get(table.id);
      if (intervalMs === undefined || entry === undefined || buffered === 0 || isActive || entry.failures > 0) continue;
      next = Math.min(next ?? Number.POSITIVE_INFINITY, entry.sinceMs + intervalMs);
    }
    return next;
  }

  ended(table: TableId, outcome: { readonly isFailed: boolean; readonly nowMs: number }): void {
    const entry = this.#entryByTable.get(table) ?? fresh(outcome.nowMs);
    const failures = outcome.isFailed ? entry.failures + 1 : 0;
    this.#entryByTable.set(table, { ...entry, failures, failedAtMs: outcome.nowMs });
  }

  #isDue({ table, buffered, isActive }: TableLoad, nowMs: number): boolean {
    const policy = table.options.flushPolicy;
    if (policy === undefined || isActive) return false;
    const entry = this.#entryByTable.get(table.id);
    if (entry === undefined || buffered === 0) {
      // The interval counts from the first row that waits, not from a flush that had nothing to do.
      this.#entryByTable.set(table.id, idle(entry, table, nowMs));
    }
    if (buffered === 0) return false;
    const { sinceMs, failures, failedAtMs } = entry ?? fresh(nowMs);
    if (failures > 0 && nowMs - failedAtMs < Math.min(RETRY_DELAY_MS * 2 ** (failures - 1), MAX_RETRY_DELAY_MS)) {
      return false;
    }
    const intervalMs = intervalOf(table);
    const isTime = intervalMs !== undefined && nowMs - sinceMs >= intervalMs;
    if (isTime) this.#advance(table.id, { sinceMs, intervalMs, nowMs });
    if (isTime) return true;
    if (policy.rows === undefined || buffered < policy.rows) return false;
    this.#entryByTable.set(table.id, { sinceMs: nowMs, isRhythm: true, failures, failedAtMs });
    return true;
  }

  /** To the last due time that has passed: what was missed is not made up for. */
  #advance(
    table: TableId,
    { sinceMs, intervalMs, nowMs }: { readonly sinceMs: number; readonly intervalMs: number; readonly nowMs: number },
  ): void {
    const entry = this.#entryByTable.get(table) ?? fresh(nowMs);
    const passed = Math.floor((nowMs - sinceMs) / intervalMs);
    this.#entryByTable.set(table, { ...entry, sinceMs: sinceMs + passed * intervalMs, isRhythm: true });
  }

  #forgetOthers(loads: readonly TableLoad[]): void {
    const known = new Set(loads.map(({ table }) => table.id));
    for (const id of this.#entryByTable.keys()) if (!known.has(id)) this.#entryByTable.delete(id);
  }
}

function intervalOf({ options }: TableSchema): number | undefined {
  const seconds = options.flushPolicy?.intervalSeconds;
  return seconds === undefined ? undefined : seconds * 1000;
}

function fresh(nowMs: number): Entry {
  return { sinceMs: nowMs, isRhythm: false, failures: 0, failedAtMs: nowMs };
}

/** An empty buffer ends the rhythm only at the time the next flush would have been due: a steady trickle is flushed on time. */
function idle(entry: Entry | undefined, table: TableSchema, nowMs: number): Entry {
  const intervalMs = intervalOf(table);
  const keepsRhythm = entry?.isRhythm === true && intervalMs !== undefined && nowMs - entry.sinceMs < intervalMs;
  return keepsRhythm ? { ...entry, failures: 0 } : fresh(nowMs);
}
