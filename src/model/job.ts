// A background job as its row has it. `system.jobs` shows these; specs/jobs.md has the states.

/** Every type of job, and what its ids begin with. */
export const JOB_PREFIXES = {
  flush: "FL",
  backup: "BK",
  compact: "CO",
  user_export: "UE",
  user_cleanup: "UC",
  job_cleanup: "JC",
  log_cleanup: "LC",
  stream_eviction: "SE",
} as const;

export type JobType = keyof typeof JOB_PREFIXES;

export const JOB_TYPES: readonly JobType[] = Object.keys(JOB_PREFIXES).filter(
  (name): name is JobType => name in JOB_PREFIXES,
);

export const JOB_STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export interface JobRecord {
  readonly id: string;
  readonly type: JobType;
  readonly status: JobStatus;
  /** JSON. */
  readonly parameters: string;
  /** JSON; of a completed job. */
  readonly result: string | undefined;
  /** Of a job that waits to be tried again, why; of one that ended, how. */
  readonly message: string | undefined;
  readonly trace: string | undefined;
  /** From 0 to 1; undefined while nothing is known of the amount of work. */
  readonly progress: number | undefined;
  /** Of the unfinished jobs, at most one has a key. */
  readonly key: string | undefined;
  /** Jobs of a higher one are started first. */
  readonly priority: number;
  /** Times it was started again after a failure or a crash. */
  readonly retries: number;
  readonly maxRetries: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Of the first attempt. */
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  /** Bytes at the peak and µs of CPU time, measured where the work is done. Undefined where nothing was. */
  readonly memoryUsed: number | undefined;
  readonly cpuUsed: number | undefined;
}

export function isFinished({ status }: Pick<JobRecord, "status">): boolean {
  return status !== "pending" && status !== "running";
}
