// The backup of the whole database into a folder or a storage. The work is done by a process of its own, so that KILL JOB can end it wherever it is.
import { type JobContext, type JobKind, textOf } from "./job-kind.ts";

export interface BackupOutcome {
  readonly files: number;
  readonly bytes: number;
  /** The `_seq` it was taken at. */
  readonly position: string;
}

export interface BackupDeps {
  /** The folder that a statement's text means, or the place in the storage named. Throws INVALID_INPUT for one that may not be written to. */
  readonly targetOf: (text: string, storage?: string) => string;
  /** Rejects when it fails, or with the signal's reason once the process has ended. */
  readonly makeBackup: (target: string, context: JobContext) => Promise<BackupOutcome>;
  /** Removes what this job left of an unfinished backup. */
  readonly discardBackup: (target: string, jobId: string) => Promise<void>;
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
    abandon: (parameters, jobId) => discardBackup(textOf(parameters, "target"), jobId),
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
