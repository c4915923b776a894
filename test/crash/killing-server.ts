// A whole server that ends itself with SIGKILL at the step its environment names. Argument: a free port. Prints `ready`.
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import { startServer } from "../../src/server/start.ts";
import type { ObjectStore } from "../../src/storage/objects/object-store.ts";
import { clockOffsetMs, killer } from "./kill-plan.ts";
import { crashSettings } from "./kill-settings.ts";

const folder = process.env["CRASH_FOLDER"] ?? "";
const reached = killer();

function killingObjects(objects: ObjectStore): ObjectStore {
  const around = async (step: string, work: () => Promise<void>): Promise<void> => {
    reached(`before ${step}`);
    await work();
    reached(`after ${step}`);
  };
  return {
    create: (key, options) => objects.create(key, options),
    put: (key, bytes, options) => around("manifest", () => objects.put(key, bytes, options)),
    open: (key) => objects.open(key),
    head: (key) => objects.head(key),
    list: (prefix) => objects.list(prefix),
    remove: (keys) => around("removal", () => objects.remove(keys)),
    removeUnfinished: (prefix, olderThanMs) => objects.removeUnfinished(prefix, olderThanMs),
  };
}

await startServer({
  config: configOf(crashSettings(folder, Number(process.argv[2]))),
  log: silentLog,
  clock: {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs() + clockOffsetMs(folder),
  },
  seams: {
    failpoint: (name) => reached(`writer ${name}`),
    spawnParquetThread: () => new Worker(new URL("./killing-parquet-worker.ts", import.meta.url)),
    objects: killingObjects,
    fileStep: (step) => reached(`file ${step}`),
  },
});
writeSync(1, "ready\n");
