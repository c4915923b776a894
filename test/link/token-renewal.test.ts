// LQ-14: how long a token lives, as far as its text says.
import { expect, test } from "bun:test";
import { lifeLeftMs } from "../../src/link/token-renewal.ts";

const token = (claims: unknown): string =>
  `x.${Buffer.from(typeof claims === "string" ? claims : JSON.stringify(claims)).toString("base64url")}.y`;

test.each<[string, string, number | undefined]>([
  ["what is left of it", token({ iat: 100, exp: 200 }), 50_000],
  ["all of its life when the clock is ahead of the server's", token({ iat: 50, exp: 140 }), 90_000],
  ["all of its life when the clock is behind", token({ iat: 160, exp: 260 }), 100_000],
  ["unknown without an end", token({ iat: 100 }), undefined],
  ["unknown without a beginning", token({ exp: 100 }), undefined],
  ["unknown when it ends before it begins", token({ iat: 200, exp: 100 }), undefined],
  ["unknown when its times are no numbers", token({ iat: "100", exp: "200" }), undefined],
  ["unknown when it is no token", "t1", undefined],
  ["unknown when its middle is no base64", "a.%%%.c", undefined],
  ["unknown when its middle is no JSON", token("{"), undefined],
  ["unknown when its middle is no object", token([1]), undefined],
])("LQ-14 the life of a token is %s", (_why, text, left) => {
  expect(lifeLeftMs(text, 150_000)).toBe(left);
});
