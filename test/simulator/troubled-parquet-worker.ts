// The Parquet worker of a simulated server: its files cannot be written while there is trouble.
import { serveParquetWork } from "../../src/storage/cold/parquet-work.ts";
import { meet } from "./trouble.ts";

declare const self: Worker;

serveParquetWork(self, (work) => meet(work));
