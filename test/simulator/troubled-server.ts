// The program of a simulated server: the server as `src/main.ts` starts it, with trouble at its seams.
import { createJsonLog } from "../../src/base/log.ts";
import { readTextIfThere } from "../../src/base/read-text-if-there.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { startServer } from "../../src/server/start.ts";
import type { ObjectStore } from "../../src/storage/objects/object-store.ts";
import { meet } from "./trouble.ts";

const loaded = loadConfig({ argv: process.argv.slice(3), env: process.env, readFile: readTextIfThere });
if (loaded.kind !== "config") throw new Error("a simulated server is there to serve");
const server = await startServer({
  config: loaded.config,
  log: createJsonLog(loaded.config.logging.level, (line) => process.stderr.write(line)),
  seams: {
    failpoint: (name) => {
      if (name === "commit" || name === "ballast") meet("full");
    },
    spawnParquetThread: () => new Worker(new URL("./troubled-parquet-worker.ts", import.meta.url)),
    objects: troubledObjects,
  },
});
process.stdout.write(`ready at ${server.url}\n`);
process.on("SIGTERM", () => {
  void server.stop().finally(() => process.exit(0));
});

function troubledObjects(objects: ObjectStore): ObjectStore {
  return {
    create: (key, options) => objects.create(key, options),
    async put(key, bytes, options) {
      meet("manifest");
      await objects.put(key, bytes, options);
    },
    open: (key) => objects.open(key),
    head: (key) => objects.head(key),
    list: (prefix) => objects.list(prefix),
    remove: (keys) => objects.remove(keys),
    removeUnfinished: (prefix, olderThanMs) => objects.removeUnfinished(prefix, olderThanMs),
  };
}
