// Removes files of the log that are older than they are kept.
import type { JobKind } from "./job-kind.ts";

export interface LogFilesView {
  /** Names of files that are not written to any more and have been kept long enough, oldest first. */
  outdated(): Promise<readonly string[]>;
  /** Answers its size; 0 when it is gone already. */
  remove(name: string): Promise<number>;
}

export interface LogCleanupDeps {
  readonly logFiles: LogFilesView;
}

export const LOG_CLEANUP_KEY = "log_cleanup";

/** The disk does the work, so what it uses is not measured. */
export function logCleanupKind({ logFiles }: LogCleanupDeps): JobKind {
  return {
    priority: 0,
    maxRetries: 3,
    afterRestart: "resume",
    open: () => ({
      locks: [LOG_CLEANUP_KEY],
      async run(context) {
        const { signal } = context;
        const names = await logFiles.outdated();
        let [files, bytes] = [0, 0];
        for (const name of names) {
          if (signal.aborted) return { kind: "interrupted", message: `(${files} of ${names.length} files)` };
          context.progress(files, names.length);
          bytes += await logFiles.remove(name);
          files += 1;
        }
        return { kind: "completed", message: `Removed ${files} file(s) of the log`, result: { files, bytes } };
      },
    }),
  };
}
