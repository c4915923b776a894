import { describe, expect, test } from "bun:test";
import { parseName, SHARED_SCOPE } from "../../src/base/ids.ts";
import { MAX_BATCH_WORKS } from "../../src/storage/hot/group-commit.ts";
import { hotTableName } from "../../src/storage/hot/relation.ts";
import type { CommitEvent, WriteTx } from "../../src/storage/seams.ts";
import { ALICE, BOB, createTable, failureOf, openTestStore, write } from "./open-test-store.ts";

const shuttingDown = expect.objectContaining({ code: "SHUTTING_DOWN" });

describe("group commit", () => {
  test("ST-01 works submitted in one turn share one commit, works of another turn do not", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const insert = (id: bigint) => writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [id, "x"] }));
    const first = await Promise.all([insert(1n), insert(2n), insert(3n)]);
    const second = await insert(4n);
    expect(new Set(first.map(({ position }) => position)).size).toBe(1);
    expect(second.position).toBeGreaterThan(first[0]?.position ?? 0n);
    expect(writer.position).toBe(second.position);
  });

  test("a position is at or above every _seq the work wrote", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    const { value, position } = await store.current.writer.submit((tx) =>
      [1n, 2n, 3n].map((id) => write(tx, { table, scope: ALICE, cells: [id, "x"] }).seq),
    );
    expect(value.every((seq) => seq <= position)).toBe(true);
  });

  test("ST-01 nothing is visible to readers before the commit, everything is when the promise resolves", async () => {
    await using store = openTestStore();
    const { writer, reader, catalog } = store.current;
    const table = await createTable(store.current, "messages");
    const done = writer.submit((tx) => {
      tx.createTable({ ...table, name: parseName("later") });
      return write(tx, { table, scope: ALICE, cells: [1n, "hello"] });
    });
    expect(reader.get(table, ALICE, 1n)).toBeUndefined();
    expect(catalog.table("chat", "later")).toBeUndefined();
    expect(writer.bufferedRows(table.id)).toBe(0);
    const { value } = await done;
    expect(reader.get(table, ALICE, 1n)).toEqual(value);
    expect(catalog.table("chat", "later")).toBeDefined();
    expect(writer.bufferedRows(table.id)).toBe(1);
  });

  test("a turn with more works than a batch may hold is committed in pieces, in order", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const events: CommitEvent[] = [];
    writer.onCommit((event) => events.push(event));
    const works = Array.from({ length: MAX_BATCH_WORKS + 10 }, (_, index) =>
      writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [BigInt(index), "x"] })),
    );
    await Promise.all(works);
    expect(events.map(({ changes }) => changes.length)).toEqual([MAX_BATCH_WORKS, 10]);
  });

  test("a batch that has taken its share of the loop is committed at once", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    const slow = writer.submit((tx) => {
      store.clock.monotonic += 1_000;
      return write(tx, { table, scope: ALICE, cells: [1n, "x"] });
    });
    expect(reader.get(table, ALICE, 1n)).toBeDefined();
    await slow;
  });

  test("a work that throws takes back only its own rows, catalog and counts, and rejects with its own error", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    const boom = new Error("boom");
    const before = writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "kept"] }));
    const failed = writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "lost"] });
      write(tx, { table, scope: BOB, cells: [2n, "lost"] });
      tx.dropTable(table);
      throw boom;
    });
    const after = writer.submit((tx) => tx.get(table, ALICE, 1n)?.cells);
    expect(await failureOf(failed)).toBe(boom);
    await before;
    expect((await after).value).toEqual([1n, "kept"]);
    expect(reader.get(table, BOB, 2n)).toBeUndefined();
    expect(store.current.catalog.tableById(table.id)).toEqual(table);
    expect(writer.bufferedScopes(table.id)).toEqual([ALICE]);
  });

  test("an error that SQLite raised fails the work even when the work swallows it", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const work = writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "x"] });
      try {
        tx.put(table, ALICE, [null, "no key"], { deleted: false, before: undefined });
      } catch {
        // What the writer must not rely on.
      }
    });
    expect(String(await failureOf(work))).toContain("NOT NULL");
    expect(store.current.reader.get(table, ALICE, 1n)).toBeUndefined();
  });

  test("listeners run in registration order, before any submitter goes on, and one that throws stops nobody", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const order: string[] = [];
    writer.onCommit(() => order.push("first listener"));
    writer.onCommit(() => {
      order.push("broken listener");
      throw new Error("boom");
    });
    writer.onCommit(() => order.push("last listener"));
    const insert = async (id: bigint) => {
      await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [id, "x"] }));
      order.push(`submitter ${id}`);
    };
    await Promise.all([insert(1n), insert(2n)]);
    expect(order).toEqual(["first listener", "broken listener", "last listener", "submitter 1", "submitter 2"]);
  });

  test("a listener may submit: its work is committed after every listener has seen the first commit", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const seen: string[] = [];
    let followUp: Promise<unknown> | undefined;
    writer.onCommit(({ changes }) => {
      seen.push(`a${changes.length}`);
      followUp ??= writer.submit((tx) => {
        store.clock.monotonic += 1_000;
        write(tx, { table, scope: BOB, cells: [1n, "x"] });
        write(tx, { table, scope: BOB, cells: [2n, "x"] });
      });
    });
    writer.onCommit(({ changes }) => seen.push(`b${changes.length}`));
    await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    await followUp;
    expect(seen).toEqual(["a1", "b1", "a2", "b2"]);
  });

  test("a commit event holds the changes in _seq order, each with the version it replaced", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const events: CommitEvent[] = [];
    writer.onCommit((event) => events.push(event));
    await writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "a"] });
      write(tx, { table, scope: ALICE, cells: [1n, "b"] });
      write(tx, { table, scope: ALICE, cells: [1n, "b"], deleted: true });
      write(tx, { table, scope: ALICE, cells: [1n, "c"] });
    });
    const [event] = events;
    expect(event?.changes.map(({ before, after }) => [before !== undefined, after.deleted])).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [false, false],
    ]);
    expect(event?.changes.map(({ before }) => before?.cells[1])).toEqual([undefined, "a", "b", undefined]);
    const seqs = event?.changes.map(({ after }) => after.seq) ?? [];
    expect(seqs).toEqual([...seqs].sort((a, b) => (a < b ? -1 : 1)));
    expect(event?.catalogChanged).toBe(false);
    expect(writer.bufferedRows(table.id)).toBe(1);
  });

  test("works that write nothing raise no event and leave the position alone", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const { position } = writer;
    const events: CommitEvent[] = [];
    writer.onCommit((event) => events.push(event));
    const { value, position: at } = await writer.submit((tx) => tx.get(table, ALICE, 1n));
    const failed = writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "x"] });
      throw new Error("boom");
    });
    expect(String(await failureOf(failed))).toContain("boom");
    expect([value, at, writer.position, events]).toEqual([undefined, position, position, []]);
  });

  test("a transaction kept past its work is refused", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    let kept: WriteTx | undefined;
    await store.current.writer.submit((tx) => {
      kept = tx;
    });
    expect(() => kept?.get(table, ALICE, 1n)).toThrow("only inside its work");
  });

  test("an asynchronous work is refused and rolled back", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    const work = store.current.writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "x"] });
      return Promise.resolve();
    });
    expect(String(await failureOf(work))).toContain("synchronous");
    expect(store.current.reader.get(table, ALICE, 1n)).toBeUndefined();
  });

  test("ST-10 close commits what is open; later submits are told the server is shutting down", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    const { writer } = store.current;
    const last = writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "last"] }));
    await writer.close();
    await last;
    expect(await failureOf(writer.submit(() => 1))).toEqual(shuttingDown);
    const reopened = await store.reopen();
    expect(reopened.reader.get(table, ALICE, 1n)?.cells).toEqual([1n, "last"]);
  });
});

