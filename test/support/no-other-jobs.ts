// What jobs need that a test does not ask for.
import type { JobDeps } from "../../src/jobs/jobs.ts";

const none = (): Promise<never> => Promise.reject(new Error("none of these here"));

export const NO_OTHER_JOBS: Pick<
  JobDeps,
  "backup" | "compaction" | "exports" | "cleanup" | "streams" | "logFiles" | "retentionMs"
> = {
  backup: { targetOf: (text) => text, makeBackup: none, discardBackup: () => Promise.resolve() },
  compaction: { isDue: () => false, compactScope: none },
  exports: { pathOf: none, readPage: none, files: noFiles, remove: () => undefined },
  cleanup: {
    graceMs: Number.MAX_SAFE_INTEGER,
    removeFiles: () => undefined,
    removeExports: () => undefined,
    trimmed: () => Promise.resolve(),
  },
  streams: { hasForgettable: () => false, forget: none },
  logFiles: { outdated: () => Promise.resolve([]), remove: none },
  retentionMs: Number.MAX_SAFE_INTEGER,
};

/** No table of these tests has a FILE column. */
export async function* noFiles(): AsyncGenerator<never> {
  yield* [];
}
