// A work in slices: the loop turns between them, everybody else waits in order, and of all slices everything is there or nothing. The clock stands still but for the
// slices themselves, so each of them fills its turn.
import { describe, expect, test } from "bun:test";
import { WorkTurns } from "../../src/storage/hot/work-turns.ts";
import type { CommitEvent, Slices, WriteTx } from "../../src/storage/seams.ts";
import { ALICE, createTable, failureOf, openTestStore, type TestStore, testClock, write } from "./open-test-store.ts";

const SLICES = 5;

type Table = Awaited<ReturnType<typeof createTable>>;

interface Sliced {
  readonly store: TestStore;
  readonly table: Table;
  readonly firstKey?: bigint;
  readonly failsAt?: number;
  readonly begun?: string[];
}

/** Writes one row a slice. */
function inSlices({ store, table, firstKey = 0n, failsAt, begun }: Sliced): (tx: WriteTx) => Slices<number> {
  return function* (tx) {
    begun?.push("large");
    for (let slice = 0; slice < SLICES; slice += 1) {
      if (slice === failsAt) throw new Error("in the middle");
      write(tx, { table, scope: ALICE, cells: [firstKey + BigInt(slice), "x"] });
      store.clock.monotonic += 100;
      yield;
    }
    return SLICES;
  };
}

/** Turns of the loop until the promise is settled. */
async function turnsUntil(done: Promise<unknown>): Promise<number> {
  let isSettled = false;
  const settled = done.then(
    () => {
      isSettled = true;
    },
    () => {
      isSettled = true;
    },
  );
  let turns = 0;
  for (; !isSettled; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  await settled;
  return turns;
}

describe("a work in slices", () => {
  test("the loop turns between its slices, readers see nothing of it until its commit, and its rows are one commit", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    const events: CommitEvent[] = [];
    writer.onCommit((event) => events.push(event));
    const seen: boolean[] = [];
    const watching = setInterval(() => seen.push(reader.get(table, ALICE, 0n) !== undefined), 0);
    const done = writer.submitInSlices(inSlices({ store, table }));
    expect(await turnsUntil(done)).toBeGreaterThanOrEqual(SLICES);
    clearInterval(watching);
    expect(seen.slice(0, -1)).not.toContain(true);
    expect(events.map(({ changes }) => changes.length)).toEqual([SLICES]);
    expect((await done).position).toBe(writer.position);
    expect(reader.get(table, ALICE, 4n)).toBeDefined();
  });

  test("works that come meanwhile run after it, in their order, and are committed after it", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const begun: string[] = [];
    const before = writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [100n, "x"] }));
    const large = writer.submitInSlices(inSlices({ store, table, begun }));
    const small = ["one", "two", "three"].map((name, index) =>
      writer.submit((tx) => {
        begun.push(name);
        return write(tx, { table, scope: ALICE, cells: [200n + BigInt(index), "x"] });
      }),
    );
    const second = writer.submitInSlices(inSlices({ store, table, firstKey: 300n, begun }));
    const last = writer.submit(() => begun.push("last"));
    const all = [await before, await large, ...(await Promise.all(small)), await second];
    await last;
    expect(begun).toEqual(["large", "one", "two", "three", "large", "last"]);
    const positions = all.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
    expect(all[0]?.position).toBeLessThan(all[1]?.position ?? 0n);
    expect(all[1]?.position).toBeLessThan(all[2]?.position ?? 0n);
    expect(writer.bufferedRows(table.id)).toBe(1 + SLICES + 3 + SLICES);
  });

  test("one that throws in a later slice leaves no trace, and those that waited go on", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    const events: CommitEvent[] = [];
    writer.onCommit((event) => events.push(event));
    const failing = failureOf(writer.submitInSlices(inSlices({ store, table, failsAt: 3 })));
    const waiting = writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [9n, "x"] }));
    expect(await failing).toEqual(new Error("in the middle"));
    await waiting;
    expect(events.map(({ changes }) => changes.length)).toEqual([1]);
    expect(reader.get(table, ALICE, 0n)).toBeUndefined();
    expect(writer.bufferedRows(table.id)).toBe(1);
  });

  test("ST-01 closing the writer commits it and everything that waits for it", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    const { writer } = store.current;
    const large = writer.submitInSlices(inSlices({ store, table }));
    const waiting = writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [9n, "x"] }));
    const { reader } = await store.reopen();
    await Promise.all([large, waiting]);
    expect([0n, 4n, 9n].map((key) => reader.get(table, ALICE, key) === undefined)).toEqual([false, false, false]);
    expect(await failureOf(writer.submitInSlices(inSlices({ store, table })))).toMatchObject({ code: "SHUTTING_DOWN" });
  });

  test("more works than may wait are refused, the others have their turn", () => {
    const turns = new WorkTurns(testClock(), 2);
    const begun: number[] = [];
    expect([1, 2, 3].map((work) => turns.add(() => begun.push(work)))).toEqual([true, true, false]);
    turns.finish();
    expect(begun).toEqual([1, 2]);
    expect(turns.isFree).toBe(true);
  });
});