describe("_seq", () => {
  test.each([
    ["the clock stands still", 0],
    ["the clock steps back an hour", -3_600_000],
    ["the clock moves on", 5],
  ])("rises strictly, also over a restart, when %s", async (_why, stepMs) => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    const seqs: bigint[] = [];
    for (let round = 0; round < 4; round++) {
      const { value } = await store.current.writer.submit((tx) => [
        write(tx, { table, scope: ALICE, cells: [1n, "x"] }).seq,
        write(tx, { table, scope: ALICE, cells: [2n, "x"] }).seq,
      ]);
      seqs.push(...value);
      store.clock.wallMs += stepMs;
      await store.reopen();
      expect(store.current.writer.position).toBeGreaterThanOrEqual(value[1] ?? 0n);
    }
    expect(seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? seq))).toBe(true);
  });
});

describe("rows", () => {
  test("TB-03 a user's rows are found under that user alone, a SHARED table's under the shared scope", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const user = await createTable(store.current, "outbox");
    const shared = await createTable(store.current, "rooms", "shared");
    await writer.submit((tx) => {
      write(tx, { table: user, scope: ALICE, cells: [1n, "alice"] });
      write(tx, { table: user, scope: BOB, cells: [1n, "bob"] });
      write(tx, { table: shared, scope: SHARED_SCOPE, cells: [1n, "all"] });
    });
    expect(reader.get(user, ALICE, 1n)?.cells).toEqual([1n, "alice"]);
    expect(reader.get(user, BOB, 1n)?.cells).toEqual([1n, "bob"]);
    expect(reader.get(shared, SHARED_SCOPE, 1n)?.cells).toEqual([1n, "all"]);
    expect(
      String(await failureOf(writer.submit((tx) => write(tx, { table: user, scope: SHARED_SCOPE, cells: [1n, "x"] })))),
    ).toContain("scope");
    expect(
      String(
        await failureOf(writer.submit((tx) => tx.put(shared, ALICE, [1n, "x"], { deleted: false, before: undefined }))),
      ),
    ).toContain("scope");
  });

  test("ST-04 a tombstone stays as the newest version of its key, with the cells it ended", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    const { value } = await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"], deleted: true }));
    expect(reader.get(table, ALICE, 1n)).toEqual({ seq: value.seq, deleted: true, cells: [1n, "x"] });
    expect(writer.bufferedRows(table.id)).toBe(1);
  });

  test("TB-09 a row written under a definition that is no longer the table's is refused", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const stale = { ...table, version: 0 };
    expect(await failureOf(writer.submit((tx) => write(tx, { table: stale, scope: ALICE, cells: [1n, "x"] })))).toEqual(
      expect.objectContaining({ code: "WRITE_CONFLICT" }),
    );
    await writer.submit((tx) => tx.dropTable(table));
    expect(await failureOf(writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] })))).toEqual(
      expect.objectContaining({ code: "TABLE_NOT_FOUND" }),
    );
  });

  test("SQL in a work sees the work's own rows, wide integers exactly; only SELECTs run", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const big = 9_007_199_254_740_993n;
    const { value } = await writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [big, "x"] });
      return tx.all(`SELECT c1, c2 FROM ${hotTableName(table)} WHERE _user = ?1`, [ALICE]);
    });
    expect(value).toEqual([[big, "x"]]);
    for (const sql of [
      "COMMIT",
      `DELETE FROM ${hotTableName(table)}`,
      "ATTACH ':memory:' AS other",
      "PRAGMA query_only=1",
    ]) {
      expect(String(await failureOf(writer.submit((tx) => tx.all(sql, []))))).toContain("only a SELECT");
      expect(() => store.current.reader.all(sql, [])).toThrow("only a SELECT");
    }
  });

  test("TB-03 a statement given too few values does not run with another call's values", async () => {
    await using store = openTestStore();
    const { reader } = store.current;
    expect(reader.all("SELECT ?1", ["alice"])).toEqual([["alice"]]);
    expect(() => reader.all("SELECT ?1", [])).toThrow("takes 1 values");
  });
});
