// Tokens of a trusted issuer, made by a real issuer on a loopback port, held against signature, claims, clock and account.
import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { SignJWT, UnsecuredJWT } from "jose";
import { parseUserId } from "../../src/base/ids.ts";
import { codeOf, newWorld, PASSWORD, START_MS, storedUser, type World } from "./fixture.ts";
import { type IssuerFault, LocalIssuer } from "./local-issuer.ts";

const SECONDS = START_MS / 1000;
const COOLDOWN_MS = 11_000;

let issuer: LocalIssuer;
let world: World;

async function worldOf(issuerUrl: string, audiences: readonly string[] = []): Promise<World> {
  const made = await newWorld({ "auth.jwt_trusted_issuers": [issuerUrl], "auth.jwt_audiences": audiences });
  const signIn = { kind: "oauth", issuer: issuerUrl, subject: "subject-7" } as const;
  await made.accounts.createUser("dba", { user: parseUserId("carol"), signIn, role: "service", email: undefined });
  return made;
}

beforeEach(async () => {
  issuer = new LocalIssuer();
  await issuer.rotate("key-1");
  world = await worldOf(issuer.url);
});
afterEach(() => issuer.close());

function claims(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return { sub: "subject-7", iss: issuer.url, iat: SECONDS, exp: SECONDS + 300, jti: "one", ...overrides };
}

function authenticate(token: string): Promise<string> {
  return codeOf(world.accounts.authenticate(token));
}

test("AU-01 a trusted issuer's token speaks for the account with its subject, in that account's role", async () => {
  const token = await issuer.sign(claims({ role: "system", email: "x@example.com" }));
  expect(await world.accounts.authenticate(token)).toEqual({
    user: parseUserId("carol"),
    role: "service",
    tokenId: "one",
    issuedAtMs: START_MS,
    expiresAtMs: START_MS + 300_000,
  });
});

describe("AU-01 a token that is not the issuer's, or not good, is refused", () => {
  const shared = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
  test.each<[string, () => string | Promise<string>, string]>([
    ["the control passes", () => issuer.sign(claims()), "ok"],
    ["clocks may disagree by a minute", () => issuer.sign(claims({ exp: SECONDS - 59 })), "ok"],
    ["expired", () => issuer.sign(claims({ exp: SECONDS - 61 })), "TOKEN_EXPIRED"],
    ["not yet valid", () => issuer.sign(claims({ nbf: SECONDS + 3600 })), "INVALID_CREDENTIALS"],
    ["issued in the future", () => issuer.sign(claims({ iat: SECONDS + 61 })), "INVALID_CREDENTIALS"],
    ["no expiry would be for ever", () => issuer.sign(claims({ exp: undefined })), "INVALID_CREDENTIALS"],
    ["no subject", () => issuer.sign(claims({ sub: undefined })), "INVALID_CREDENTIALS"],
    ["nobody has the subject", () => issuer.sign(claims({ sub: "subject-8" })), "INVALID_CREDENTIALS"],
    ["the user's id is not their subject", () => issuer.sign(claims({ sub: "carol" })), "INVALID_CREDENTIALS"],
    ["an issuer nobody trusts", () => issuer.sign(claims({ iss: "https://other.example.com" })), "INVALID_CREDENTIALS"],
    ["the issuer with a slash is another", () => issuer.sign(claims({ iss: `${issuer.url}/` })), "INVALID_CREDENTIALS"],
    ["an unknown key id", () => issuer.sign(claims(), { kid: "key-9" }), "INVALID_CREDENTIALS"],
    ["no signature", () => new UnsecuredJWT(claims()).encode(), "INVALID_CREDENTIALS"],
    [
      "signed with our own secret",
      () => new SignJWT(claims()).setProtectedHeader({ alg: "HS256" }).sign(shared),
      "INVALID_CREDENTIALS",
    ],
    [
      "signed with the issuer's public key as if it were a shared secret",
      async () => {
        const bytes = new TextEncoder().encode(JSON.stringify(await issuer.publicKey()));
        return new SignJWT(claims()).setProtectedHeader({ alg: "HS256", kid: "key-1" }).sign(bytes);
      },
      "INVALID_CREDENTIALS",
    ],
  ])("%s", async (_why, token, code) => {
    expect(await authenticate(await token())).toBe(code);
  });
});

test.each([["ES256"], ["PS384"]])("AU-01 %s signatures count too", async (algorithm) => {
  await issuer.rotate("key-2", algorithm);
  expect(await authenticate(await issuer.sign(claims()))).toBe("ok");
});

test("AU-01 a rotated key is fetched when it is first seen, and the old one stops to count", async () => {
  const old = await issuer.sign(claims({ jti: "old" }));
  expect(await authenticate(await issuer.sign(claims()))).toBe("ok");
  await issuer.rotate("key-2");
  const fresh = await issuer.sign(claims({ jti: "two" }));
  // Keys were read a moment ago: an unknown key id may not make us ask again for every token.
  expect(await authenticate(fresh)).toBe("INVALID_CREDENTIALS");
  expect(issuer.asked.keys).toBe(1);
  const later = await worldOf(issuer.url);
  expect(await codeOf(later.accounts.authenticate(fresh))).toBe("ok");
  expect(await codeOf(later.accounts.authenticate(old))).toBe("INVALID_CREDENTIALS");
});

