// Entry of the Parquet worker.
import { serveParquetWork } from "./parquet-work.ts";

declare const self: Worker;

serveParquetWork(self);
