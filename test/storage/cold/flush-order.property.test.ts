// Which rows go into the files of a scope, however they are found: all of them once, and in each file no version younger than one that is left.
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import { createFlusher } from "../../../src/storage/cold/flush.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { ALICE, BOB, createTable, openTestStore, write } from "../open-test-store.ts";

const row = fc.record({
  key: fc.nat({ max: 40 }),
  length: fc.oneof(fc.nat({ max: 10 }), fc.integer({ min: 200, max: 1_000 })),
  deleted: fc.boolean(),
});

test("ST-02 a flush writes every version up to its position once, the oldest first, whether or not they fit into one file", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        kind: fc.constantFrom("user" as const, "shared" as const),
        rows: fc.array(row, { minLength: 1, maxLength: 30 }),
        later: fc.array(row, { maxLength: 5 }),
        segmentRows: fc.constantFrom(1, 3, 10, 50),
        segmentBytes: fc.constantFrom(100, 2_000, 1_000_000),
      }),
      async ({ kind, rows, later, segmentRows, segmentBytes }) => {
        await using store = openTestStore();
        const { writer, path, catalog } = store.current;
        const storageDir = join(store.dataDir, "storage");
        const objects = openFilesystemStore(storageDir);
        const limits = { segmentRows, segmentBytes };
        const flusher = createFlusher({ databasePath: path, storageDir, writer, clock: store.clock, ...limits });
        const schema = await createTable(store.current, "notes", kind);
        const scope = kind === "user" ? ALICE : SHARED_SCOPE;
        const newest = new Map<number, RowVersion>();
        const put = (some: typeof rows, note: (key: number, version: RowVersion) => void) =>
          writer.submit((tx) => {
            for (const { key, length, deleted } of some) {
              const cells = [BigInt(key), "x".repeat(length)];
              note(key, write(tx, { table: schema, scope, cells, deleted }));
            }
          });
        await put(rows, (key, version) => newest.set(key, version));
        if (kind === "user") await writer.submit((tx) => write(tx, { table: schema, scope: BOB, cells: [1n, "his"] }));
        const upTo = writer.position;
        await put(later, (key) => newest.delete(key));
        const { segments } = await flusher.flushScope({ schema, scope, upTo });
        const found: RowVersion[] = [];
        let before = 0n;
        for (const { path: key, rows: expectedRows, minSeq, maxSeq } of segments) {
          const source = { objects, path: key, schema, scope, expectedRows };
          const inFile = (await Array.fromAsync(readSegment(source))).flat();
          const seqs = inFile.map(({ seq }) => seq).sort((a, b) => (a < b ? -1 : 1));
          expect(seqs[0]).toBe(minSeq);
          expect(seqs.at(-1)).toBe(maxSeq);
          expect(minSeq > before).toBe(true);
          expect(inFile.length).toBeLessThanOrEqual(segmentRows);
          before = maxSeq;
          found.push(...inFile);
        }
        const bySeq = (a: RowVersion, b: RowVersion): number => (a.seq < b.seq ? -1 : 1);
        expect(found.sort(bySeq)).toEqual([...newest.values()].sort(bySeq));
        expect(writer.bufferedRows(schema.id, scope)).toBe(new Set(later.map(({ key }) => key)).size);
        expect(catalog.segments(schema.id, scope)).toHaveLength(segments.length);
        flusher.close();
      },
    ),
    { numRuns: 60 },
  );
});
