// The examples of specs/protocol.md are what the code reads and writes.
import { expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { CLOSE, NATIVE_CLOSE, PEER_CLOSE } from "../../src/protocol/close-codes.ts";
import { parseJson } from "../../src/protocol/json.ts";
import { createPeerEncoder } from "../../src/protocol/peer-encoder.ts";
import { parseServerMessage } from "../../src/protocol/server-message.ts";
import { createClientMessageParser } from "../../src/protocol/up.ts";
import { layout, MESSAGES, version } from "./layout.ts";

const spec = await Bun.file(new URL("../../specs/protocol.md", import.meta.url)).text();

function examples(direction: "up" | "down"): readonly string[] {
  const blocks = [...spec.matchAll(/```json (up|down)\n([\s\S]*?)```/g)].filter((match) => match[1] === direction);
  return blocks.flatMap((match) => (match[2] ?? "").trim().split("\n"));
}

const typesOf = (messages: readonly string[]) =>
  [...new Set(messages.map((text) => String(JSON.parse(text).type)))].sort((a, b) => a.localeCompare(b));

test.each(examples("up"))("the server reads %s", (text) => {
  const parse = createClientMessageParser({ maxMessageBytes: 10_000 });
  expect(parse(text, "json").kind).toBeString();
});

test.each(examples("down"))("the client reads %s", (text) => {
  expect(parseServerMessage(parseJson(text))).toBeDefined();
});

test("every message has an example", () => {
  expect(typesOf(examples("up"))).toEqual(["authenticate", "hello", "next_batch", "ping", "subscribe", "unsubscribe"]);
  expect(typesOf(examples("down"))).toEqual([
    "auth_error",
    "auth_success",
    "change",
    "changes",
    "error",
    "expired",
    "initial_data_batch",
    "killed",
    "pong",
    "progress",
    "reset",
    "schema",
    "snapshot",
    "subscription_ack",
    "unsubscribed",
  ]);
});

test("CL-02 the peer encoder writes the spec's examples byte for byte", () => {
  const encoder = createPeerEncoder("json", layout(MESSAGES));
  const control = { batchNum: 0, hasMore: false, lastSeq: seqOf(327500846641356800n) };
  const written = [
    encoder.ack(control),
    encoder.batch([version(327500846641356800n, 1n, "hi")], control),
    encoder.insert(version(327500846645551104n, 3n, "new")),
    encoder.update(version(327500846645551104n, 3n, "new"), version(327500846649745408n, 3n, null)),
    encoder.delete(version(327500846649745408n, 3n, null), seqOf(327500846653939712n)),
  ];
  for (const message of written) expect(examples("down")).toContain(String(message.withId("s1")));
});

test("every close code and reason is in the table", () => {
  const table = spec.slice(spec.indexOf("## Close codes"));
  for (const { code, reason } of [CLOSE, NATIVE_CLOSE, PEER_CLOSE].flatMap((codes) => Object.values(codes))) {
    expect(table).toContain(String(code));
    if (!reason.startsWith("Slow consumer")) expect(table).toContain(reason);
  }
});
