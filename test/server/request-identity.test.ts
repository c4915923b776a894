// AU-03 and the page's cookie over a real server: who a request without a token is, and who it is not.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let closed: TestServer;
let open: TestServer;
/** Besides: pages of one origin, or of any, may call. */
let listed: TestServer;
let any: TestServer;

beforeAll(async () => {
  closed = await startTestServer();
  open = await startTestServer({ "auth.localhost_user": "dev" });
  const pages = (origin: string) => ({ "auth.localhost_user": "dev", "security.cors.allowed_origins": [origin] });
  listed = await startTestServer(pages("http://localhost:5173"));
  any = await startTestServer(pages("*"));
  for (const server of [closed, open, listed, any]) await server.user("dev");
});

afterAll(async () => {
  for (const server of [closed, open, listed, any]) await server[Symbol.asyncDispose]();
});

async function whoIs(server: TestServer, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${server.url}/v1/api/sql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ sql: "SELECT CURRENT_USER()" }),
  });
  if (response.status === 403 && response.headers.get("content-type")?.includes("json") !== true) return "FORBIDDEN";
  const body = (await response.json()) as { results?: { rows?: unknown[][] }[]; error?: { code: string } };
  return body.error?.code ?? body.results?.[0]?.rows?.[0]?.[0];
}

