// Writes rows, flushes them and ends itself with SIGKILL at the step named by the second argument; `trimming-n` is before the n-th work that removes the flushed rows.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { localPlaces } from "../../../src/storage/cold/places.ts";
import { segmentTag } from "../../../src/storage/cold/segment-paths.ts";
import { writeScope } from "../../../src/storage/cold/write-scope.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { openStore } from "../../../src/storage/store.ts";
import { ALICE, createTable, write } from "../open-test-store.ts";

const [dataDir = "", step = ""] = process.argv.slice(2);
let isArmed = false;
let isTrimming = false;
let works = 0;

function reached(name: string): void {
  if (isArmed && name === step) process.kill(process.pid, "SIGKILL");
  if (!isTrimming || name !== "begin") return;
  works += 1;
  reached(`trimming-${works}`);
}

const store = openStore({ dataDir, durability: "full", clock: systemClock, log: silentLog, failpoint: reached });
const table = await createTable(store, "notes");
await store.writer.submit((tx) => {
  for (let id = 1n; id <= 2_000n; id += 1n)
    write(tx, { table, scope: ALICE, cells: [id, `note ${id}`], deleted: id === 2_000n });
});
isArmed = true;
const objects = openFilesystemStore(join(dataDir, "storage"));
using db = new Database(store.path, { readonly: true });
const limits = { buffered: 2_000, maxRows: 5_000, maxBytes: 1e9, nowMs: 0, tag: segmentTag() };
const folder = localPlaces("").folderOf(table, ALICE);
const task = { schema: table, scope: ALICE, folder, upTo: store.writer.position, ...limits };
const { segment } = await writeScope({ db, objects, failpoint: reached }, task);
if (segment !== undefined) await store.writer.submit((tx) => tx.commitSegment(segment));
reached("acknowledged");
isTrimming = true;
await store.trimmed();
reached("trimmed");
