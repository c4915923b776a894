// What a job used whose work is done on the main thread, between everybody else's: CPU time of the thread while the job's own steps run, and resident memory of the
// process at the end of each.
import type { Slices } from "../storage/seams.ts";
import type { JobContext } from "./job-kind.ts";

/** Runs one synchronous step. */
export function measured<T>({ used }: Pick<JobContext, "used">, step: () => T): T {
  const before = process.threadCpuUsage();
  try {
    return step();
  } finally {
    const { user, system } = process.threadCpuUsage(before);
    used({ memoryBytes: process.memoryUsage.rss(), cpuUs: user + system });
  }
}

/** Each slice of a large work as a step. */
export function* measuredSlices<T>(context: Pick<JobContext, "used">, slices: Slices<T>): Slices<T> {
  for (;;) {
    const step = measured(context, () => slices.next());
    if (step.done === true) return step.value;
    yield;
  }
}
