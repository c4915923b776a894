// Entry of the Parquet worker.
import { lowerPriority } from "../../base/low-priority.ts";
import { serveParquetWork } from "./parquet-work.ts";

declare const self: Worker;

// Writers and watchers wait for the main thread; nobody waits for a file.
lowerPriority();
serveParquetWork(self);
