import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { parseUserId, scopeOfUser } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import { removeOrphans } from "../../../src/storage/cold/orphans.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { segmentTag } from "../../../src/storage/cold/segment-paths.ts";
import { writeScope } from "../../../src/storage/cold/write-scope.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { openStore } from "../../../src/storage/store.ts";
import { temporaryFolder } from "../open-test-store.ts";

const ROWS = 2_000;
const BEFORE = ["encoded", "written", "synced", "renamed", "folder-synced", "write", "commit"];
const AFTER = ["committed", "acknowledged", "trimming-1", "trimming-2", "trimming-3", "trimmed"];

function physicalRows(path: string): number {
  using db = new Database(path, { readonly: true });
  using statement = db.prepare<{ rows: number }, []>("SELECT count(*) AS rows FROM hot_1");
  return statement.get()?.rows ?? 0;
}

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

    const isCommitted = AFTER.includes(step);
    const store = openStore({ dataDir, durability: "full", clock: systemClock, log: silentLog });
    try {
      const objects = openFilesystemStore(join(dataDir, "storage"));
      const segments = store.catalog.allSegments();
      const swept = await removeOrphans({ objects, segments, olderThanMs: Number.MAX_SAFE_INTEGER });
      expect(segments.length).toBe(isCommitted ? 1 : 0);
      expect(swept.files).toBe(isCommitted || step === "encoded" ? 0 : 1);

      const scope = scopeOfUser(parseUserId("alice"));
      const [table] = store.catalog.tables();
      if (table === undefined) throw new Error("the table is gone");
      const found: string[] = [];
      for (const segment of segments) {
        for await (const rows of readSegment({ objects, path: segment.path, schema: table, scope })) {
          found.push(...rows.map((row) => `${String(row.cells[0])} ${row.deleted}`));
        }
      }
      for (let id = 1n; id <= ROWS; id += 1n) {
        const row = store.reader.get(table, scope, id);
        if (row !== undefined) found.push(`${String(row.cells[0])} ${row.deleted}`);
      }
      const expected = Array.from({ length: ROWS }, (_unused, i) => `${i + 1} ${i === ROWS - 1}`);
      expect(found.sort()).toEqual(expected.sort());

      // What the kill left to be removed is neither counted nor flushed again, and is removed.
      const buffered = isCommitted ? 0 : ROWS;
      expect(store.writer.bufferedRows(table.id)).toBe(buffered);
      expect(store.writer.bufferedScopes(table.id)).toEqual(isCommitted ? [] : [scope]);
      if (isCommitted) {
        using db = new Database(store.path, { readonly: true });
        const limits = { buffered, maxRows: 10, maxBytes: 1e9, nowMs: 0, tag: segmentTag() };
        const task = { schema: table, scope, folder: "unused", upTo: store.writer.position, ...limits };
        expect(await writeScope({ db, objects }, task)).toEqual({ segment: undefined, hasMore: false });
      }
      await store.trimmed();
      expect(physicalRows(store.path)).toBe(buffered);
    } finally {
      await store.close();
    }
  },
);
