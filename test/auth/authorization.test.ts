import { describe, expect, test } from "bun:test";
import { bearerToken, lenientBearerToken, parseCookies } from "../../src/auth/authorization.ts";

describe("AU-01 the API's Authorization header", () => {
  test.each<[string, string, string]>([
    ["bearer", "Bearer a.b.c", "a.b.c"],
    ["empty", "", "INVALID_CREDENTIALS"],
    ["scheme in another case", "bearer a.b.c", "INVALID_CREDENTIALS"],
    ["Basic", "Basic YTpi", "INVALID_CREDENTIALS"],
    ["no token", "Bearer ", "INVALID_CREDENTIALS"],
    ["token alone", "a.b.c", "INVALID_CREDENTIALS"],
  ])("%s", (_why, header, outcome) => {
    if (outcome === "a.b.c") expect(bearerToken(header)).toBe(outcome);
    else expect(() => bearerToken(header)).toThrow(expect.objectContaining({ code: outcome }));
  });
});

test.each<[string, string | null, string | undefined]>([
  ["any case", "bEaReR a.b.c", "a.b.c"],
  ["spaces around", "  Bearer   a.b.c  ", "a.b.c"],
  ["two words are no token", "Bearer a b", undefined],
  ["Basic", "Basic YTpi", undefined],
  ["missing", null, undefined],
])("AU-02 the auth endpoints' Authorization header: %s", (_why, header, token) => {
  expect(lenientBearerToken(header)).toBe(token);
});

test.each<[string, string | null, Record<string, string>]>([
  ["several", "a=1; b=2", { a: "1", b: "2" }],
  ["value with equals signs", "a=x=y==", { a: "x=y==" }],
  ["no value", "a; b=", { b: "" }],
  ["a name twice: the first", "a=1; a=2", { a: "1" }],
  ["names that JavaScript objects have", "__proto__=1", { ["__proto__"]: "1" }],
  ["missing", null, {}],
])("AU-02 the Cookie header: %s", (_why, header, cookies) => {
  expect([...parseCookies(header)]).toEqual(Object.entries(cookies));
});

test("AU-04 a Cookie header of many thousand pairs is read up to the bound", () => {
  expect(parseCookies(Array.from({ length: 10_000 }, (_unused, n) => `c${n}=1`).join(";")).size).toBe(64);
});
