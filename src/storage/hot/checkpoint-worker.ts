// Entry of the checkpoint thread: folds what it can of a log into its data file, and syncs both, without holding up the writer or waiting for a reader.
import { Database } from "bun:sqlite";
import type { FoldReply, FoldRequest } from "./checkpoint-thread.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<FoldRequest>) => {
  self.postMessage(fold(data.path));
};

/** A connection for each time: none is left open when the store closes, which would keep its log from being removed. */
function fold(path: string): FoldReply {
  try {
    using db = new Database(path, { readwrite: true, create: false });
    db.run("PRAGMA busy_timeout = 0");
    using statement = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    statement.values();
    return { failure: undefined };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
