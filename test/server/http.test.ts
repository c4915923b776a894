// The HTTP side as a stranger meets it: routes, origins, limits, and callers that leave or stall in the middle.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

const ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
const TRUSTED = "https://app.example";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    "security.cors.allowed_origins": [TRUSTED],
    "security.max_request_body_size": 256 * 1024,
  });
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY, n INT)");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${server.url}${path}`, init);

function sqlRequest(sql: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${server.root.token}` };
  return ask("/v1/api/sql", { method: "POST", headers, body: JSON.stringify({ sql }), ...init });
}

async function stat(name: string, of = server): Promise<number> {
  const [row] = await of.root.rows(`SELECT metric_value FROM system.stats WHERE metric_name = '${name}'`);
  return Number(row?.[0]);
}

/** Asked without a query. */
async function queriesKilled(of: TestServer): Promise<number> {
  const headers = { authorization: `Bearer ${of.root.token}` };
  const text = await (await fetch(`${of.url}/metrics`, { headers })).text();
  return Number(/^kalamdb_queries_killed_total (\d+)$/m.exec(text)?.[1]);
}

/** A connection that a test writes by hand. */
async function rawConnection(): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => resolve());
  socket.on("error", reject);
  await promise;
  return socket;
}

test.each(["/health", "/v1/api/healthcheck"])(
  "OP-02 %s says status, version and uptime without a token",
  async (path) => {
    const response = await ask(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: "healthy",
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      api_version: "v1",
      uptime_seconds: expect.any(Number),
    });
  },
);

test.each([
  ["no such path", "GET", "/nothing", 404, null],
  ["no such auth endpoint", "POST", "/v1/api/auth/nothing", 404, null],
  ["a path that only begins like one", "POST", "/v1/api/sql/more", 404, null],
  ["a name every object has", "GET", "/v1/api/auth/constructor", 404, null],
  ["SQL by GET", "GET", "/v1/api/sql", 405, "POST"],
  ["health by POST", "POST", "/health", 405, "GET"],
  ["login by GET", "GET", "/v1/api/auth/login", 405, "POST"],
  ["me by POST", "POST", "/v1/api/auth/me", 405, "GET"],
  ["the socket without an upgrade", "GET", "/v1/ws", 426, null],
])("AU-02 %s", async (_why, method, path, status, allow) => {
  const response = await ask(path, { method });
  expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
});

test.each([
  ["no origin: no browser", undefined, 200, null],
  ["a trusted page", TRUSTED, 200, TRUSTED],
  ["a page of the server itself", "SELF", 200, "SELF"],
  ["a strange page", "https://evil.example", 403, null],
  ["a page without an origin of its own", "null", 403, null],
  ["a trusted name with something after it", `${TRUSTED}.evil.example`, 403, null],
])("AU-05 a cross-origin request from %s", async (_why, given, status, allowed) => {
  const named = (text: string | null | undefined): string | null => (text === "SELF" ? server.url : (text ?? null));
  const origin = named(given);
  const response = await ask("/health", origin === null ? {} : { headers: { origin } });
  expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([status, named(allowed)]);
});

test("AU-05 a preflight lets a trusted page send a token and no other page", async () => {
  const preflight = (origin: string): Promise<Response> =>
    ask("/v1/api/sql", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
  const [trusted, strange] = [await preflight(TRUSTED), await preflight("https://evil.example")];
  expect(trusted.status).toBe(204);
  expect(trusted.headers.get("access-control-allow-headers")).toContain("Authorization");
  expect(strange.status).toBe(403);
  expect(strange.headers.get("access-control-allow-origin")).toBeNull();
});

test("AU-05 a strange page can not open a socket either", async () => {
  const response = await ask("/v1/ws", {
    headers: {
      origin: "https://evil.example",
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  });
  expect(response.status).toBe(403);
});

test("AU-02 without a token nothing is said about the body", async () => {
  const response = await ask("/v1/api/sql", { method: "POST", body: "{{{" });
  expect([response.status, await response.json()]).toMatchObject([401, { error: { code: "MISSING_AUTHORIZATION" } }]);
});

test.each([
  ["empty", "", "INVALID_NAME"],
  ["a quote and more", "a'; DROP TABLE x; --", "INVALID_NAME"],
  ["a path", "../../etc", "INVALID_NAME"],
  ["500 characters", "n".repeat(500), "INVALID_NAME"],
  ["a number", 5, "INVALID_INPUT"],
  ["an object", { a: 1 }, "INVALID_INPUT"],
])("TB-12 namespace_id that is %s is refused", async (_why, namespaceId, code) => {
  const reply = await server.root.send("SELECT 1", undefined, { namespace_id: namespaceId });
  expect(reply.http).toBe(400);
  expect([reply.error?.code, reply.error?.reason]).toContain(code);
});

test("TB-01 namespace_id names the namespace of unqualified tables, null means none", async () => {
  expect((await server.root.send("SELECT * FROM t", undefined, { namespace_id: "app" })).status).toBe("success");
  expect((await server.root.send("SELECT * FROM t", undefined, { namespace_id: null })).error?.reason).toBe(
    "TABLE_NOT_FOUND",
  );
});

test("AU-04 a login body of more than a login's size is refused before it is read as one", async () => {
  const body = JSON.stringify({ user: "root", password: "x".repeat(100_000) });
  const response = await ask("/v1/api/auth/login", { method: "POST", body });
  expect([response.status, await response.json()]).toMatchObject([413, { error: { code: "BODY_TOO_LARGE" } }]);
});

test("AU-04 a body past the limit is refused, announced or in chunks, and the server goes on", async () => {
  expect((await sqlRequest(`SELECT '${"x".repeat(300_000)}'`)).status).toBe(413);
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let sent = 0; sent < 8; sent += 1) controller.enqueue(new Uint8Array(64 * 1024).fill(32));
      controller.close();
    },
  });
  const headers = { "content-type": "application/json", authorization: `Bearer ${server.root.token}` };
  const chunked = await ask("/v1/api/sql", { method: "POST", headers, body: chunks });
  expect(chunked.status).toBe(413);
  expect(await server.root.rows("SELECT 1")).toEqual([["1"]]);
});

test("AU-04 a statement past its deadline is stopped, its process replaced, and the next statement runs", async () => {
  await using hasty = await startTestServer({ "query.timeout_ms": 3_000 });
  // On a busy machine the deadline may come before a process has taken the statement: then there is nothing to stop.
  do {
    expect(await hasty.root.fails(ENDLESS)).toMatchObject({ http: 408, reason: "STATEMENT_TIMEOUT" });
  } while ((await queriesKilled(hasty)) === 0);
  await until(async () => (await hasty.root.send("SELECT 2")).status === "success", "the next statement runs");
});

test("AU-04 a caller who leaves frees the query process at once", async () => {
  // No deadline that a busy machine could reach before the caller leaves: only leaving ends the query.
  await using patient = await startTestServer({ "query.timeout_ms": 120_000 });
  const leaving = new AbortController();
  const answer = fetch(`${patient.url}/v1/api/sql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${patient.root.token}` },
    body: JSON.stringify({ sql: ENDLESS }),
    signal: leaving.signal,
  }).then(
    () => "answered",
    () => "gone",
  );
  await until(async () => (await stat("queries_running", patient)) > 0, "the query runs");
  leaving.abort();
  expect(await answer).toBe("gone");
  await until(async () => (await stat("queries_running", patient)) === 0, "the query is gone");
  expect(await stat("queries_killed", patient)).toBe(1);
});

test("a caller who leaves in the middle of a body leaves nothing behind", async () => {
  for (let round = 0; round < 20; round += 1) {
    const socket = await rawConnection();
    socket.write(
      `POST /v1/api/sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.root.token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"sql":`,
    );
    socket.destroy();
  }
  const socket = await rawConnection();
  socket.write("POST /v1/api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
  socket.destroy();
  expect(await server.root.rows("SELECT 3")).toEqual([["3"]]);
});

test.each([
  ["a division by zero", "UPDATE app.t SET n = n / 0 WHERE id = 1", "division by zero"],
  ["a division by zero in a point read", "SELECT n / 0 FROM app.t WHERE id = 1", "division by zero"],
  ["a sum too large", "UPDATE app.t SET n = n + 2147483647 WHERE id = 1", "integer out of range"],
  ["a sum too large by filter", "UPDATE app.t SET n = n + 2147483647 WHERE n > 0", "integer out of range"],
])("TB-12 %s is the statement's own error and changes nothing", async (_why, sql, text) => {
  await server.root.sql("INSERT INTO app.t VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = 5");
  const failed = await server.root.fails(sql);
  expect(failed).toMatchObject({ http: 400, code: "SQL_EXECUTION_ERROR" });
  expect(failed.message).toContain(text);
  expect(await server.root.rows("SELECT id, n FROM app.t")).toEqual([["1", 5]]);
});

test("AU-04 past the rate a user gets 429 with Retry-After, and another user is not held back", async () => {
  await using limited = await startTestServer({ "rate_limit.max_queries_per_sec": 5 });
  const other = await limited.user("other");
  const send = (token: string): Promise<Response> =>
    fetch(`${limited.url}/v1/api/sql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: '{"sql":"SELECT 1"}',
    });
  const replies = await Promise.all(Array.from({ length: 100 }, () => send(limited.root.token)));
  const refused = replies.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]?.headers.get("retry-after")).toBe("1");
  expect(await refused[0]?.json()).toMatchObject({ error: { code: "RATE_LIMIT_EXCEEDED" } });
  expect((await send(other.token)).status).toBe(200);
});

