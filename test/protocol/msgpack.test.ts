import { expect, test } from "bun:test";
import fc from "fast-check";
import { concatBytes, createMsgpack, FRAME_LIMITS, listHeader, mapHeader } from "../../src/protocol/msgpack.ts";

const codec = createMsgpack(FRAME_LIMITS);

test("encodes the example of the wire contract byte for byte", () => {
  expect(codec.encode({ type: "ping" }).toHex()).toBe("81a474797065a470696e67");
});

test.each([
  ["a position: uint64 marker", 327500846641356800n, "cf048b8448ebb2a000"],
  ["microseconds: an integer, never a float", 1767225600000000, "cf0006474846204000"],
  ["a small number takes one byte", 7, "07"],
  ["a small bigint too", 7n, "07"],
  ["a negative 64-bit integer", -(2n ** 63n), "d38000000000000000"],
  ["just past 32 bits", 2 ** 32, "cf0000000100000000"],
  ["a fraction is a float64", 2.5, "cb4004000000000000"],
])("writes integers in the smallest exact form: %s", (_why, value, hex) => {
  expect(codec.encode(value).toHex()).toBe(hex);
});

test.each([
  ["past the unsigned range", 2n ** 64n],
  ["below the signed range", -(2n ** 63n) - 1n],
])("refuses an integer %s instead of wrapping it", (_why, value) => {
  expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_DATA" }));
});

test("LQ-06 decodes 64-bit markers exactly: bigint only past 2^53", () => {
  expect(codec.decode(Uint8Array.fromHex("cf048b8448ebb2a001"))).toBe(327500846641356801n);
  expect(codec.decode(Uint8Array.fromHex("cf0000000000000007"))).toBe(7);
});

test("the encoder's result is not touched by the next call", () => {
  const first = codec.encode("aaaa");
  const before = first.toHex();
  codec.encode("bbbb");
  expect(first.toHex()).toBe(before);
});

test.each([
  ["cut off", "81a4"],
  ["an array of four billion items", "ddffffffff"],
  ["bytes left over", "0707"],
  ["an unused marker", "c1"],
  ["nothing", ""],
])("refuses broken bytes with a code: %s", (_why, hex) => {
  expect(() => codec.decode(Uint8Array.fromHex(hex))).toThrow(expect.objectContaining({ code: "UNSUPPORTED_DATA" }));
  // The shared decoder is as good as new afterwards.
  expect(codec.decode(codec.encode({ a: 1 }))).toEqual({ a: 1 });
});

test("holds its limits of depth and size", () => {
  const small = createMsgpack({ maxBytes: 100, maxDepth: 3 });
  expect(small.decode(Uint8Array.fromHex("91919107"))).toEqual([[[7]]]);
  expect(() => small.decode(Uint8Array.fromHex("9191919107"))).toThrow(/nests too deep/);
  expect(() => small.decode(new Uint8Array(101))).toThrow(expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }));
  const bomb = concatBytes([new Uint8Array(1_000_000).fill(0x91), Uint8Array.of(7)]);
  expect(() => codec.decode(bomb)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_DATA" }));
});

test("pieces put together by hand are what the encoder writes", () => {
  for (const count of [0, 1, 15, 16, 255, 65_535, 65_536]) {
    const items = Array.from({ length: count }, (_, index) => index % 100);
    const pieces = items.map((item) => codec.encode(item));
    expect(concatBytes([listHeader(count), ...pieces]).toHex()).toBe(codec.encode(items).toHex());
  }
  for (const count of [0, 15, 16, 300]) {
    const names = Array.from({ length: count }, (_, index) => `k${index}`);
    const pieces = names.flatMap((name) => [codec.encode(name), codec.encode(1)]);
    const whole = codec.encode(Object.fromEntries(names.map((name) => [name, 1])));
    expect(concatBytes([mapHeader(count), ...pieces]).toHex()).toBe(whole.toHex());
  }
});

test("hostile bytes give a value or a coded error, never anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        codec.decode(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "UNSUPPORTED_DATA" });
      }
    }),
    { numRuns: 500 },
  );
});
