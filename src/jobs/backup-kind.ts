// The backup of the whole database into a folder. The work is done by a process of its own, so that KILL JOB can end it wherever it is.
import type { JobContext, JobKind, JobUsage } from "./job-kind.ts";
import { textOf } from "./job-kind.ts";

export interface BackupOutcome {
  readonly files: number;
  readonly bytes: number;
  /** The `_seq` it was taken at. */
  readonly position: string;
}

export interface BackupDeps {
  /** Rejects when it fails, or with the signal's reason once the process has ended. */
  readonly makeBackup: (
    target: string,
    watch: Pick<JobContext, "signal" | "progress"> & { readonly used: (usage: JobUsage) => void },
  ) => Promise<BackupOutcome>;
  /** Removes what an unfinished backup left. */
  readonly discardBackup: (target: string) => void;
}

export function backupKey(target: string): string {
  return `backup:${target}`;
}

/** One at a time. What is not finished is removed: at once, or at the next start. */
export function backupKind({ makeBackup, discardBackup }: BackupDeps): JobKind {
  return {
    priority: 5,
    maxRetries: 0,
    afterRestart: "fail",
    abandon: (parameters) => discardBackup(textOf(parameters, "target")),
    open(parameters) {
      const target = textOf(parameters, "target");
      return {
        locks: ["backup"],
        async run(context) {
          const { files, bytes, position } = await makeBackup(target, context);
          const message = `Backed up the database to '${target}' (${files} files, ${bytes} bytes)`;
          return { kind: "completed", message, result: { target, files, bytes, position } };
        },
      };
    },
  };
}