describe("AU-03 a request without a credential", () => {
  test.each<[string, () => TestServer, Record<string, string>, string]>([
    ["is nobody by default", () => closed, {}, "MISSING_AUTHORIZATION"],
    ["is the configured user on this machine", () => open, {}, "dev"],
    ["is nobody through a proxy", () => open, { "x-forwarded-for": "127.0.0.1" }, "MISSING_AUTHORIZATION"],
    ["is nobody through another kind of proxy", () => open, { forwarded: "for=127.0.0.1" }, "MISSING_AUTHORIZATION"],
    ["is nobody through a cache", () => open, { via: "1.1 cache" }, "MISSING_AUTHORIZATION"],
    ["is nobody when another site asks", () => open, { "sec-fetch-site": "cross-site" }, "MISSING_AUTHORIZATION"],
    ["is the configured user in the address bar", () => open, { "sec-fetch-site": "none" }, "dev"],
    ["is the configured user on a listed page", () => listed, { origin: "http://localhost:5173" }, "dev"],
    ["is nobody on a page that any may be", () => any, { origin: "http://localhost:5173" }, "MISSING_AUTHORIZATION"],
    ["is nobody when a page's own name points here", () => open, { host: "evil.example:80" }, "MISSING_AUTHORIZATION"],
    ["is refused from a page of elsewhere", () => open, { origin: "https://evil.example" }, "FORBIDDEN"],
    ["with a bad token is not the default user", () => open, { authorization: "Bearer x" }, "INVALID_CREDENTIALS"],
    ["with another scheme neither", () => open, { authorization: "Basic eDp5" }, "INVALID_CREDENTIALS"],
  ])("%s", async (_why, server, headers, expected) => {
    expect(await whoIs(server(), headers)).toBe(expected);
  });

  test("is nobody once the configured user is dropped", async () => {
    const server = await startTestServer({ "auth.localhost_user": "gone" });
    try {
      expect(await whoIs(server, {})).toBe("INVALID_CREDENTIALS");
      await server.user("gone");
      expect(await whoIs(server, {})).toBe("gone");
      await server.root.sql("DROP USER gone");
      expect(await whoIs(server, {})).toBe("INVALID_CREDENTIALS");
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});

describe("AU-02 the page's cookie", () => {
  const cookie = () => `kalamdb_auth=${closed.root.token}`;
  test.each<[string, () => Record<string, string>, string]>([
    ["counts for the server's own page", () => ({ cookie: cookie(), origin: closed.url }), "root"],
    ["counts where no browser is", () => ({ cookie: cookie() }), "root"],
    ["counts by where a browser says it is", () => ({ cookie: cookie(), "sec-fetch-site": "same-origin" }), "root"],
    ["not from another site", () => ({ cookie: cookie(), "sec-fetch-site": "cross-site" }), "MISSING_AUTHORIZATION"],
    ["not from a sub-domain", () => ({ cookie: cookie(), "sec-fetch-site": "same-site" }), "MISSING_AUTHORIZATION"],
    ["not from another origin", () => ({ cookie: cookie(), origin: "http://127.0.0.1:1" }), "FORBIDDEN"],
    [
      "is not looked at beside a header",
      () => ({ cookie: cookie(), authorization: "Bearer x" }),
      "INVALID_CREDENTIALS",
    ],
    ["of a refresh token is none", () => ({ cookie: cookie().replace("_auth", "_refresh") }), "MISSING_AUTHORIZATION"],
  ])("%s", async (_why, headers, expected) => {
    expect(await whoIs(closed, headers())).toBe(expected);
  });
});

describe("AU-02 me is whom a statement would run as", () => {
  async function me(server: TestServer, headers: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${server.url}/v1/api/auth/me`, { headers });
    const body = (await response.json()) as { user?: { id: string }; error?: string };
    return body.user?.id ?? body.error;
  }
  const cookie = () => `kalamdb_auth=${closed.root.token}`;
  test.each<[string, () => TestServer, () => Record<string, string>, string]>([
    ["the token's user", () => closed, () => ({ authorization: `Bearer ${closed.root.token}` }), "root"],
    ["the page's user", () => closed, () => ({ cookie: cookie(), "sec-fetch-site": "same-origin" }), "root"],
    [
      "nobody on a page of a sibling domain",
      () => closed,
      () => ({ cookie: cookie(), "sec-fetch-site": "same-site" }),
      "unauthorized",
    ],
    ["the user of this machine", () => open, () => ({}), "dev"],
    ["nobody without anything", () => closed, () => ({}), "unauthorized"],
  ])("%s", async (_why, server, headers, expected) => {
    expect(await me(server(), headers())).toBe(expected);
  });

  test("AU-06 the user of an API key", async () => {
    await closed.root.sql("CREATE USER reporter WITH INTERNAL ROLE service");
    const [created] = await closed.root.rows("CREATE API KEY k FOR reporter");
    expect(await me(closed, { "x-api-key": String(created?.[0]) })).toBe("reporter");
    expect(await me(closed, { "x-api-key": "kalam_wrong" })).toBe("unauthorized");
  });

  test("and a page of a sibling domain cannot end a session by its cookie", async () => {
    const token = await closed.user("visitor");
    const headers = { cookie: `kalamdb_auth=${token.token}`, "sec-fetch-site": "same-site" };
    await fetch(`${closed.url}/v1/api/auth/logout`, { method: "POST", headers });
    expect(await me(closed, { authorization: `Bearer ${token.token}` })).toBe("visitor");
  });
});

describe("LQ-20 an upgrade without a token", () => {
  function firstMessage(server: TestServer, query: string, headers: Record<string, string>): Promise<string> {
    const socket = new WebSocket(`${server.websocketUrl}${query}`, { headers } as unknown as string[]);
    return new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        resolve(String(data));
        socket.close();
      });
      socket.addEventListener("close", ({ code }) => resolve(`closed ${code}`));
      socket.addEventListener("open", () => {
        // Whoever is not known yet hears of nonsense; whoever is has been greeted before.
        socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: "nonsense" }));
      });
    });
  }

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      "is the page's user by its cookie",
      () => firstMessage(closed, "?protocol=kalam.v2", { cookie: `kalamdb_auth=${closed.root.token}` }),
      /root/,
    ],
    ["is the configured user on this machine", () => firstMessage(open, "?protocol=kalam.v2", {}), /dev/],
    [
      "waits for the message by default",
      () => firstMessage(closed, "?protocol=kalam.v2", {}),
      /INVALID_CREDENTIALS|error/i,
    ],
    [
      "waits for it in the peer's protocol, whose clients page by how they signed in",
      () => firstMessage(open, "", { cookie: `kalamdb_auth=${open.root.token}` }),
      /INVALID_CREDENTIALS|error/i,
    ],
  ])("%s", async (_why, first, expected) => {
    expect(await first()).toMatch(expected);
  });
});
