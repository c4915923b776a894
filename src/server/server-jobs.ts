// The jobs of a server, over its storage.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { CompactDeps } from "../jobs/compact-kind.ts";
import { createJobs, type Jobs } from "../jobs/jobs.ts";
import type { LogFilesView } from "../jobs/log-cleanup-kind.ts";
import { LOCAL_STORAGE } from "../model/storage.ts";
import { backupFolder, discardFolder } from "../storage/backup/backup-folder.ts";
import { discardStored, isStoredBackup, storedBackup } from "../storage/backup/backup-target.ts";
import type { DroppedFiles } from "../storage/cold/dropped-files.ts";
import type { Flusher } from "../storage/cold/flush.ts";
import type { RetiredFiles } from "../storage/cold/retired-files.ts";
import type { Store } from "../storage/store.ts";
import { createBackupProcess } from "./backup-process.ts";
import type { ExportFiles } from "./export-files.ts";
import type { ServerStorages } from "./storages.ts";

const MAX_QUEUED_JOBS = 1_000;
const DAY_MS = 86_400_000;

export interface ServerJobsInput {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly dataDir: string;
  readonly exports: ExportFiles;
  readonly logFiles: LogFilesView;
  /** Starts the program that makes backups. */
  readonly backupCommand: readonly string[];
  readonly storages: Pick<ServerStorages, "objects" | "places" | "describe">;
  readonly flusher: Flusher;
  readonly droppedFiles: DroppedFiles;
  readonly retired: RetiredFiles;
  readonly compaction: CompactDeps["compaction"];
}

export function createServerJobs(input: ServerJobsInput): Jobs {
  const { config, clock, log, store, flusher, droppedFiles, compaction } = input;
  const { objects, places, describe } = input.storages;
  const { catalog, writer } = store;
  return createJobs({
    clock,
    log,
    catalog,
    writer,
    compaction,
    maxQueued: MAX_QUEUED_JOBS,
    maxConcurrent: config.jobs.maxConcurrent,
    backup: {
      targetOf: (text, storage) => backupTarget(input, text, storage),
      makeBackup: createBackupProcess({
        command: input.backupCommand,
        dataDir: input.dataDir,
        databasePath: store.path,
        nowMs: () => clock.nowMs(),
        storages: () => places.locations(),
        ready: (target) => places.ready(target),
        holdFiles: () => objects.hold(),
      }),
      discardBackup: async (target, jobId) =>
        isStoredBackup(target) ? discardStored(objects, target, jobId) : discardFolder(target, jobId),
    },
    exports: input.exports.deps,
    streams: store.streams,
    logFiles: input.logFiles,
    cleanup: {
      graceMs: config.userManagement.deletionGracePeriodDays * DAY_MS,
      removeFiles: (segments) => input.retired.retire(segments),
      removeExports: input.exports.removeAll,
      trimmed: () => store.trimmed(),
    },
    retentionMs: config.jobs.retentionDays * DAY_MS,
    flushScope: async (request) => {
      const { schema, scope } = request;
      const flushed = await flusher.flushScope(request).finally(() => {
        // Dropped while a file of it was being written.
        if (catalog.tableById(schema.id) === undefined) droppedFiles.remove(schema);
      });
      if (flushed.segments.length > 0) await describe(schema, scope);
      return flushed;
    },
  });
}

function backupTarget({ dataDir, store }: ServerJobsInput, text: string, storage: string | undefined): string {
  if (storage === undefined) return backupFolder(dataDir, text);
  if (store.catalog.storage(storage) === undefined) {
    throw new DbError("NOT_FOUND", `Storage '${storage}' does not exist`);
  }
  if (storage === LOCAL_STORAGE) {
    throw new DbError("INVALID_INPUT", "A backup does not lie among the files it is a backup of", {
      hint: "BACKUP DATABASE TO 'name' makes a folder in the data folder's backups.",
    });
  }
  return storedBackup(storage, text);
}
