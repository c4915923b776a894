// What a kind of job is to the runner: how its work is opened from the parameters in its row, what may not run beside it, and what becomes of it after a crash.
import type { JobType } from "../model/job.ts";

/** Values that JSON keeps as they are. */
export type JobValues = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface JobUsage {
  /** At the peak. */
  readonly memoryBytes: number;
  readonly cpuUs: number;
}

export interface JobContext {
  readonly jobId: string;
  /** Aborted by KILL JOB, by a stop of the server that has waited long enough, and by nothing else. */
  readonly signal: AbortSignal;
  /** What is done, of how much in all. Cheap to call: the row follows once a second. */
  progress(done: number, total: number): void;
  /** Adds CPU time and raises the peak of memory. */
  used(usage: JobUsage): void;
}

export type JobEnd =
  | { readonly kind: "completed"; readonly message: string; readonly result?: JobValues }
  /** The signal was obeyed; the message says what was done before. */
  | { readonly kind: "interrupted"; readonly message: string };

export interface JobWork {
  /** Jobs that have a lock in common run one after the other. */
  readonly locks: readonly string[];
  /** Rejects when it fails: with `JobFailure` to say more than one thing, or with the signal's reason when it was aborted. */
  run(context: JobContext): Promise<JobEnd>;
}

export interface JobKind {
  readonly priority: number;
  /** Attempts after the first: after failures that may pass, and after crashes. */
  readonly maxRetries: number;
  /** Of a job that a crash or a stop interrupted. Waiting jobs are kept in any case. */
  readonly afterRestart: "resume" | "fail";
  /** Clears away what an attempt left that did not end well; called at the end of such a job, and at the start for one that a crash ended. */
  readonly abandon?: (parameters: JobValues, jobId: string) => Promise<void> | void;
  /** Throws when the parameters make no sense any more. */
  open(parameters: JobValues): JobWork;
}

export type JobKinds = Readonly<Record<JobType, JobKind>>;

/** A failure of a part of the work, or of several. */
export class JobFailure extends Error {
  override readonly name = "JobFailure";
  readonly trace: string;
  /** Whether the same work may succeed later. */
  readonly isRetryable: boolean;

  constructor(message: string, details: { readonly trace: string; readonly isRetryable: boolean }) {
    super(message);
    this.trace = details.trace;
    this.isRetryable = details.isRetryable;
  }
}

export function parseJobValues(text: string): JobValues {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("the job's parameters are not an object");
  // Each kind checks the fields it reads.
  return value as JobValues;
}

/** A field of a job's parameters. Throws when it is missing: the row was written by another version, or by hand. */
export function textOf(parameters: JobValues, name: string): string {
  const value = parameters[name];
  if (typeof value === "string") return value;
  throw new Error(`the job's parameters have no text ${JSON.stringify(name)}`);
}

export function numberOf(parameters: JobValues, name: string): number {
  const value = parameters[name];
  if (typeof value === "number") return value;
  throw new Error(`the job's parameters have no number ${JSON.stringify(name)}`);
}
