// A Parquet worker whose merges fail at the step that its environment names, as a disk would.
import { serveParquetWork } from "../../../src/storage/cold/parquet-work.ts";

declare const self: Worker;

const { FAIL_STEP: failing, FAIL_CODE: code } = process.env;
serveParquetWork(self, (work, step) => {
  if (work === "merge" && step === failing) throw Object.assign(new Error(`the disk says ${code}`), { code });
});
