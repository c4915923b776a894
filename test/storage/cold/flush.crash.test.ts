import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { parseUserId, scopeOfUser } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import { removeOrphans } from "../../../src/storage/cold/orphans.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { openStore } from "../../../src/storage/store.ts";
import { temporaryFolder } from "../open-test-store.ts";

setDefaultTimeout(60_000);

const BEFORE = ["encoded", "written", "synced", "renamed", "folder-synced", "write", "commit"];
const AFTER = ["committed", "acknowledged"];

test.each([...BEFORE, ...AFTER])(
  "ST-03 a kill -9 at '%s' of a flush loses no row and duplicates none",
  async (step) => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "flush-until-killed.ts"), dataDir, step], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");

    const store = openStore({ dataDir, durability: "full", clock: systemClock, log: silentLog });
    try {
      const storageDir = join(dataDir, "storage");
      const segments = store.catalog.allSegments();
      const swept = await removeOrphans({ storageDir, segments, olderThanMs: Number.MAX_SAFE_INTEGER });
      expect(segments.length).toBe(AFTER.includes(step) ? 1 : 0);
      expect(swept.files).toBe(AFTER.includes(step) || step === "encoded" ? 0 : 1);

      const scope = scopeOfUser(parseUserId("alice"));
      const [table] = store.catalog.tables();
      if (table === undefined) throw new Error("the table is gone");
      const found: string[] = [];
      for (const segment of segments) {
        for await (const rows of readSegment({ path: join(storageDir, segment.path), schema: table, scope })) {
          found.push(...rows.map((row) => `${String(row.cells[0])} ${row.deleted}`));
        }
      }
      for (let id = 1n; id <= 50n; id += 1n) {
        const row = store.reader.get(table, scope, id);
        if (row !== undefined) found.push(`${String(row.cells[0])} ${row.deleted}`);
      }
      const expected = Array.from({ length: 50 }, (_unused, i) => `${i + 1} ${i === 49}`);
      expect(found.sort()).toEqual(expected.sort());
    } finally {
      await store.close();
    }
  },
);
