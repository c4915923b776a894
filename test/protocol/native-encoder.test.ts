import { describe, expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import type { Frame, WireFormat } from "../../src/protocol/frame.ts";
import { parseJson } from "../../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import { createNativeEncoder } from "../../src/protocol/native-encoder.ts";
import { parseServerMessage } from "../../src/protocol/server-message.ts";
import { layout, MESSAGES, SEQ, version } from "./layout.ts";

const codec = createMsgpack(FRAME_LIMITS);
const decode = (frame: Frame): unknown => (typeof frame === "string" ? parseJson(frame) : codec.decode(frame));

describe.each(["json", "msgpack"] as const satisfies readonly WireFormat[])("native messages in %s", (format) => {
  const encoder = createNativeEncoder(format, layout(MESSAGES));

  test("LQ-16 a commit is one frame that names a channel and no subscriber", () => {
    const frame = encoder.changes(7, seqOf(SEQ), [
      { kind: "insert", after: version(SEQ, 1n, "a") },
      { kind: "update", before: version(5n, 2n, "b"), after: version(SEQ, 2n, null) },
      { kind: "delete", before: version(6n, 3n, "c"), seq: seqOf(SEQ) },
    ]);
    const position = String(SEQ);
    expect(decode(frame)).toEqual({
      type: "changes",
      channel: 7,
      seq: position,
      changes: [
        { op: "insert", key: ["1"], row: ["1", "a", position, false] },
        { op: "update", key: ["2"], row: ["2", null, position, false], old: ["2", "b", "5", false] },
        { op: "delete", key: ["3"], old: ["3", "c", position, true] },
      ],
    });
  });

  test("LQ-07 changes held for one subscriber are addressed to it alone", () => {
    const frame = encoder.changesFor(seqOf(8n), [{ kind: "insert", after: version(8n, 1n, "a") }]).withId("s1");
    expect(parseServerMessage(decode(frame))).toMatchObject({
      kind: "changes",
      to: { kind: "subscription", id: "s1" },
      seq: 8n,
    });
  });

  test("the last page of a snapshot says ready and where", () => {
    const page = encoder.snapshot({ page: 0, rows: [version(5n, 1n, "a")] }).withId("s1");
    const last = encoder.snapshot({ page: 1, rows: [], deletedKeys: [9n], readyAt: seqOf(SEQ) }).withId("s1");
    expect(decode(page)).toEqual({
      type: "snapshot",
      subscription_id: "s1",
      page: 0,
      rows: [["1", "a", "5", false]],
      ready: false,
    });
    expect(decode(last)).toEqual({
      type: "snapshot",
      subscription_id: "s1",
      page: 1,
      rows: [],
      deleted: [["9"]],
      ready: true,
      seq: String(SEQ),
    });
    expect(parseServerMessage(decode(last))).toEqual({
      kind: "snapshot",
      id: "s1",
      rows: [],
      keys: undefined,
      deleted: [["9"]],
      readyAt: SEQ,
    });
  });

  test("the ack names channel, epoch, schema and the place of the key", () => {
    const frame = encoder.ack({ channel: 7, epoch: "e1", resumed: true }).withId("s1");
    expect(parseServerMessage(decode(frame))).toMatchObject({
      kind: "ack",
      id: "s1",
      channel: 7,
      epoch: "e1",
      resumed: true,
      key: [0],
      schema: [{ name: "id", dataType: "BigInt" }, { name: "body" }, { name: "_seq" }, { name: "_deleted" }],
    });
  });

  test("a key that is not selected travels beside the rows", () => {
    const narrow = createNativeEncoder(format, layout(MESSAGES, ["body"]));
    expect(decode(narrow.ack({ channel: 1, epoch: "e", resumed: false }).withId("s"))).toMatchObject({ key: null });
    expect(decode(narrow.snapshot({ page: 0, rows: [version(5n, 1n, "a")] }).withId("s"))).toMatchObject({
      rows: [["a"]],
      keys: [["1"]],
    });
  });

  test("LQ-15 a new schema goes to everyone on the channel", () => {
    expect(parseServerMessage(decode(encoder.schema(7)))).toMatchObject({ kind: "schema", channel: 7, key: [0] });
  });
});
