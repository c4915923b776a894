import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DbError } from "../../src/base/errors.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import { createClientMessageParser } from "../../src/protocol/up.ts";

const parse = createClientMessageParser({ maxMessageBytes: 10_000 });
const codec = createMsgpack(FRAME_LIMITS);

const NO_OPTIONS = { batchSize: undefined, lastRows: undefined, from: undefined, epoch: undefined };
const subscribe = (options: unknown, extra = {}) => ({
  type: "subscribe",
  subscription: { id: "s", sql: "q", options, ...extra },
});
const subscribed = (options: unknown) => ({
  kind: "subscribe",
  id: "s",
  sql: "q",
  params: [],
  namespaceId: undefined,
  options,
});

describe("CL-02 messages that clients send", () => {
  test.each([
    [
      "authenticate, as browsers do",
      '{"type":"authenticate","method":"jwt","token":"t","protocol":{"serialization":"msgpack","compression":"none"}}',
      { kind: "authenticate", token: "t", protocol: { version: 1, format: "msgpack", compression: "none" } },
    ],
    [
      "authenticate without protocol falls back to json and gzip",
      '{"type":"authenticate","method":"jwt","token":"t"}',
      { kind: "authenticate", token: "t", protocol: { version: 1, format: "json", compression: "gzip" } },
    ],
    [
      "authenticate asking for the native protocol",
      '{"type":"authenticate","method":"jwt","token":"t","protocol":{"version":2}}',
      { kind: "authenticate", token: "t", protocol: { version: 2, format: "json", compression: "gzip" } },
    ],
    [
      "hello of a socket authenticated in its upgrade",
      '{"type":"hello","protocol":{"version":2,"serialization":"json","compression":"none"},"client":"kalam-cli/1"}',
      { kind: "hello", protocol: { version: 2, format: "json", compression: "none" }, client: "kalam-cli/1" },
    ],
    ["options {}", JSON.stringify(subscribe({})), subscribed(NO_OPTIONS)],
    ["options null: no snapshot", JSON.stringify(subscribe(null)), subscribed(undefined)],
    ["options absent: no snapshot", '{"type":"subscribe","subscription":{"id":"s","sql":"q"}}', subscribed(undefined)],
    [
      "batch_size and last_rows",
      JSON.stringify(subscribe({ batch_size: 50, last_rows: 20 })),
      subscribed({ ...NO_OPTIONS, batchSize: 50, lastRows: 20 }),
    ],
    [
      "from, an integer above 2^53",
      '{"type":"subscribe","subscription":{"id":"s","sql":"q","options":{"from":327500846641356801}}}',
      subscribed({ ...NO_OPTIONS, from: 327500846641356801n }),
    ],
    [
      "from_seq_id, as text",
      JSON.stringify(subscribe({ from_seq_id: "327500846641356801" })),
      subscribed({ ...NO_OPTIONS, from: 327500846641356801n }),
    ],
    [
      "from with its epoch",
      JSON.stringify(subscribe({ from: 5, epoch: "e1" })),
      subscribed({ ...NO_OPTIONS, from: 5n, epoch: "e1" }),
    ],
    [
      "parameters and a namespace",
      '{"type":"subscribe","subscription":{"id":"s","sql":"q","params":["a",7,null],"namespace_id":"chat"}}',
      { ...subscribed(undefined), params: ["a", 7, null], namespaceId: "chat" },
    ],
    [
      "next_batch",
      '{"type":"next_batch","subscription_id":"s","last_seq_id":327500846641356801}',
      { kind: "nextBatch", id: "s", lastSeq: 327500846641356801n },
    ],
    [
      "next_batch from the start",
      '{"type":"next_batch","subscription_id":"s","last_seq_id":null}',
      { kind: "nextBatch", id: "s", lastSeq: undefined },
    ],
    ["unsubscribe", '{"type":"unsubscribe","subscription_id":"s"}', { kind: "unsubscribe", id: "s" }],
    ["ping with an unknown field", '{"type":"ping","extra":[1]}', { kind: "ping" }],
    [
      "a blank id is for the subscriber registry to refuse",
      JSON.stringify({ type: "unsubscribe", subscription_id: " " }),
      { kind: "unsubscribe", id: " " },
    ],
  ])("%s", (_why, text, expected) => {
    expect<unknown>(parse(text, "json")).toEqual(expected);
  });

  test("the same in MessagePack: positions come in uint64 markers", () => {
    const bytes = codec.encode({ type: "next_batch", subscription_id: "sub-1", last_seq_id: 327500846641356801n });
    expect<unknown>(parse(bytes, "msgpack")).toEqual({ kind: "nextBatch", id: "sub-1", lastSeq: 327500846641356801n });
    expect<unknown>(parse('{"type":"ping"}', "msgpack")).toEqual({ kind: "ping" });
    expect<unknown>(parse(Bun.gzipSync(bytes), "msgpack")).toMatchObject({ kind: "nextBatch" });
  });
});

