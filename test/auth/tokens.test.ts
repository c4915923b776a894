// Tokens made by us and by others, held against signature, clock and record.
import { beforeEach, describe, expect, test } from "bun:test";
import { decodeJwt, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { createTokens, EXPIRY_LEEWAY_MS } from "../../src/auth/tokens.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { addUser, codeOf, newWorld, PASSWORD, SECRET, START_MS, storedUser, type World } from "./fixture.ts";

const HOUR_MS = 3_600_000;
const CLAIM = { session: "s1", generation: 0 };
const SECONDS = START_MS / 1000;

const GOOD_CLAIMS = {
  sub: "alice",
  iss: "kalamdb",
  iat: SECONDS,
  exp: SECONDS + 3600,
  role: "user",
  email: null,
  token_type: "access",
};

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await addUser(world, "alice");
});

async function login(): Promise<{ access: string; refresh: string }> {
  const { tokens } = await world.accounts.login({ user: "alice", password: PASSWORD, isLoopback: false });
  return { access: tokens.accessToken, refresh: tokens.refreshToken };
}

function sign(claims: Record<string, unknown>, secret: Uint8Array = SECRET, alg = "HS256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(secret);
}

function authenticate(token: string): Promise<string> {
  return codeOf(world.accounts.authenticate(token));
}

test("AU-01 an access token carries the peer's claims, and the verified token the same facts", async () => {
  const { tokens } = await world.accounts.login({ user: "alice", password: PASSWORD, isLoopback: false });
  const claims = decodeJwt(tokens.accessToken);
  expect(claims).toEqual({
    sub: "alice",
    iss: "kalamdb",
    iat: SECONDS,
    exp: SECONDS + 24 * 3600,
    email: null,
    role: "user",
    token_type: "access",
    iat_ms: START_MS,
    jti: expect.any(String),
  });
  expect(decodeJwt(tokens.refreshToken)).toMatchObject({ token_type: "refresh", exp: SECONDS + 7 * 24 * 3600 });
  expect(await world.accounts.authenticate(tokens.accessToken)).toEqual({
    user: parseUserId("alice"),
    role: "user",
    tokenId: String(claims.jti),
    issuedAtMs: START_MS,
    expiresAtMs: START_MS + 24 * HOUR_MS,
  });
});

describe("AU-01 a token that is not ours, or not good, is refused", () => {
  const otherSecret = new TextEncoder().encode("another secret of thirty-two bytes!!");
  test.each<[string, () => string | Promise<string>, string]>([
    ["the control: these claims with our secret pass", () => sign(GOOD_CLAIMS), "ok"],
    ["another secret", () => sign(GOOD_CLAIMS, otherSecret), "INVALID_CREDENTIALS"],
    ["algorithm none", () => new UnsecuredJWT(GOOD_CLAIMS).encode(), "INVALID_CREDENTIALS"],
    ["another HMAC", () => sign(GOOD_CLAIMS, SECRET, "HS512"), "INVALID_CREDENTIALS"],
    ["another issuer", () => sign({ ...GOOD_CLAIMS, iss: "elsewhere" }), "INVALID_CREDENTIALS"],
    ["no issuer", () => sign({ ...GOOD_CLAIMS, iss: undefined }), "INVALID_CREDENTIALS"],
    ["no subject", () => sign({ ...GOOD_CLAIMS, sub: undefined }), "INVALID_CREDENTIALS"],
    ["no expiry would be for ever", () => sign({ ...GOOD_CLAIMS, exp: undefined }), "INVALID_CREDENTIALS"],
    ["no issue time could not be revoked", () => sign({ ...GOOD_CLAIMS, iat: undefined }), "INVALID_CREDENTIALS"],
    ["no role", () => sign({ ...GOOD_CLAIMS, role: undefined }), "INVALID_CREDENTIALS"],
    ["a role that does not exist", () => sign({ ...GOOD_CLAIMS, role: "owner" }), "INVALID_CREDENTIALS"],
    ["a higher role than stored", () => sign({ ...GOOD_CLAIMS, role: "system" }), "INVALID_CREDENTIALS"],
    ["no token type", () => sign({ ...GOOD_CLAIMS, token_type: undefined }), "INVALID_CREDENTIALS"],
    ["an unknown user", () => sign({ ...GOOD_CLAIMS, sub: "bob" }), "INVALID_CREDENTIALS"],
    ["a subject that is a path", () => sign({ ...GOOD_CLAIMS, sub: "../alice" }), "INVALID_CREDENTIALS"],
    ["expired", () => sign({ ...GOOD_CLAIMS, exp: SECONDS - 61 }), "TOKEN_EXPIRED"],
    ["expired within the leeway", () => sign({ ...GOOD_CLAIMS, exp: SECONDS - 30 }), "ok"],
    ["empty", () => "", "INVALID_CREDENTIALS"],
    ["not a token", () => "a.b.c", "INVALID_CREDENTIALS"],
    ["a token of a megabyte", () => "x".repeat(1_000_000), "INVALID_CREDENTIALS"],
  ])("%s", async (_why, make, code) => {
    expect(await authenticate(await make())).toBe(code);
  });

  test("an asymmetric token of someone's own key", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const token = await new SignJWT(GOOD_CLAIMS).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
    expect(await authenticate(token)).toBe("INVALID_CREDENTIALS");
  });

  test("a good token with one character of its signature changed", async () => {
    const { access } = await login();
    const at = access.length - 10;
    const other = access[at] === "A" ? "B" : "A";
    expect(await authenticate(access.slice(0, at) + other + access.slice(at + 1))).toBe("INVALID_CREDENTIALS");
  });
});

