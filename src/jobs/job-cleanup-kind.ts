// Forgets jobs that ended longer ago than they are kept, and what they made: exports.
import { isFinished, type JobRecord } from "../model/job.ts";
import type { CatalogView, Writer } from "../storage/seams.ts";
import type { JobKind } from "./job-kind.ts";
import { measured } from "./measured.ts";

export interface JobCleanupDeps {
  readonly catalog: Pick<CatalogView, "jobs">;
  readonly writer: Pick<Writer, "submit">;
  readonly retentionMs: number;
  readonly clock: { nowMs(): number };
  /** Removes the file that the job made, if there is one. */
  readonly removeResult: (job: JobRecord) => void;
}

/** One commit; more would hold up writes. */
const ROWS_AT_ONCE = 200;

export const JOB_CLEANUP_KEY = "job_cleanup";

export function outdatedJobs(jobs: readonly JobRecord[], endedBeforeMs: number): JobRecord[] {
  return jobs.filter((job) => isFinished(job) && (job.finishedAtMs ?? job.updatedAtMs) < endedBeforeMs);
}

export function jobCleanupKind({ catalog, writer, retentionMs, clock, removeResult }: JobCleanupDeps): JobKind {
  return {
    priority: 0,
    maxRetries: 3,
    afterRestart: "resume",
    open: () => ({
      locks: [JOB_CLEANUP_KEY],
      async run(context) {
        const { signal } = context;
        const outdated = outdatedJobs(catalog.jobs(), clock.nowMs() - retentionMs);
        let done = 0;
        while (done < outdated.length && !signal.aborted) {
          const slice = outdated.slice(done, done + ROWS_AT_ONCE);
          measured(context, () => slice.forEach(removeResult));
          await writer.submit((tx) => measured(context, () => slice.forEach(({ id }) => tx.deleteJob(id))));
          done += slice.length;
          context.progress(done, outdated.length);
        }
        const message = `(${done} of ${outdated.length} jobs)`;
        if (done < outdated.length) return { kind: "interrupted", message };
        return { kind: "completed", message: `Forgot ${done} job(s)`, result: { jobs: done } };
      },
    }),
  };
}
