// Which job starts next: by priority, then age, never two that share a lock, at most `maxConcurrent` at once. Pure.
import type { JobRecord } from "../model/job.ts";
import type { JobWork } from "./job-kind.ts";

export interface QueuedJob {
  readonly record: Pick<JobRecord, "priority">;
  readonly work: Pick<JobWork, "locks">;
  /** `unsaved`: its row is on the way to the disk for the first time. */
  readonly phase: "unsaved" | "waiting" | "running";
  /** Monotonic. */
  readonly notBeforeMs: number;
}

interface StartRules {
  readonly nowMs: number;
  readonly maxConcurrent: number;
}

/** `active`: oldest first, those that run among them. Undefined: none may start now. */
export function nextJob<Job extends QueuedJob>(
  active: readonly Job[],
  { nowMs, maxConcurrent }: StartRules,
): Job | undefined {
  const running = active.filter(({ phase }) => phase === "running");
  if (running.length >= maxConcurrent) return undefined;
  const held = new Set(running.flatMap(({ work }) => work.locks));
  let best: Job | undefined;
  for (const job of active) {
    const mayStart =
      job.phase === "waiting" && job.notBeforeMs <= nowMs && !job.work.locks.some((lock) => held.has(lock));
    if (mayStart && (best === undefined || job.record.priority > best.record.priority)) best = job;
  }
  return best;
}

/** When the next of those that wait to be tried again may; undefined when none does. */
export function nextTryMs(active: readonly QueuedJob[], nowMs: number): number | undefined {
  const times = active.flatMap(({ phase, notBeforeMs }) =>
    phase === "waiting" && notBeforeMs > nowMs ? [notBeforeMs] : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}