test("AU-01 a refresh token is refused as access token, and the reverse", async () => {
  const { access, refresh } = await login();
  expect(await authenticate(refresh)).toBe("INVALID_CREDENTIALS");
  expect(await codeOf(world.accounts.refresh(access))).toBe("INVALID_CREDENTIALS");
  expect(await codeOf(world.accounts.refresh(refresh))).toBe("ok");
});

describe("AU-01 a token already checked, and remembered, is held against clock and record at every use", () => {
  test("expiry, to the millisecond of the leeway's end", async () => {
    const { access } = await login();
    expect(await authenticate(access)).toBe("ok");
    world.clock.advance(24 * HOUR_MS + EXPIRY_LEEWAY_MS - 1);
    expect(await authenticate(access)).toBe("ok");
    world.clock.advance(1);
    expect(await authenticate(access)).toBe("TOKEN_EXPIRED");
  });

  test("role change", async () => {
    const { access } = await login();
    expect(await authenticate(access)).toBe("ok");
    await world.store.put({ ...storedUser(world, "alice"), role: "dba" });
    expect(await authenticate(access)).toBe("INVALID_CREDENTIALS");
  });

  test("deletion", async () => {
    const { access } = await login();
    expect(await authenticate(access)).toBe("ok");
    await world.store.put({ ...storedUser(world, "alice"), deletedAtMs: START_MS });
    expect(await authenticate(access)).toBe("INVALID_CREDENTIALS");
  });

  test("revocation", async () => {
    const { access } = await login();
    expect(await authenticate(access)).toBe("ok");
    await world.store.put({ ...storedUser(world, "alice"), tokensValidFromMs: START_MS + 1 });
    expect(await authenticate(access)).toBe("INVALID_CREDENTIALS");
  });
});

test("AU-01 a revocation lies after tokens issued in its own millisecond and after the clock stepped back", async () => {
  const tokens = await createTokens({ secret: SECRET, accessLifeMs: HOUR_MS });
  const alice = storedUser(world, "alice");
  const context = (validFrom: number) => ({
    user: () => ({ ...alice, tokensValidFromMs: validFrom }),
    users: () => [],
    nowMs: START_MS,
  });
  const { accessToken: before } = await tokens.issue(alice, CLAIM, START_MS);
  for (const nowMs of [START_MS, START_MS - HOUR_MS]) {
    const validFrom = tokens.revocationMoment(alice, nowMs);
    expect(await codeOf(tokens.verifyAccess(before, context(validFrom)))).toBe("INVALID_CREDENTIALS");
    // A login right after it gets tokens that are good.
    const { accessToken: after } = await tokens.issue({ ...alice, tokensValidFromMs: validFrom }, CLAIM, nowMs);
    expect(await codeOf(tokens.verifyAccess(after, context(validFrom)))).toBe("ok");
  }
});

test("AU-01 a token without the exact issue time counts as issued at the start of its second", async () => {
  const token = await sign(GOOD_CLAIMS);
  await world.store.put({ ...storedUser(world, "alice"), tokensValidFromMs: START_MS });
  expect(await authenticate(token)).toBe("ok");
  await world.store.put({ ...storedUser(world, "alice"), tokensValidFromMs: START_MS + 1 });
  expect(await authenticate(token)).toBe("INVALID_CREDENTIALS");
});
