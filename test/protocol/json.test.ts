import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseJson, parseQuoted, toJson } from "../../src/protocol/json.ts";

describe("parseJson", () => {
  test.each([
    ["a position above 2^53", "327500846641356801", 327500846641356801n],
    ["2^53 - 1 is exact as a number", "9007199254740991", 9007199254740991],
    ["2^53 + 1 is not", "9007199254740993", 9007199254740993n],
    ["negative", "-9223372036854775808", -9223372036854775808n],
    ["inside an object", '{"from":327500846641356801}', { from: 327500846641356801n }],
    ["after white space", '{"from":  327500846641356801 }', { from: 327500846641356801n }],
    ["inside an array", "[1,327500846641356801]", [1, 327500846641356801n]],
    ["microseconds are safe numbers", "[1767225600000000]", [1767225600000000]],
    ["digits in a string stay text", '["327500846641356801"]', ["327500846641356801"]],
    ["a fraction stays a number", "327500846641356801.5", Number("327500846641356801.5")],
    ["an exponent stays a number", "12345678901234567e2", Number("12345678901234567e2")],
    ["a number too long to be a column", `${"9".repeat(60)}`, Number("9".repeat(60))],
  ])("LQ-06 keeps integers exact: %s", (_why, text, expected) => {
    expect(parseJson(text)).toEqual(expected);
    expect(parseQuoted(text)).toEqual(expected);
  });

  test("a marked string cannot be forged into an integer", () => {
    const text = '["x:327500846641356801", 327500846641356801]';
    expect(parseQuoted(text)).toEqual(["x:327500846641356801", 327500846641356801n]);
  });

  test.each([
    ["cut off", '{"a":'],
    ["empty", ""],
    ["a word", "nope"],
    ["leading zero", "[0123]"],
  ])("refuses text that is not JSON: %s", (_why, text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
  });

  test("refuses nesting past the limit before it is parsed, and survives any depth", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(3), { maxDepth: 3 })).toEqual([[[]]]);
    expect(() => parseJson(nested(4), { maxDepth: 3 })).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
    // With a long integer inside, the reviver runs and would exhaust the stack.
    const bomb = `${"[".repeat(200_000)}327500846641356801${"]".repeat(200_000)}`;
    expect(() => parseJson(bomb)).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
  });

  test.each([
    ["brackets inside a string", '"[[[[[["'],
    ["an escaped quote before brackets", '"\\"[[[[[["'],
    ["a backslash at the end of a string", '["\\\\",[[]]]'],
  ])("depth does not count %s", (_why, text) => {
    expect(parseJson(text, { maxDepth: 3 })).toEqual(JSON.parse(text));
  });

  test("what toJson writes, parseJson reads back, whatever the engine", () => {
    const leaf = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      // Integers past 2^53 read back as bigint, and -0 as 0.
      fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
      fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
    );
    const key = fc.string().filter((name) => name !== "__proto__");
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("value")),
        fc.dictionary(key, tie("value"), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (input) => {
        const text = toJson(input as Parameters<typeof toJson>[0]);
        expect(parseJson(text)).toEqual(input);
        expect(parseQuoted(text)).toEqual(input);
      }),
    );
  });

  test("undefined fields are left out", () => {
    expect(toJson({ a: undefined, b: [1n, null] })).toBe('{"b":[1,null]}');
  });
});
