// Entry of the Parquet worker: one request at a time. A flush has a read-only connection of its own, so that no read transaction outlives its file; merges are kept
// between their steps.
import { Database } from "bun:sqlite";
import { assertNever, DbError } from "../../base/errors.ts";
import { toStorageError } from "../hot/storage-error.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import type { FlushRequest, MergeRequest, WorkerMessage, WorkerOutcome, WorkerReply } from "./flush-messages.ts";
import { ScopeMerge } from "./merge-scope.ts";
import { writeScope } from "./write-scope.ts";

declare const self: Worker;

type Merges = Map<number, ScopeMerge>;

serve(self);

function serve(thread: Worker): void {
  /** One at a time in practice: a compaction ends a merge before it begins the next. */
  const merges: Merges = new Map();
  thread.onmessage = (event: MessageEvent<WorkerMessage>) => {
    void answer(event.data, merges).then((reply) => thread.postMessage(reply));
  };
}

async function answer(message: WorkerMessage, merges: Merges): Promise<WorkerReply> {
  const before = process.threadCpuUsage();
  try {
    const outcome = await run(message, merges);
    const { user, system } = process.threadCpuUsage(before);
    return {
      id: message.id,
      kind: "done",
      outcome,
      usage: { memoryBytes: process.memoryUsage.rss(), cpuUs: user + system },
    };
  } catch (error) {
    return { id: message.id, kind: "failed", ...describe(toStorageError(error)) };
  }
}

async function run(message: WorkerMessage, merges: Merges): Promise<WorkerOutcome> {
  switch (message.kind) {
    case "flush":
      return { kind: "flushed", segment: await flush(message) };
    case "merge":
      return { kind: "merged", merged: await mergeStep(message, merges) };
    case "discard":
      await merges.get(message.merge)?.discard();
      merges.delete(message.merge);
      return { kind: "discarded" };
    default:
      return assertNever(message, "worker request");
  }
}

async function flush({ databasePath, storageDir, task }: FlushRequest): ReturnType<typeof writeScope> {
  using db = new Database(databasePath, { readonly: true });
  return await writeScope({ db, objects: openFilesystemStore(storageDir) }, task);
}

async function mergeStep({ merge: number, start }: MergeRequest, merges: Merges): ReturnType<ScopeMerge["step"]> {
  const merge = start === undefined ? merges.get(number) : openMerge(start);
  if (merge === undefined) throw new DbError("STORAGE_ERROR", "The Parquet worker was started anew during the merge");
  merges.set(number, merge);
  const merged = await merge.step();
  if (merged !== undefined) merges.delete(number);
  return merged;
}

function openMerge({ storageDir, task }: NonNullable<MergeRequest["start"]>): ScopeMerge {
  return new ScopeMerge({ objects: openFilesystemStore(storageDir) }, task);
}

function describe(error: unknown): Pick<Extract<WorkerReply, { kind: "failed" }>, "code" | "message"> {
  if (error instanceof DbError) return { code: error.code, message: error.message };
  // The buffer's table goes when its table is dropped.
  if (error instanceof Error && error.message.startsWith("no such table: hot_")) {
    return { code: "TABLE_NOT_FOUND", message: "The table was dropped while it was flushed" };
  }
  return { code: "INTERNAL_ERROR", message: error instanceof Error ? error.message : String(error) };
}
