// Entry of the checkpoint thread: folds what it can of a log into its data file, and syncs both, without holding up the writer or waiting for a reader; or makes room for the log.
import { Database } from "bun:sqlite";
import type { LogReply, LogRequest, LogTask } from "./checkpoint-thread.ts";
import { makeLogRoom } from "./log-room.ts";

declare const self: Worker;

const TASKS: Record<LogTask, (path: string) => void> = { fold, makeRoom: (path) => makeLogRoom(path) };

self.onmessage = ({ data }: MessageEvent<LogRequest>) => {
  self.postMessage(answer(data));
};

function answer({ task, path }: LogRequest): LogReply {
  try {
    TASKS[task](path);
    return { failure: undefined };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

/** A connection for each time: none is left open when the store closes, which would keep its log from being removed. */
function fold(path: string): void {
  using db = new Database(path, { readwrite: true, create: false });
  db.run("PRAGMA busy_timeout = 0");
  using statement = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  statement.values();
}
