// The decisions of flush policies, by numbers alone.
import { expect, test } from "bun:test";
import { tableIdOf } from "../../src/base/ids.ts";
import { FlushSchedule, type TableLoad } from "../../src/jobs/flush-schedule.ts";
import type { TableOptions } from "../../src/model/schema.ts";
import { definition } from "../storage/open-test-store.ts";

function load(flushPolicy: TableOptions["flushPolicy"], buffered: number, isActive = false): TableLoad {
  const base = definition("t");
  const times = { version: 1, createdAtMs: 0, updatedAtMs: 0 };
  return {
    table: { ...base, ...times, id: tableIdOf(1), options: { ...base.options, flushPolicy } },
    buffered,
    isActive,
  };
}

const EVERY_10_S = { rows: undefined, intervalSeconds: 10 };

test("ST-02 due times of a steady trickle keep to the interval, however late each check and each flush is", () => {
  const schedule = new FlushSchedule();
  schedule.due([load(EVERY_10_S, 0)], 0);
  const flushes: number[] = [];
  let buffered = 0;
  let busyUntilMs = 0;
  // A row every 3 s, checks 1.3 s apart, and a flush that takes 2.6 s.
  for (let nowMs = 0; nowMs <= 1_000_000; nowMs += 1_300) {
    buffered += Math.floor(nowMs / 3_000) > Math.floor((nowMs - 1_300) / 3_000) ? 1 : 0;
    const isActive = nowMs < busyUntilMs;
    if (schedule.due([load(EVERY_10_S, buffered, isActive)], nowMs).length === 0) continue;
    flushes.push(nowMs);
    buffered = 0;
    busyUntilMs = nowMs + 2_600;
    schedule.ended(tableIdOf(1), { isFailed: false, nowMs: busyUntilMs });
  }
  const [first = 0] = flushes;
  const period = ((flushes.at(-1) ?? 0) - first) / (flushes.length - 1);
  expect(Math.abs(period - 10_000)).toBeLessThan(10_000 * 0.05);
  for (const [index, at] of flushes.entries()) expect(at - first - index * 10_000).toBeLessThan(1_300);
});

test("ST-02 a due time that nobody looked at is not made up for", () => {
  const schedule = new FlushSchedule();
  schedule.due([load(EVERY_10_S, 0)], 0);
  expect(schedule.due([load(EVERY_10_S, 1)], 45_000)).toHaveLength(1);
  expect(schedule.due([load(EVERY_10_S, 1)], 46_000)).toHaveLength(0);
  expect(schedule.due([load(EVERY_10_S, 1)], 50_000)).toHaveLength(1);
});

test("ST-02 the time of the next interval's end is known to the timer, and of tables without one it is not", () => {
  const schedule = new FlushSchedule();
  const waiting = [load(EVERY_10_S, 1)];
  schedule.due(waiting, 2_000);
  expect(schedule.nextDueMs(waiting)).toBe(12_000);
  expect(schedule.nextDueMs([load(EVERY_10_S, 0)])).toBeUndefined();
  expect(schedule.nextDueMs([load(EVERY_10_S, 1, true)])).toBeUndefined();
  expect(schedule.nextDueMs([load({ rows: 5, intervalSeconds: undefined }, 1)])).toBeUndefined();
});