describe("bad messages get a coded error", () => {
  test.each([
    ["not JSON", "nope", "PROTOCOL_ERROR"],
    ["no object", "[]", "PROTOCOL_ERROR"],
    ["no type", "{}", "PROTOCOL_ERROR"],
    ["unknown type", '{"type":"destroy"}', "PROTOCOL_ERROR"],
    ["a type that is a property of every object", '{"type":"constructor"}', "PROTOCOL_ERROR"],
    ["method is not jwt", '{"type":"authenticate","method":"basic","token":"t"}', "PROTOCOL_ERROR"],
    ["token is not text", '{"type":"authenticate","method":"jwt","token":1}', "PROTOCOL_ERROR"],
    [
      "unknown serialization",
      '{"type":"authenticate","method":"jwt","token":"t","protocol":{"serialization":"xml"}}',
      "PROTOCOL_ERROR",
    ],
    [
      "unknown version",
      '{"type":"authenticate","method":"jwt","token":"t","protocol":{"version":3}}',
      "PROTOCOL_ERROR",
    ],
    ["subscription missing", '{"type":"subscribe"}', "PROTOCOL_ERROR"],
    ["sql missing", '{"type":"subscribe","subscription":{"id":"a"}}', "PROTOCOL_ERROR"],
    ["options is a list", JSON.stringify(subscribe([])), "PROTOCOL_ERROR"],
    ["negative batch size", JSON.stringify(subscribe({ batch_size: -1 })), "PROTOCOL_ERROR"],
    ["fractional last_rows", JSON.stringify(subscribe({ last_rows: 1.5 })), "PROTOCOL_ERROR"],
    ["from is a fraction", JSON.stringify(subscribe({ from: 1.5 })), "PROTOCOL_ERROR"],
    ["from is a word", JSON.stringify(subscribe({ from: "latest" })), "PROTOCOL_ERROR"],
    [
      "from past 64 bits",
      '{"type":"subscribe","subscription":{"id":"s","sql":"q","options":{"from":9223372036854775808}}}',
      "PROTOCOL_ERROR",
    ],
    ["a nested parameter", JSON.stringify(subscribe({}, { params: [[[1]]] })), "INVALID_PARAMETER"],
    [
      "an id of 257 characters",
      JSON.stringify({ type: "unsubscribe", subscription_id: "x".repeat(257) }),
      "INVALID_SUBSCRIPTION_ID",
    ],
    [
      "an id that no text frame can carry back",
      '{"type":"unsubscribe","subscription_id":"\\ud800"}',
      "INVALID_SUBSCRIPTION_ID",
    ],
    ["too long", JSON.stringify({ type: "ping", filler: "x".repeat(10_000) }), "MESSAGE_TOO_LARGE"],
    ["too deep", `${'{"a":'.repeat(40)}1${"}".repeat(40)}`, "PROTOCOL_ERROR"],
  ])("%s", (_why, text, code) => {
    expect(() => parse(text, "json")).toThrow(expect.objectContaining({ code }));
  });

  test.each([
    [
      "binary where JSON was negotiated",
      codec.encode({ type: "ping" }),
      "json",
      "UNSUPPORTED_DATA",
      "Binary not supported",
    ],
    ["broken MessagePack", Uint8Array.of(0x81), "msgpack", "UNSUPPORTED_DATA", "Invalid MessagePack: "],
    ["broken gzip", Uint8Array.of(0x1f, 0x8b, 1, 2), "msgpack", "UNSUPPORTED_DATA", "Invalid gzip data"],
    ["a gzip bomb", Bun.gzipSync(new Uint8Array(5_000_000)), "msgpack", "MESSAGE_TOO_LARGE", "Message exceeds"],
  ] as const)("%s", (_why, bytes, format, code, text) => {
    expect(() => parse(bytes, format)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });

  test("whatever a client sends, the answer is a message or a DbError", () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const typed = fc.record(
      {
        type: fc.constantFrom("authenticate", "hello", "subscribe", "next_batch", "unsubscribe", "ping"),
        subscription: json,
        subscription_id: json,
        last_seq_id: json,
        protocol: json,
        token: json,
        method: fc.constantFrom("jwt", "x"),
      },
      { requiredKeys: ["type"] },
    );
    fc.assert(
      fc.property(fc.oneof(json, typed), (value) => {
        for (const [frame, format] of [
          [JSON.stringify(value), "json"],
          [codec.encode(value as null), "msgpack"],
        ] as const) {
          try {
            expect(typeof parse(frame, format).kind).toBe("string");
          } catch (error) {
            expect(error).toBeInstanceOf(DbError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
