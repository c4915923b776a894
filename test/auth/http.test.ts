// Shapes, cookies and status codes of the auth endpoints, as clients see them.
import { beforeEach, describe, expect, test } from "bun:test";
import { type AuthEndpoint, type AuthRequest, type AuthResponse, answerAuth } from "../../src/auth/http.ts";
import { RateLimiter } from "../../src/auth/rate-limit.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { addUser, newWorld, PASSWORD, ROOT_PASSWORD, type World } from "./fixture.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await addUser(world, "admin", "dba");
});

const REMOTE = { address: "203.0.113.9", isLoopback: false, isHttps: false };
const LOCAL = { address: "127.0.0.1", isLoopback: true, isHttps: false };

interface CallOptions extends Partial<AuthRequest> {
  readonly cookieSecure?: boolean;
  readonly limiter?: RateLimiter;
}

function call(endpoint: AuthEndpoint, options: CallOptions = {}): Promise<AuthResponse> {
  const { cookieSecure = true, limiter = limiterOf(1000), ...request } = options;
  const deps = { accounts: world.accounts, limiter, config: { cookieSecure }, log: silentLog };
  return answerAuth(endpoint, { body: "", authorization: null, cookie: null, client: REMOTE, ...request }, deps);
}

function limiterOf(perSecond: number): RateLimiter {
  return new RateLimiter({ perSecond, capacity: 10, clock: world.clock });
}

function login(body: unknown, options: CallOptions = {}): Promise<AuthResponse> {
  return call("login", { body: typeof body === "string" ? body : JSON.stringify(body), ...options });
}

function parsed(response: AuthResponse): Record<string, unknown> {
  const body: unknown = JSON.parse(response.body);
  if (typeof body !== "object" || body === null) throw new Error("not an object");
  return { ...body };
}

const CREDENTIALS = { user: "admin", password: PASSWORD };

describe("AU-02 login", () => {
  test("answers with the peer's shape", async () => {
    const response = await login(CREDENTIALS);
    expect(response.status).toBe(200);
    expect(response.headers).toEqual({ "content-type": "application/json", "cache-control": "no-store" });
    expect(parsed(response)).toEqual({
      user: {
        id: "admin",
        role: "dba",
        email: null,
        created_at: "2026-01-02T10:00:00+00:00",
        updated_at: "2026-01-02T10:00:00+00:00",
      },
      admin_ui_access: true,
      expires_at: "2026-01-03T10:00:00+00:00",
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      refresh_expires_at: "2026-01-09T10:00:00+00:00",
    });
  });

  test("takes username for user, and denies the admin page to a plain user", async () => {
    await addUser(world, "alice");
    const response = await login({ username: "alice", password: PASSWORD });
    expect(parsed(response)).toMatchObject({ admin_ui_access: false, user: { id: "alice", role: "user" } });
  });

  test("sets both cookies: unreadable for scripts, never sent by other sites", async () => {
    const response = await login(CREDENTIALS);
    const { access_token: access, refresh_token: refresh } = parsed(response);
    const flags = "HttpOnly; SameSite=Strict; Path=/; Expires=";
    expect(response.setCookies).toEqual([
      `kalamdb_auth=${String(access)}; ${flags}Sat, 03 Jan 2026 10:00:00 GMT`,
      `kalamdb_refresh=${String(refresh)}; ${flags}Fri, 09 Jan 2026 10:00:00 GMT`,
    ]);
  });

  test.each([
    ["over https, as configured", true, true, true],
    ["over http a Secure cookie would be lost", true, false, false],
    ["switched off", false, true, false],
  ])("cookies are Secure only when configured and https: %s", async (_why, cookieSecure, isHttps, isSecure) => {
    const response = await login(CREDENTIALS, { cookieSecure, client: { ...REMOTE, isHttps } });
    expect(response.setCookies.map((cookie) => cookie.endsWith("; Secure"))).toEqual([isSecure, isSecure]);
  });

  test("wrong password, unknown, dropped and empty user get one and the same response", async () => {
    await addUser(world, "gone");
    await world.accounts.dropUser("system", parseUserId("gone"));
    const bodies = [
      { user: "admin", password: "wrong" },
      { user: "nobody", password: PASSWORD },
      { user: "gone", password: PASSWORD },
      { user: "", password: PASSWORD },
      { user: "a/../b", password: PASSWORD },
    ];
    for (const body of bodies) {
      expect(await login(body)).toEqual({
        status: 401,
        headers: { "content-type": "application/json", "cache-control": "no-store" },
        setCookies: [],
        body: '{"error":"unauthorized","message":"Invalid credentials"}',
      });
    }
  });

  test("the sixth attempt after five failures says that the account is locked, in minutes", async () => {
    for (let n = 0; n < 5; n++) await login({ user: "admin", password: "wrong" });
    const response = await login(CREDENTIALS);
    expect(response.status).toBe(401);
    expect(parsed(response)).toMatchObject({ error: "account_locked", message: expect.stringContaining("15 minutes") });
  });

  test("AU-04 attempts past the address's rate get 429, another address is not held back", async () => {
    const limiter = limiterOf(1);
    expect((await login(CREDENTIALS, { limiter })).status).toBe(200);
    const response = await login(CREDENTIALS, { limiter });
    expect(response.status).toBe(429);
    expect(response.headers["retry-after"]).toBe("1");
    expect(parsed(response)).toEqual({
      error: "rate_limited",
      message: "Too many authentication attempts. Please retry shortly.",
    });
    expect((await login(CREDENTIALS, { limiter, client: LOCAL })).status).toBe(200);
  });

  test("a failure inside is not described to the client", async () => {
    world.store.isFull = true;
    const response = await login({ user: "admin", password: "wrong" });
    expect(response.status).toBe(500);
    expect(parsed(response)).toEqual({ error: "internal_error", message: "Authentication failed" });
  });
});

