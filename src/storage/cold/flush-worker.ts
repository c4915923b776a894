// Entry of the flush worker: one task at a time, a read-only connection each, so that no read transaction outlives its file.
import { Database } from "bun:sqlite";
import { DbError } from "../../base/errors.ts";
import { toStorageError } from "../hot/storage-error.ts";
import { openFilesystemStore } from "../objects/filesystem-store.ts";
import type { FlushReply, FlushRequest } from "./flush-messages.ts";
import { writeScope } from "./write-scope.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<FlushRequest>) => {
  void answer(event.data).then((reply) => self.postMessage(reply));
};

async function answer(request: FlushRequest): Promise<FlushReply> {
  const before = process.threadCpuUsage();
  try {
    using db = new Database(request.databasePath, { readonly: true });
    const objects = openFilesystemStore(request.storageDir);
    const segment = await writeScope({ db, objects }, request.task);
    const { user, system } = process.threadCpuUsage(before);
    const usage = { memoryBytes: process.memoryUsage.rss(), cpuUs: user + system };
    return { id: request.id, kind: "done", segment, usage };
  } catch (error) {
    return { id: request.id, kind: "failed", ...describe(toStorageError(error)) };
  }
}

function describe(error: unknown): Pick<Extract<FlushReply, { kind: "failed" }>, "code" | "message"> {
  if (error instanceof DbError) return { code: error.code, message: error.message };
  // The buffer's table goes when its table is dropped.
  if (error instanceof Error && error.message.startsWith("no such table: hot_")) {
    return { code: "TABLE_NOT_FOUND", message: "The table was dropped while it was flushed" };
  }
  return { code: "INTERNAL_ERROR", message: error instanceof Error ? error.message : String(error) };
}
