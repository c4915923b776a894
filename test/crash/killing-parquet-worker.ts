// The Parquet worker of a server that ends itself at a step of its files.
import { serveParquetWork } from "../../src/storage/cold/parquet-work.ts";
import { killer } from "./kill-plan.ts";

declare const self: Worker;

const reached = killer();
serveParquetWork(self, (work, step) => reached(`${work} ${step}`));