describe("AU-02 a body that is not right gets 400 in plain text, without its values", () => {
  const secret = "s3cret-in-the-body";
  test.each<[string, string, string]>([
    ["empty", "", "malformed JSON"],
    ["cut short", `{"user":"a","password":"${secret}`, "malformed JSON"],
    ["a list", "[]", "expected an object"],
    ["null", "null", "expected an object"],
    ["missing field", '{"user":"a"}', 'missing field "password"'],
    ["unknown field", `{"user":"a","password":"${secret}","otp":"1"}`, 'unknown field "otp"'],
    [
      "__proto__ is an unknown field",
      `{"user":"a","password":"${secret}","__proto__":{}}`,
      'unknown field "__proto__"',
    ],
    ["field of setup", `{"user":"a","password":"${secret}","root_password":"x"}`, 'unknown field "root_password"'],
    ["both spellings", `{"user":"a","username":"b","password":"${secret}"}`, 'duplicate field "user"'],
    ["number", `{"user":1,"password":"${secret}"}`, '"user" must be a string'],
    ["null in a required field", `{"user":"a","password":null}`, '"password" must be a string'],
    ["user of 129 bytes", JSON.stringify({ user: "a".repeat(129), password: secret }), '"user" exceeds 128 bytes'],
    [
      "user of 65 letters of two bytes",
      JSON.stringify({ user: "ä".repeat(65), password: secret }),
      "exceeds 128 bytes",
    ],
    ["password of 257 bytes", JSON.stringify({ user: "a", password: "p".repeat(257) }), "exceeds 256 bytes"],
    ["too long altogether", `{"user":"a","password":"${"\\u0041".repeat(5000)}"}`, "body is too long"],
  ])("%s", async (_why, body, message) => {
    const response = await login(body);
    expect(response.status).toBe(400);
    expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(response.body).toContain(message);
    expect(response.body).not.toContain(secret);
  });

  test("user of 128 bytes and password of 256 are still looked at", async () => {
    expect((await login({ user: "a".repeat(128), password: "p".repeat(256) })).status).toBe(401);
  });
});

async function tokens(): Promise<{ access: string; refresh: string }> {
  const body = parsed(await login(CREDENTIALS));
  return { access: String(body["access_token"]), refresh: String(body["refresh_token"]) };
}

describe("AU-02 me", () => {
  test.each<[string, (access: string, refresh: string) => Partial<AuthRequest>, number]>([
    ["bearer", (access) => ({ authorization: `Bearer ${access}` }), 200],
    ["scheme in lower case", (access) => ({ authorization: `bearer ${access}` }), 200],
    ["what else the request brings", (access) => ({ caller: () => world.accounts.authenticate(access) }), 200],
    ["nothing", () => ({}), 401],
    ["Basic", () => ({ authorization: `Basic ${btoa("admin:x")}` }), 401],
    [
      "Basic, though something else is good",
      (access) => ({ authorization: "Basic x", caller: () => world.accounts.authenticate(access) }),
      401,
    ],
    ["refresh token", (_access, refresh) => ({ authorization: `Bearer ${refresh}` }), 401],
    ["refresh cookie", (_access, refresh) => ({ cookie: `kalamdb_refresh=${refresh}` }), 401],
  ])("%s", async (_why, request, status) => {
    const { access, refresh } = await tokens();
    const response = await call("me", request(access, refresh));
    expect(response.status).toBe(status);
    if (status === 401) expect(parsed(response)).toEqual({ error: "unauthorized", message: "Invalid credentials" });
    else expect(parsed(response)).toMatchObject({ user: { id: "admin", role: "dba" }, admin_ui_access: true });
  });
});

