import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EventQueue } from "../../src/link/event-queue.ts";
import type { FeedEvent } from "../../src/link/feed.ts";
import { RowSet } from "../../src/link/row-set.ts";
import { compareValues, decodeCell, paramValue, type Row } from "../../src/link/value.ts";

const row = (id: bigint, body = "x"): Row => ({ id, body });
const put = (id: bigint, body?: string): FeedEvent => ({ kind: "insert", key: [id], row: row(id, body) });
const gone = (id: bigint): FeedEvent => ({ kind: "delete", key: [id], old: undefined });
const snapshot = (...ids: readonly bigint[]): FeedEvent => ({
  kind: "snapshot",
  rows: ids.map((id) => row(id)),
  keys: ids.map((id) => [id]),
});
const RESET: FeedEvent = { kind: "reset", reason: "history" };
const READY: FeedEvent = { kind: "ready" };

describe("CL-01 the materialised set", () => {
  test("is ordered by key as numbers, not as text", () => {
    const set = new RowSet();
    set.apply([snapshot(10n, 9n, 100n)]);
    expect(set.rows().map(({ id }) => id)).toEqual([9n, 10n, 100n]);
  });

  test("takes an order of the application, ties by key", () => {
    const set = new RowSet((a, b) => compareValues(b["body"] ?? null, a["body"] ?? null));
    set.apply([put(2n, "a"), put(1n, "a"), put(3n, "b")]);
    expect(set.rows().map(({ id }) => id)).toEqual([3n, 1n, 2n]);
  });

  test("gives the same array until something changes", () => {
    const set = new RowSet();
    set.apply([put(1n)]);
    const before = set.rows();
    expect(set.apply([put(1n)])).toEqual([]);
    expect(set.rows()).toBe(before);
    set.apply([put(1n, "y")]);
    expect(set.rows()).not.toBe(before);
  });

  test("LQ-11 after a reset the old rows stay until the new ones are complete, then only differences are told", () => {
    const set = new RowSet();
    set.apply([snapshot(1n, 2n)]);
    expect(set.apply([RESET, snapshot(2n, 3n)])).toEqual([]);
    expect(set.rows().map(({ id }) => id)).toEqual([1n, 2n]);
    expect(set.apply([READY]).map(({ kind, row: { id } }) => [kind, id])).toEqual([
      ["delete", 1n],
      ["insert", 3n],
    ]);
  });

  test("deleting a row that is not there is no difference", () => {
    expect(new RowSet().apply([gone(1n)])).toEqual([]);
  });

  test("refuses rows without a key", () => {
    const event: FeedEvent = { kind: "insert", key: undefined, row: {} };
    expect(() => new RowSet().apply([event])).toThrow(expect.objectContaining({ code: "NO_PRIMARY_KEY" }));
  });

  test("follows any history, and its differences replayed give the same set", () => {
    const id = fc.bigInt({ min: 0n, max: 5n });
    const event = fc.oneof(
      fc.tuple(id, fc.constantFrom("a", "b")).map(([key, body]) => put(key, body)),
      id.map(gone),
      fc.array(id, { maxLength: 4 }).map((ids) => snapshot(...ids)),
      fc.array(id, { maxLength: 4 }).map((ids) => [RESET, snapshot(...ids), READY] as const),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (history) => {
        const set = new RowSet();
        const model = new Map<bigint, Row>();
        const replayed = new Map<unknown, Row>();
        for (const event of history.flat()) {
          for (const { kind, row } of set.apply([event])) {
            if (kind === "delete") replayed.delete(row["id"]);
            else replayed.set(row["id"], row);
          }
          if (event.kind === "reset") model.clear();
          else if (event.kind === "insert") model.set(BigInt(String(event.key?.[0])), event.row);
          else if (event.kind === "delete") model.delete(BigInt(String(event.key?.[0])));
          else if (event.kind === "snapshot")
            for (const item of event.rows) model.set(BigInt(String(item["id"])), item);
        }
        const expected = [...model.values()].sort((a, b) => compareValues(a["id"] ?? null, b["id"] ?? null));
        expect(set.rows()).toEqual(expected);
        expect([...replayed.values()].sort((a, b) => compareValues(a["id"] ?? null, b["id"] ?? null))).toEqual(
          expected,
        );
      }),
    );
  });
});