describe("AU-01 a token that was checked before", () => {
  const KEYS_ARE_OLD_MS = 10 * 60_000;
  afterEach(() => {
    setSystemTime();
  });

  async function checkedToken(): Promise<string> {
    const token = await issuer.sign(claims({ exp: SECONDS + 7200 }));
    expect(await authenticate(token)).toBe("ok");
    return token;
  }
  /** The issuer's key set is aged by the system's clock, a token by ours. */
  function wait(ms: number): void {
    world.clock.advance(ms);
    setSystemTime(Date.now() + ms);
  }

  test("ends when its issuer withdraws the key, once the keys are read again", async () => {
    const token = await checkedToken();
    await issuer.rotate("key-2");
    expect(await authenticate(token)).toBe("ok");
    wait(KEYS_ARE_OLD_MS);
    expect(await authenticate(token)).toBe("INVALID_CREDENTIALS");
  });

  test("stays good while its issuer cannot be asked", async () => {
    const token = await checkedToken();
    issuer.fault = "keys fail";
    wait(KEYS_ARE_OLD_MS);
    expect(await authenticate(token)).toBe("ok");
    const asked = issuer.asked.keys;
    expect(await authenticate(token)).toBe("ok");
    expect(issuer.asked.keys).toBe(asked);
  });
});

test("AU-01 a token from before its account was made is good: issuers know users first", async () => {
  expect(await authenticate(await issuer.sign(claims({ iat: SECONDS - 600 })))).toBe("ok");
});

test("AU-01 logout voids a token whose issuer's clock is ahead, and not the one that comes after it", async () => {
  const ahead = await issuer.sign(claims({ iat: SECONDS + 50 }));
  expect(await authenticate(ahead)).toBe("ok");
  await world.accounts.logout({ access: ahead, refresh: undefined });
  expect(await authenticate(ahead)).toBe("INVALID_CREDENTIALS");
  expect(await authenticate(await issuer.sign(claims({ iat: SECONDS + 51 })))).toBe("ok");
});

test("AU-01 with audiences configured, a token made for another application is refused", async () => {
  world = await worldOf(issuer.url, ["kalam", "chat"]);
  expect(await authenticate(await issuer.sign(claims({ aud: ["other", "chat"] })))).toBe("ok");
  expect(await authenticate(await issuer.sign(claims({ aud: "other" })))).toBe("INVALID_CREDENTIALS");
  expect(await authenticate(await issuer.sign(claims()))).toBe("INVALID_CREDENTIALS");
});

describe("AU-01 an issuer that cannot be asked is told apart from a bad token", () => {
  test.each<[IssuerFault]>([
    ["discovery fails"],
    ["keys fail"],
    ["names another issuer"],
    ["redirects"],
    ["endless keys"],
    ["keys are no key set"],
  ])("%s", async (fault) => {
    issuer.fault = fault;
    const token = await issuer.sign(claims());
    expect(await authenticate(token)).toBe("ISSUER_UNAVAILABLE");
    issuer.fault = "none";
    world.clock.advance(COOLDOWN_MS);
    expect(await authenticate(token)).toBe("ok");
  });

  test("a failing issuer is asked once in ten seconds, whatever the number of tokens", async () => {
    issuer.fault = "discovery fails";
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_unused, index) => issuer.sign(claims({ jti: `${index}` }))),
    );
    const codes = await Promise.all(tokens.map(authenticate));
    expect(new Set(codes)).toEqual(new Set(["ISSUER_UNAVAILABLE"]));
    expect(await authenticate(tokens[0] ?? "")).toBe("ISSUER_UNAVAILABLE");
    expect(issuer.asked.discovery).toBe(1);
  });
});

test("AU-01 logout and a role change void an issuer's token like our own", async () => {
  const token = await issuer.sign(claims());
  expect(await authenticate(token)).toBe("ok");
  world.clock.advance(5_000);
  await world.accounts.alterUser("dba", parseUserId("carol"), { kind: "role", role: "user" });
  expect(await authenticate(token)).toBe("INVALID_CREDENTIALS");
  const next = await issuer.sign(claims({ iat: SECONDS + 6, jti: "two" }));
  world.clock.advance(5_000);
  expect((await world.accounts.authenticate(next)).role).toBe("user");
  await world.accounts.logout({ access: next, refresh: undefined });
  expect(await authenticate(next)).toBe("INVALID_CREDENTIALS");
  expect(world.revoked.map(([, reason]) => reason)).toEqual(["role changed", "logout"]);
});

test("AU-01 a user of an issuer has no password, and one subject belongs to one user", async () => {
  for (const password of ["", PASSWORD]) {
    expect(await codeOf(world.accounts.login({ user: "carol", password, isLoopback: true }))).toBe(
      "INVALID_CREDENTIALS",
    );
  }
  const change = { kind: "password", password: PASSWORD } as const;
  expect(await codeOf(world.accounts.alterUser("dba", parseUserId("carol"), change))).toBe("INVALID_INPUT");
  expect(storedUser(world, "carol")).toMatchObject({
    passwordHash: "",
    oauth: { issuer: issuer.url, subject: "subject-7" },
  });
  const create = (issuerUrl: string, subject: string) =>
    world.accounts.createUser("dba", {
      user: parseUserId("dave"),
      signIn: { kind: "oauth", issuer: issuerUrl, subject },
      role: "user",
      email: undefined,
    });
  expect(await codeOf(create(issuer.url, "subject-7"))).toBe("ALREADY_EXISTS");
  expect(await codeOf(create("https://other.example.com", "x"))).toBe("INVALID_INPUT");
  expect(await codeOf(create(issuer.url, "subject-8"))).toBe("ok");
});
