// What a query process knows of segments is never older than the transaction that it reads in.
import { expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import { DataFile } from "../../../src/engine/query/data-file.ts";
import { createTable, write } from "../../storage/open-test-store.ts";
import { openQueryFixture } from "./query-fixture.ts";

async function openFile() {
  const fixture = openQueryFixture({ pool: { processes: 1 } });
  const { store, flusher } = fixture;
  const { writer, path } = store.current;
  const schema = await createTable(store.current, "notes", "shared");
  const target = { schema, scope: SHARED_SCOPE };
  const db = new DatabaseSync(path, { readOnly: true });
  return {
    file: new DataFile(db),
    target,
    flushRow: async (id: number): Promise<void> => {
      await writer.submit((tx) => write(tx, { table: schema, scope: SHARED_SCOPE, cells: [BigInt(id), "x"] }));
      await flusher.flushScope({ schema, scope: SHARED_SCOPE, upTo: writer.position });
    },
    drop: () => writer.submit((tx) => tx.dropTable(schema)),
    async [Symbol.asyncDispose]() {
      db.close();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

test("ST-05 segments are listed anew when anybody has committed, and not before", async () => {
  await using opened = await openFile();
  const { file, target } = opened;
  const list = () => file.inTransaction(() => file.segments(target));
  expect(list()).toEqual([]);
  for (let flushed = 1; flushed <= 3; flushed += 1) {
    await opened.flushRow(flushed);
    expect(list()).toHaveLength(flushed);
    expect(list()).toBe(list());
  }
  await opened.drop();
  expect(list).toThrow("changed");
  expect(() => file.inTransaction(() => file.segments({ ...target, isAnyVersion: true }))).toThrow("no longer exists");
});

test("ST-05 within a transaction the list stays what it was, whatever is committed meanwhile", async () => {
  await using opened = await openFile();
  const { file, target } = opened;
  await file.inLongTransaction(async () => {
    expect(file.segments(target)).toEqual([]);
    await opened.flushRow(1);
    expect(file.segments(target)).toEqual([]);
  });
  expect(file.inTransaction(() => file.segments(target))).toHaveLength(1);
});
