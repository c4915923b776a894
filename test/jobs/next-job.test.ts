// Which job starts next, as a table.
import { expect, test } from "bun:test";
import { nextJob, nextTryMs, type QueuedJob } from "../../src/jobs/next-job.ts";

interface Named extends QueuedJob {
  readonly name: string;
}

function job(name: string, { priority = 0, locks = [name], ...rest }: Partial<JobOptions> = {}): Named {
  return { name, record: { priority }, work: { locks }, phase: "waiting", notBeforeMs: 0, ...rest };
}

interface JobOptions extends Pick<QueuedJob, "phase" | "notBeforeMs"> {
  readonly priority: number;
  readonly locks: readonly string[];
}

const RULES = { nowMs: 100, maxConcurrent: 2 };

test.each([
  ["the oldest of one priority", [job("a"), job("b")], "a"],
  ["the highest priority, however young", [job("a"), job("b", { priority: 1 })], "b"],
  ["one whose row is not on the disk yet does not", [job("a", { phase: "unsaved" }), job("b")], "b"],
  ["one that waits to be tried again does not", [job("a", { notBeforeMs: 101 }), job("b")], "b"],
  ["its time has come", [job("a", { notBeforeMs: 100 }), job("b")], "a"],
  [
    "a lock that a running job holds keeps it",
    [job("a", { phase: "running", locks: ["t"] }), job("b", { locks: ["u", "t"], priority: 9 }), job("c")],
    "c",
  ],
  [
    "nothing while as many run as may",
    [job("a", { phase: "running" }), job("b", { phase: "running" }), job("c")],
    undefined,
  ],
  ["nothing where there is nothing", [], undefined],
])("ST-08 of the jobs there are, %s", (_why, active, expected) => {
  expect(nextJob(active, RULES)?.name).toBe(expected);
});

test("ST-08 the alarm is for the first of those that wait to be tried again", () => {
  const jobs = [job("a", { notBeforeMs: 300 }), job("b", { notBeforeMs: 200 }), job("c", { notBeforeMs: 100 })];
  expect(nextTryMs(jobs, 100)).toBe(200);
  expect(nextTryMs([job("d"), job("e", { phase: "running", notBeforeMs: 500 })], 100)).toBeUndefined();
});
