// What a job used whose work is done on the main thread, between everybody else's: CPU time of the thread while the job's own steps run, and resident memory of the
// process at the end of each.
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