describe("AU-02 refresh", () => {
  test("by cookie or bearer gives a new pair in login's shape, and new cookies", async () => {
    const { refresh } = await tokens();
    for (const request of [{ cookie: `kalamdb_refresh=${refresh}` }, { authorization: `BEARER ${refresh}` }]) {
      const response = await call("refresh", request);
      expect(response.status).toBe(200);
      expect(Object.keys(parsed(response))).toEqual(Object.keys(parsed(await login(CREDENTIALS))));
      expect(response.setCookies.length).toBe(2);
      expect(parsed(response)["refresh_token"]).not.toBe(refresh);
    }
  });

  test("an access token is told apart", async () => {
    const { access } = await tokens();
    const response = await call("refresh", { authorization: `Bearer ${access}` });
    expect(response.status).toBe(401);
    expect(parsed(response)).toEqual({
      error: "unauthorized",
      message: "Refresh endpoint requires a refresh token",
    });
  });

  test("without a token", async () => {
    expect((await call("refresh")).status).toBe(401);
  });
});

describe("AU-01 logout", () => {
  test.each<[string, (access: string, refresh: string) => Partial<AuthRequest>]>([
    ["access token", (access) => ({ authorization: `Bearer ${access}` })],
    ["refresh token as bearer", (_access, refresh) => ({ authorization: `Bearer ${refresh}` })],
    ["cookies", (access, refresh) => ({ cookie: `kalamdb_auth=${access}; kalamdb_refresh=${refresh}` })],
    ["refresh cookie", (_access, refresh) => ({ cookie: `kalamdb_refresh=${refresh}` })],
  ])("by %s clears the cookies and voids the tokens", async (_why, request) => {
    const { access, refresh } = await tokens();
    const response = await call("logout", request(access, refresh));
    expect(response.status).toBe(200);
    expect(parsed(response)).toEqual({ message: "Logged out successfully" });
    const expired = "HttpOnly; SameSite=Strict; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    expect(response.setCookies).toEqual([`kalamdb_auth=; ${expired}`, `kalamdb_refresh=; ${expired}`]);
    expect((await call("me", { authorization: `Bearer ${access}` })).status).toBe(401);
    expect((await call("refresh", { authorization: `Bearer ${refresh}` })).status).toBe(401);
    expect(world.revoked).toEqual([["admin", "logout"]]);
  });

  test("without a token succeeds and voids nothing", async () => {
    const { access } = await tokens();
    expect((await call("logout")).status).toBe(200);
    expect((await call("me", { authorization: `Bearer ${access}` })).status).toBe(200);
  });
});

describe("AU-02 setup and status", () => {
  const SETUP = { user: "first", password: PASSWORD, root_password: ROOT_PASSWORD };
  const setup = (change: object = {}, client = LOCAL): Promise<AuthResponse> =>
    call("setup", { body: JSON.stringify({ ...SETUP, ...change }), client });

  test("a fresh server says so, is set up, says so, and cannot be set up again", async () => {
    world = await newWorld({}, "");
    expect(parsed(await call("status", { client: LOCAL }))).toMatchObject({ needs_setup: true });
    expect((await login({ user: "root", password: "" })).status).toBe(428);
    const response = await setup({ email: "first@example.org" });
    expect(response.status).toBe(200);
    expect(parsed(response)).toEqual({
      user: {
        id: "first",
        role: "dba",
        email: "first@example.org",
        created_at: "2026-01-02T10:00:00+00:00",
        updated_at: "2026-01-02T10:00:00+00:00",
      },
      message: expect.any(String),
    });
    expect(response.setCookies).toEqual([]);
    expect(parsed(await call("status", { client: LOCAL }))).toMatchObject({ needs_setup: false });
    const again = await setup({ user: "second" });
    expect([again.status, parsed(again)["error"]]).toEqual([409, "already_configured"]);
  });

  test.each<[string, object, typeof LOCAL, number, string]>([
    ["another machine", {}, REMOTE, 403, "forbidden"],
    ["weak password", { password: "short" }, LOCAL, 400, "weak_password"],
    ["weak root password", { root_password: "password" }, LOCAL, 400, "weak_password"],
    ["bad user", { user: "a\\b" }, LOCAL, 400, "invalid_user"],
    ["empty user", { user: "" }, LOCAL, 400, "invalid_user"],
    ["root", { user: "root" }, LOCAL, 409, "user_exists"],
  ])("setup refuses %s", async (_why, change, client, status, error) => {
    world = await newWorld({}, "");
    const response = await setup(change, client);
    expect([response.status, parsed(response)["error"]]).toEqual([status, error]);
    expect(world.accounts.needsSetup()).toBe(true);
  });

  test("the message of a weak password names which of the two", async () => {
    world = await newWorld({}, "");
    expect(parsed(await setup({ password: "short" }))["message"]).toContain("Password of the new user");
    expect(parsed(await setup({ root_password: "short" }))["message"]).toContain("Root password");
  });

  test("status answers this machine only", async () => {
    expect((await call("status", { client: REMOTE })).status).toBe(403);
    expect((await call("status", { client: LOCAL })).status).toBe(200);
  });

  test("a login as root from elsewhere, before setup, is forbidden", async () => {
    world = await newWorld({}, "");
    const response = await login({ user: "root", password: "guess" });
    expect([response.status, parsed(response)["error"]]).toEqual([403, "forbidden"]);
    expect((await login({ user: "root", password: "guess" }, { client: LOCAL })).status).toBe(401);
  });
});