test("AU-04 a flood of messages past the rate is refused message by message and other sockets are not held back", async () => {
  await using limited = await startTestServer({ "rate_limit.max_messages_per_sec": 20 });
  await limited.root.sql("CREATE NAMESPACE app");
  await limited.root.sql("CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY, n INT)");
  const open = (): Promise<{ socket: WebSocket; frames: string[] }> => {
    const socket = new WebSocket(limited.websocketUrl);
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: limited.root.token }));
    const frames: string[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<{ socket: WebSocket; frames: string[] }>();
    socket.onerror = () => reject(new Error("no socket"));
    socket.onmessage = ({ data }) => {
      frames.push(String(data));
      resolve({ socket, frames });
    };
    return promise;
  };
  const [flooding, quiet] = [await open(), await open()];
  const subscribe = (id: string): string =>
    JSON.stringify({ type: "subscribe", subscription: { id, sql: "SELECT * FROM app.t" } });
  for (let index = 0; index < 200; index += 1) flooding.socket.send(subscribe(`s${index}`));
  await until(() => flooding.frames.some((text) => text.includes("RATE_LIMIT_EXCEEDED")), "a refusal");
  quiet.socket.send(subscribe("mine"));
  await until(() => quiet.frames.some((text) => text.includes('"mine"')), "an answer");
  expect(quiet.frames.join("")).not.toContain("RATE_LIMIT_EXCEEDED");
  flooding.socket.close();
  quiet.socket.close();
});

test("TB-07 each result says whether its plan was known, where that is configured", async () => {
  await using showing = await startTestServer({ "execution.show_plan_cache_hits": true });
  const { root } = showing;
  await root.sql("CREATE NAMESPACE app; CREATE SHARED TABLE app.t (id INT PRIMARY KEY)");
  const hits = async (sql: string): Promise<unknown[]> => {
    const { results } = await root.send(sql);
    return results.map((result) => ("cache_hit" in result ? result.cache_hit : undefined));
  };
  expect(await hits("INSERT INTO app.t VALUES (1)")).toEqual([false]);
  // Literals are no part of a plan.
  expect(await hits("INSERT INTO app.t VALUES (2)")).toEqual([true]);
  expect(await hits("SELECT id FROM app.t WHERE id = 1; SELECT id FROM app.t WHERE id = 2; SHOW NAMESPACES")).toEqual([
    false,
    true,
    undefined,
  ]);
  expect(await hits("BEGIN; DELETE FROM app.t WHERE id = 1; DELETE FROM app.t WHERE id = 2; COMMIT")).toEqual([
    undefined,
    false,
    true,
    undefined,
  ]);
  const { results } = await server.root.send("SELECT 1");
  expect(results[0]).not.toHaveProperty("cache_hit");
});
