import { describe, expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { formatCursor, isNew, parseCursor } from "../../src/link/cursor.ts";
import type { Feed, FeedEvent, FeedOptions } from "../../src/link/feed.ts";
import { createNativeFeed } from "../../src/link/native-feed.ts";
import { createPeerFeed } from "../../src/link/peer-feed.ts";
import { killedMessage, progressMessage, resetMessage } from "../../src/protocol/down.ts";
import type { Frame } from "../../src/protocol/frame.ts";
import { parseJson } from "../../src/protocol/json.ts";
import { createNativeEncoder } from "../../src/protocol/native-encoder.ts";
import { createPeerEncoder } from "../../src/protocol/peer-encoder.ts";
import { parseServerMessage } from "../../src/protocol/server-message.ts";
import { layout, MESSAGES, SEQ, version } from "../protocol/layout.ts";

const OPTIONS: FeedOptions = {
  id: "s",
  sql: "SELECT * FROM chat.messages",
  params: [],
  namespace: undefined,
  lastRows: undefined,
  batchSize: undefined,
  wantsSnapshot: true,
  slow: undefined,
  from: undefined,
};

function receive(feed: Feed, frame: Frame): readonly FeedEvent[] {
  const message = typeof frame === "string" ? parseServerMessage(parseJson(frame)) : undefined;
  if (message === undefined) throw new Error("not a message");
  return feed.receive(message).events;
}

const kinds = (events: readonly FeedEvent[]) => events.map((event) => event.kind);
const cursorOf = (events: readonly FeedEvent[]) => events.at(-1)?.cursor;

describe("CL-01 native feed", () => {
  const encoder = createNativeEncoder("json", layout(MESSAGES));
  const ack = (resumed = false) => encoder.ack({ channel: 7, epoch: "e1", resumed }).withId("s");
  const ready = (at: bigint) => encoder.snapshot({ page: 0, rows: [], readyAt: seqOf(at) }).withId("s");
  const insert = (seq: bigint, id: bigint) => [{ kind: "insert", after: version(seq, id, "x") }] as const;

  function liveFeed(at: bigint): Feed {
    const feed = createNativeFeed(OPTIONS);
    feed.subscribe();
    receive(feed, ack());
    receive(feed, ready(at));
    return feed;
  }

  test("cells come typed: bigint for BIGINT, and the cursor names position and epoch", () => {
    const feed = createNativeFeed(OPTIONS);
    feed.subscribe();
    receive(feed, ack());
    const events = receive(
      feed,
      encoder.snapshot({ page: 0, rows: [version(SEQ, SEQ, "hi")], readyAt: seqOf(SEQ) }).withId("s"),
    );
    expect(events).toEqual([
      { kind: "snapshot", rows: [{ id: SEQ, body: "hi", _seq: SEQ, _deleted: false }], keys: [[SEQ]] },
      { kind: "ready", cursor: `${SEQ}@e1` },
    ]);
  });

  test("LQ-07 frames at or below the cursor are dropped, later ones delivered once", () => {
    const feed = liveFeed(10n);
    expect(receive(feed, encoder.changes(7, seqOf(10n), insert(10n, 1n)))).toEqual([]);
    expect(kinds(receive(feed, encoder.changes(7, seqOf(11n), insert(11n, 1n))))).toEqual(["insert"]);
    expect(receive(feed, encoder.changes(7, seqOf(11n), insert(11n, 1n)))).toEqual([]);
  });

  test("LQ-07 while a snapshot loads, frames of the channel belong to another subscription of the group", () => {
    const feed = createNativeFeed(OPTIONS);
    feed.subscribe();
    receive(feed, ack());
    expect(receive(feed, encoder.changes(7, seqOf(12n), insert(12n, 1n)))).toEqual([]);
    receive(feed, ready(10n));
    // The server held the same change back and sends it again, addressed.
    const held = receive(feed, encoder.changesFor(seqOf(12n), insert(12n, 1n)).withId("s"));
    expect(kinds(held)).toEqual(["insert"]);
  });

  test("LQ-19 only the last event of a commit carries the cursor", () => {
    const feed = liveFeed(10n);
    const events = receive(feed, encoder.changes(7, seqOf(12n), [...insert(12n, 1n), ...insert(12n, 2n)]));
    expect(events.map((event) => event.cursor)).toEqual([undefined, "12@e1"]);
  });

  test("progress moves the cursor although nothing is delivered", () => {
    const feed = liveFeed(10n);
    expect(receive(feed, progressMessage(7, seqOf(20n)))).toEqual([{ kind: "progress", cursor: "20@e1" }]);
    expect(feed.subscribe().request.options).toMatchObject({ from: 20n, epoch: "e1" });
  });

  test("LQ-11 a resume delivers what is gone as deletes, without a reset", () => {
    const feed = liveFeed(10n);
    feed.subscribe();
    const events = [
      ...receive(feed, ack(true)),
      ...receive(
        feed,
        encoder
          .snapshot({ page: 0, rows: [version(15n, 1n, "new")], deletedKeys: [2n], readyAt: seqOf(16n) })
          .withId("s"),
      ),
    ];
    expect(events).toMatchObject([
      { kind: "snapshot" },
      { kind: "delete", key: [2n], old: undefined },
      { kind: "ready", cursor: "16@e1" },
    ]);
  });

  test.each([
    [
      "the server says reset",
      (feed: Feed) => [...receive(feed, resetMessage("s", "history")), ...receive(feed, ack())],
    ],
    ["the server ignores the cursor", (feed: Feed) => receive(feed, ack(false))],
  ])("LQ-11 a refused cursor voids the rows: %s", (_why, answer) => {
    const feed = liveFeed(10n);
    feed.subscribe();
    expect(kinds(answer(feed))).toEqual(["reset"]);
    expect(feed.subscribe().request.options?.from).toBeUndefined();
  });

  test("a first snapshot that broke off starts anew with a reset", () => {
    const feed = createNativeFeed(OPTIONS);
    expect(feed.subscribe().events).toEqual([]);
    receive(feed, ack());
    receive(feed, encoder.snapshot({ page: 0, rows: [version(1n, 1n, "a")] }).withId("s"));
    expect(kinds(feed.subscribe().events)).toEqual(["reset"]);
  });

  test("without a snapshot the first request has no options, and after a loss it resumes all the same", () => {
    const feed = createNativeFeed({ ...OPTIONS, wantsSnapshot: false });
    expect(feed.subscribe().request.options).toBeUndefined();
    receive(feed, ack());
    expect(kinds(receive(feed, encoder.changes(7, seqOf(12n), insert(12n, 1n))))).toEqual(["insert"]);
    expect(feed.subscribe().request.options).toMatchObject({ from: 12n });
  });

  test("LQ-12 a loss before there was any cursor is told, because nothing says what was missed", () => {
    const feed = createNativeFeed({ ...OPTIONS, wantsSnapshot: false });
    expect(feed.subscribe().events).toEqual([]);
    receive(feed, ack());
    expect(kinds(feed.subscribe().events)).toEqual(["reset"]);
  });

  test("LQ-15 a new schema names the cells that follow", () => {
    const feed = liveFeed(10n);
    const renamed = createNativeEncoder("json", layout(MESSAGES, ["body", "id"]));
    expect(kinds(receive(feed, renamed.schema(7)))).toEqual(["schema"]);
    const [event] = receive(feed, renamed.changes(7, seqOf(11n), insert(11n, 3n)));
    expect(event).toMatchObject({ kind: "insert", key: [3n], row: { body: "x", id: 3n } });
  });

  test("LQ-13 killed is the last event", () => {
    expect(receive(liveFeed(10n), killedMessage("native", "s", "by root"))).toMatchObject([
      { kind: "error", error: { code: "KILLED" } },
    ]);
  });
});

describe("CL-02 peer feed", () => {
  const encoder = createPeerEncoder("json", layout(MESSAGES));
  const control = (hasMore: boolean, lastSeq: bigint) => ({ batchNum: 0, hasMore, lastSeq: seqOf(lastSeq) });

  function started(): Feed {
    const feed = createPeerFeed(OPTIONS);
    feed.subscribe();
    receive(feed, encoder.ack(control(true, 5n)).withId("s"));
    return feed;
  }

  test("LQ-06 asks for the next batch with the last position, exactly", () => {
    const feed = started();
    const message = parseServerMessage(
      parseJson(String(encoder.batch([version(SEQ, 1n, "a")], control(true, SEQ)).withId("s"))),
    );
    if (message === undefined) throw new Error("not a message");
    const { events, replies } = feed.receive(message);
    expect(kinds(events)).toEqual(["snapshot"]);
    expect(replies).toEqual([{ type: "next_batch", subscription_id: "s", last_seq_id: SEQ }]);
  });

  test("ready comes with the last batch; the cursor follows the rows", () => {
    const feed = started();
    const events = receive(feed, encoder.batch([version(5n, 1n, "a")], control(false, 5n)).withId("s"));
    expect(kinds(events)).toEqual(["snapshot", "ready"]);
    expect(cursorOf(events)).toBe("5");
    expect(feed.subscribe().request.options).toMatchObject({ from: 5n });
  });

  test("LQ-11 rows at or below the cursor answer a resume with everything there is: the application is told to forget", () => {
    const feed = started();
    receive(feed, encoder.batch([version(5n, 1n, "a"), version(9n, 2n, "b")], control(false, 9n)).withId("s"));
    feed.subscribe();
    receive(feed, encoder.ack(control(true, 9n)).withId("s"));
    const first = receive(feed, encoder.batch([version(3n, 3n, "c")], control(true, 3n)).withId("s"));
    expect(kinds(first)).toEqual(["reset", "snapshot"]);
    const last = receive(
      feed,
      encoder.batch([version(5n, 1n, "a"), version(9n, 2n, "b")], control(false, 9n)).withId("s"),
    );
    expect(kinds(last)).toEqual(["snapshot", "ready"]);
    expect(cursorOf(last)).toBe("9");
  });

  test("changes at or below the cursor are dropped", () => {
    const feed = started();
    receive(feed, encoder.batch([version(5n, 1n, "a")], control(false, 5n)).withId("s"));
    expect(receive(feed, encoder.insert(version(5n, 1n, "a")).withId("s"))).toEqual([]);
    expect(receive(feed, encoder.update(version(5n, 1n, "a"), version(6n, 1n, null)).withId("s"))).toEqual([
      {
        kind: "update",
        key: [1n],
        row: { id: 1n, body: null, _seq: 6n, _deleted: false },
        old: { id: 1n, body: "a", _seq: 5n },
        cursor: "6",
      },
    ]);
    expect(receive(feed, encoder.delete(version(6n, 1n, null), seqOf(7n)).withId("s"))).toMatchObject([
      { kind: "delete", key: [1n], old: { _deleted: true }, cursor: "7" },
    ]);
  });
});

describe("cursors", () => {
  test("survive as text", () => {
    expect(parseCursor(formatCursor({ seq: SEQ, epoch: "e@1" }))).toEqual({ seq: SEQ, epoch: "e@1" });
    expect(parseCursor(SEQ)).toEqual({ seq: SEQ, epoch: undefined });
  });

  test.each(["", "x", "-1", "1@", "99999999999999999999"])("refuses %p", (text) => {
    expect(() => parseCursor(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  test.each([
    ["above", 6n, true],
    ["at", 5n, false],
    ["below", 4n, false],
    ["unnumbered", undefined, true],
  ])("LQ-11 delivery filter: %s the cursor", (_why, seq, expected) => {
    expect(isNew(seq, { seq: 5n, epoch: undefined })).toBe(expected);
    expect(isNew(seq, undefined)).toBe(true);
  });
});