describe("LQ-12 the queue of unread events", () => {
  const queueOf = (maxRows: number, onFull = () => undefined) => new EventQueue({ maxRows, cursor: undefined, onFull });

  test("gives events in order, before or after they are asked for", async () => {
    const queue = queueOf(10);
    const first = queue.next();
    queue.push([put(1n), put(2n)]);
    expect((await first).value).toEqual(put(1n));
    expect((await queue.next()).value).toEqual(put(2n));
  });

  test("at its bound it keeps what it has, then ends with an error: nothing is lost silently", async () => {
    let full = 0;
    const queue = queueOf(2, () => void (full += 1));
    queue.push([put(1n), { ...put(2n), cursor: "2" } as FeedEvent, { ...put(3n), cursor: "3" } as FeedEvent, put(4n)]);
    expect(full).toBe(1);
    expect(await queue.next()).toMatchObject({ value: { key: [1n] } });
    expect(await queue.next()).toMatchObject({ value: { key: [2n] } });
    expect(await queue.next()).toMatchObject({ value: { kind: "error", error: { code: "CLIENT_QUEUE_FULL" } } });
    expect(await queue.next()).toMatchObject({ done: true });
    // From here a new subscription misses nothing.
    expect(queue.cursor).toBe("2");
  });

  test("a page larger than the bound is taken when nothing waits", async () => {
    const queue = queueOf(2);
    queue.push([snapshot(1n, 2n, 3n)]);
    expect(await queue.next()).toMatchObject({ value: { kind: "snapshot" } });
  });

  test("the cursor is that of what was read, not of what arrived", async () => {
    const queue = queueOf(10);
    queue.push([put(1n), { ...put(2n), cursor: "2" } as FeedEvent]);
    await queue.next();
    expect(queue.cursor).toBeUndefined();
    await queue.next();
    expect(queue.cursor).toBe("2");
  });

  test("progress moves the cursor behind everything unread and is never delivered", async () => {
    const queue = queueOf(3);
    queue.push([{ kind: "progress", cursor: "1" }]);
    expect(queue.cursor).toBe("1");
    queue.push([put(1n)]);
    for (let seq = 2; seq < 100; seq++) queue.push([{ kind: "progress", cursor: String(seq) }]);
    expect(queue.cursor).toBe("1");
    expect((await queue.next()).value).toEqual(put(1n));
    queue.push([put(2n)]);
    expect((await queue.next()).value).toEqual(put(2n));
    expect(queue.cursor).toBe("99");
  });

  test("closing wakes who waits", async () => {
    const queue = queueOf(1);
    const waiting = queue.next();
    queue.close();
    expect((await waiting).done).toBe(true);
  });
});

describe("TB-04 cells", () => {
  test.each([
    ["BIGINT is a bigint even when small", "7", "BigInt", 7n],
    ["BIGINT at its end", "-9223372036854775808", "BigInt", -9223372036854775808n],
    ["a double that JSON printed as an integer", 9007199254740994n, "Double", 9007199254740994],
    ["NaN comes as text", "NaN", "Double", Number.NaN],
    ["decimals stay text", "12.30", { Decimal: { precision: 10, scale: 2 } }, "12.30"],
    ["microseconds stay a number", 1767225600000000, "Timestamp", 1767225600000000],
    ["past 2^53 a bigint", 9223371331200000000n, "Timestamp", 9223371331200000000n],
    ["bytes", [222, 173], "Bytes", Uint8Array.of(222, 173)],
    ["JSON stays text", '{"a":1}', "Json", '{"a":1}'],
    ["JSON sent as a value becomes text", { a: [1, 327500846641356801n] }, "Json", '{"a":[1,327500846641356801]}'],
    ["NULL of any type", null, "BigInt", null],
    ["an unknown type passes", [0.5, 1], "Embedding", [0.5, 1]],
  ])("%s", (_why, wire, type, expected) => {
    expect<unknown>(decodeCell(wire, type)).toEqual(expected);
  });

  test("text sorts by code point, as the server sorts it", () => {
    const texts = ["\u{1f99c}", "\uffee", "b", "a", "", "ab"];
    expect([...texts].sort(compareValues)).toEqual(["", "a", "ab", "b", "\uffee", "\u{1f99c}"]);
  });

  test("bytes travel as hexadecimal text", () => {
    expect(paramValue(Uint8Array.of(0, 255))).toBe("\\x00ff");
  });
});
