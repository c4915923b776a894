// The program that makes backups, from both sides: this process starts it and listens; in it, one request is served. It is a process because VACUUM INTO cannot
// be interrupted otherwise, and because its memory and CPU time can then be told from the server's.
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { DbError, type ErrorCode } from "../base/errors.ts";
import { errorText } from "../base/log.ts";
import type { BackupDeps, BackupOutcome } from "../jobs/backup-kind.ts";
import { isStoredBackup } from "../storage/backup/backup-target.ts";
import { type BackupRequest, backupWorkFolder, makeBackup } from "../storage/backup/make-backup.ts";
import { toStorageError } from "../storage/hot/storage-error.ts";
import type { StorageLocations } from "../storage/objects/routed-store.ts";

type BackupReply =
  /** Resident bytes of the process at their peak until now; what the system says after its end holds the peak of the process that started it, too. */
  | { readonly kind: "memory"; readonly bytes: number }
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "done"; readonly outcome: BackupOutcome }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** In the process itself. It ends with its parent: without somebody who keeps the files, what it copies may go. */
export function serveBackup(): void {
  process.on("disconnect", () => process.exit(1));
  process.once("message", (request: BackupRequest) => {
    const reply = (message: BackupReply): void => {
      process.send?.(message);
    };
    const tellMemory = (): void => reply({ kind: "memory", bytes: peakMemoryBytes() });
    const progress = (done: number, total: number): void => {
      tellMemory();
      reply({ kind: "progress", done, total });
    };
    tellMemory();
    makeBackup(request, progress)
      .finally(tellMemory)
      .then((outcome) => reply({ kind: "done", outcome }))
      .catch((error: unknown) => {
        const failure = toStorageError(error);
        const code = failure instanceof DbError ? failure.code : "INTERNAL_ERROR";
        reply({ kind: "failed", code, message: failure instanceof DbError ? failure.message : errorText(failure) });
      })
      // After what was sent has left.
      .finally(() => setTimeout(() => process.exit(0), 0));
  });
}

/** Of this process alone, as Linux counts it; elsewhere what it is now. */
function peakMemoryBytes(): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (peak !== undefined) return Number(peak) * 1024;
  } catch {
    // No such file: another system.
  }
  return process.memoryUsage.rss();
}

export interface BackupProcessOptions {
  /** Starts this program so that it calls `serveBackup`. */
  readonly command: readonly string[];
  readonly dataDir: string;
  readonly databasePath: string;
  readonly nowMs: () => number;
  /** Where the files of segments lie, and the backup if it is made in a storage. */
  readonly storages: () => Promise<StorageLocations>;
  /** Resolves when a place in a storage may be written to. */
  readonly ready: (target: string) => Promise<void>;
  /** Keeps the files of segments; the answer gives them up. */
  readonly holdFiles: () => () => void;
}

export function createBackupProcess(options: BackupProcessOptions): BackupDeps["makeBackup"] {
  return async (target, context) => {
    const { jobId, signal } = context;
    const { dataDir, databasePath, nowMs } = options;
    if (isStoredBackup(target)) await options.ready(target);
    const storages = await options.storages();
    signal.throwIfAborted();
    const release = options.holdFiles();
    const answer = Promise.withResolvers<BackupOutcome>();
    let memoryBytes = 0;
    const child = Bun.spawn([...options.command], {
      stdio: ["ignore", "ignore", "ignore"],
      env: {},
      serialization: "advanced",
      ipc: (message: BackupReply) => {
        if (message.kind === "memory") memoryBytes = Math.max(memoryBytes, message.bytes);
        else if (message.kind === "progress") context.progress(message.done, message.total);
        else if (message.kind === "done") answer.resolve(message.outcome);
        else answer.reject(new DbError(message.code, message.message));
      },
      onExit: (_child, exitCode, killedBy) => {
        const how = killedBy === null ? `exit ${exitCode}` : `signal ${killedBy}`;
        answer.reject(new DbError("STORAGE_ERROR", `The backup process ended early (${how})`));
      },
    });
    const kill = (): void => child.kill("SIGKILL");
    signal.addEventListener("abort", kill, { once: true });
    try {
      const request: BackupRequest = { owner: jobId, dataDir, databasePath, target, storages, nowMs: nowMs() };
      child.send(request);
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", kill);
      child.kill("SIGKILL");
      await child.exited;
      release();
      // Left by a process that was killed. What cannot be removed now goes at the next start.
      await rm(backupWorkFolder(dataDir, jobId), { recursive: true, force: true }).catch(() => undefined);
      const usage = child.resourceUsage();
      if (usage !== undefined) context.used({ memoryBytes, cpuUs: Number(usage.cpuTime.total) });
    }
  };
}
