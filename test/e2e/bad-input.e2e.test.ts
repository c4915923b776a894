// TB-12: bad input gets a clear coded error, nothing is half done, and the server goes on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer({
    "security.max_request_body_size": 64 * 1024,
    "security.max_ws_message_size": 16 * 1024,
  });
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql(
    "CREATE USER TABLE app.items (id BIGINT PRIMARY KEY, name TEXT NOT NULL, count INT, price DECIMAL(10, 2), at TIMESTAMP, doc JSON, ref UUID, on_day DATE, flag BOOLEAN)",
  );
  alice = await server.user("alice");
  await alice.sql("INSERT INTO app.items (id, name) VALUES (1, 'kept')");
});

afterAll(() => server[Symbol.asyncDispose]());

const STATEMENTS: readonly (readonly [
  why: string,
  sql: string,
  params: readonly unknown[] | undefined,
  expected: object,
])[] = [
  ["unknown table", "SELECT * FROM app.nope", undefined, { reason: "TABLE_NOT_FOUND" }],
  ["unknown namespace", "SELECT * FROM nope.items", undefined, { http: 400 }],
  ["unknown column", "SELECT nam FROM app.items", undefined, { reason: "COLUMN_NOT_FOUND", position: 7 }],
  ["syntax error, with its place", "SELECT * FORM app.items", undefined, { code: "INVALID_SQL", position: 9 }],
  ["unterminated string", "SELECT 'abc", undefined, { code: "BATCH_PARSE_ERROR" }],
  ["nothing to run", " ; -- nothing\n", undefined, { code: "EMPTY_SQL" }],
  ["too few parameters", "SELECT * FROM app.items WHERE id = $1 AND name = $2", [1], { code: "INVALID_PARAMETER" }],
  ["too many parameters", "SELECT * FROM app.items WHERE id = $1", [1, 2], { code: "INVALID_PARAMETER" }],
  ["parameter of the wrong type", "SELECT * FROM app.items WHERE id = $1", ["abc"], { code: "INVALID_PARAMETER" }],
  ["array parameter", "SELECT $1", [[1]], { code: "INVALID_PARAMETER" }],
  ["parameters with a batch", "SELECT $1; SELECT 1", [1], { code: "PARAMS_WITH_BATCH" }],
  [
    "NULL in NOT NULL",
    "INSERT INTO app.items (id, name) VALUES (2, NULL)",
    undefined,
    { reason: "NOT_NULL_VIOLATION" },
  ],
  ["NOT NULL left out", "INSERT INTO app.items (id) VALUES (2)", undefined, { reason: "NOT_NULL_VIOLATION" }],
  [
    "NULL in NOT NULL by update",
    "UPDATE app.items SET name = NULL WHERE id = 1",
    undefined,
    { reason: "NOT_NULL_VIOLATION" },
  ],
  [
    "second row bad: the first is not kept",
    "INSERT INTO app.items (id, name) VALUES (2, 'x'), (3, NULL)",
    undefined,
    { reason: "NOT_NULL_VIOLATION" },
  ],
  ["duplicate key", "INSERT INTO app.items (id, name) VALUES (1, 'again')", undefined, { reason: "DUPLICATE_KEY" }],
  [
    "duplicate key within the statement",
    "INSERT INTO app.items (id, name) VALUES (5, 'a'), (5, 'b')",
    undefined,
    { reason: "DUPLICATE_KEY" },
  ],
  [
    "integer out of range",
    "INSERT INTO app.items (id, name, count) VALUES (2, 'x', 3000000000)",
    undefined,
    { http: 400 },
  ],
  [
    "64-bit out of range",
    "INSERT INTO app.items (id, name) VALUES (9223372036854775808, 'x')",
    undefined,
    { http: 400 },
  ],
  [
    "text for an integer",
    "INSERT INTO app.items (id, name, count) VALUES (2, 'x', 'many')",
    undefined,
    { reason: "INVALID_VALUE" },
  ],
  [
    "bad timestamp",
    "INSERT INTO app.items (id, name, at) VALUES (2, 'x', '2024-13-01')",
    undefined,
    { reason: "INVALID_VALUE" },
  ],
  [
    "bad date",
    "INSERT INTO app.items (id, name, on_day) VALUES (2, 'x', '2023-02-29')",
    undefined,
    { reason: "INVALID_VALUE" },
  ],
  [
    "bad JSON value",
    "INSERT INTO app.items (id, name, doc) VALUES (2, 'x', '{')",
    undefined,
    { reason: "INVALID_VALUE" },
  ],
  ["bad UUID", "INSERT INTO app.items (id, name, ref) VALUES (2, 'x', 'zz')", undefined, { reason: "INVALID_VALUE" }],
  [
    "decimal too wide",
    "INSERT INTO app.items (id, name, price) VALUES (2, 'x', 123456789.00)",
    undefined,
    { reason: "INVALID_VALUE" },
  ],
  ["division by zero", "SELECT 1 / 0", undefined, { http: 400 }],
  ["types that do not compare", "SELECT * FROM app.items WHERE flag = 5", undefined, { http: 400 }],
  ["a column that is not grouped", "SELECT name, count(*) FROM app.items", undefined, { http: 400 }],
  ["update without WHERE", "UPDATE app.items SET count = 1", undefined, { http: 400 }],
  ["update of the key", "UPDATE app.items SET id = 9 WHERE id = 1", undefined, { http: 400 }],
  ["unknown function", "SELECT no_such(1)", undefined, { http: 400 }],
  ["a system view for a plain user", "SELECT * FROM system.users", undefined, { code: "PERMISSION_DENIED", http: 403 }],
  ["DDL for a plain user", "DROP TABLE app.items", undefined, { code: "PERMISSION_DENIED", http: 403 }],
  ["namespace DDL for a plain user", "CREATE NAMESPACE mine", undefined, { code: "PERMISSION_DENIED", http: 403 }],
  [
    "user management for a plain user",
    "CREATE USER 'eve' WITH PASSWORD 'long-enough-1' ROLE dba",
    undefined,
    { code: "PERMISSION_DENIED", http: 403 },
  ],
  ["a statement of PostgreSQL that is not offered", "COPY app.items TO '/tmp/x'", undefined, { http: 400 }],
  ["SQLite's own statements", "PRAGMA journal_mode", undefined, { http: 400 }],
  ["ATTACH", "ATTACH DATABASE '/tmp/x' AS y", undefined, { http: 400 }],
  ["a transaction left open", "BEGIN; INSERT INTO app.items (id, name) VALUES (7, 'open')", undefined, { http: 400 }],
  ["one name too many", "SELECT * FROM a.b.c", undefined, { http: 400 }],
  ["two hundred nested parentheses that do not close", `SELECT ${"(".repeat(200)}1`, undefined, { http: 400 }],
  ["a NUL character", "SELECT 'a\u0000b'", undefined, { http: 400 }],
];

test.each(STATEMENTS)("TB-12 %s", async (_why, sql, params, expected) => {
  const error = await alice.fails(sql, params);
  expect(error).toMatchObject(expected);
  expect(error.message.length).toBeGreaterThan(5);
  // Nothing was kept of the failed statement, and the server answers.
  expect(await alice.rows("SELECT id, name, count FROM app.items")).toEqual([["1", "kept", null]]);
});

test("TB-08 a batch stops at the failing statement and names it; what ran before stays", async () => {
  const reply = await alice.send(
    "INSERT INTO app.items (id, name) VALUES (20, 'a'); INSERT INTO app.items (id, name) VALUES (20, 'b'); INSERT INTO app.items (id, name) VALUES (21, 'c')",
  );
  expect(reply.error?.message).toStartWith("Statement 2 failed: ");
  expect(await alice.rows("SELECT id FROM app.items WHERE id >= 20")).toEqual([["20"]]);
  await alice.sql("DELETE FROM app.items WHERE id = 20");
});

test("TB-08 a transaction is all or nothing", async () => {
  await alice.fails(
    "BEGIN; INSERT INTO app.items (id, name) VALUES (30, 'a'); INSERT INTO app.items (id, name) VALUES (1, 'b'); COMMIT",
  );
  expect(await alice.rows("SELECT id FROM app.items WHERE id = 30")).toEqual([]);
  await alice.sql(
    "BEGIN; INSERT INTO app.items (id, name) VALUES (30, 'a'); UPDATE app.items SET name = 'b' WHERE id = 30; COMMIT",
  );
  expect(await alice.rows("SELECT name FROM app.items WHERE id = 30")).toEqual([["b"]]);
  await alice.sql("BEGIN; DELETE FROM app.items WHERE id = 30; ROLLBACK");
  expect(await alice.rows("SELECT name FROM app.items WHERE id = 30")).toEqual([["b"]]);
  await alice.sql("DELETE FROM app.items WHERE id = 30");
});

interface RawReply {
  readonly status: number;
  readonly body: string;
}

async function post(body: BodyInit, headers: Record<string, string> = {}): Promise<RawReply> {
  const response = await fetch(`${server.url}/v1/api/sql`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", authorization: `Bearer ${alice.token}`, ...headers },
  });
  return { status: response.status, body: await response.text() };
}

test.each([
  ["broken JSON", '{"sql": ', 400, "INVALID_INPUT"],
  ["no object", "[1, 2]", 400, "INVALID_INPUT"],
  ["no statement", "{}", 400, "INVALID_INPUT"],
  ["statement that is not text", '{"sql": 5}', 400, "INVALID_INPUT"],
  ["empty body", "", 400, "INVALID_INPUT"],
])("TB-12 HTTP body: %s", async (_why, body, status, code) => {
  const reply = await post(body);
  expect(reply.status).toBe(status);
  expect(JSON.parse(reply.body)).toMatchObject({ status: "error", results: [], error: { code } });
});

test("AU-04 an oversized body is refused", async () => {
  const reply = await post(JSON.stringify({ sql: `SELECT '${"x".repeat(100_000)}'` }));
  expect(reply.status).toBe(413);
});

test.each([
  ["no token", {}, "MISSING_AUTHORIZATION"],
  ["basic authentication", { authorization: `Basic ${btoa("alice:pass")}` }, "INVALID_CREDENTIALS"],
  ["not a token", { authorization: "Bearer nonsense" }, "INVALID_CREDENTIALS"],
  [
    "a token without signature",
    { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0." },
    "INVALID_CREDENTIALS",
  ],
])("AU-01 %s", async (_why, headers, code) => {
  const response = await fetch(`${server.url}/v1/api/sql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: '{"sql": "SELECT 1"}',
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ status: "error", error: { code } });
});

/** What a socket says until it closes or `count` frames came. */
async function socketTalk(
  frames: readonly (string | Uint8Array<ArrayBuffer>)[],
  count: number,
): Promise<{ frames: string[]; close: CloseEvent | undefined }> {
  const socket = new WebSocket(server.websocketUrl);
  const received: string[] = [];
  const { promise, resolve } = Promise.withResolvers<CloseEvent | undefined>();
  socket.onopen = () => {
    for (const frame of frames) socket.send(frame);
  };
  socket.onmessage = (event) => {
    received.push(String(event.data));
    if (received.length >= count) resolve(undefined);
  };
  socket.onclose = (event) => resolve(event);
  const close = await promise;
  socket.close();
  return { frames: received, close };
}

function authenticate(token: string): string {
  return JSON.stringify({
    type: "authenticate",
    method: "jwt",
    token,
    protocol: { serialization: "json", compression: "none" },
  });
}

test("LQ-20 a bad token closes the socket with 1008 after saying so", async () => {
  const talk = await socketTalk([authenticate("nonsense")], 9);
  expect(talk.frames[0]).toContain('"auth_error"');
  expect(talk.close?.code).toBe(1008);
});

test.each([
  ["broken JSON", "{", 1011],
  ["unknown message type", '{"type":"nope"}', 1011],
  ["a field missing", '{"type":"unsubscribe"}', 1011],
])("LQ-06 %s closes the socket with its reason", async (_why, frame, code) => {
  const talk = await socketTalk([authenticate(alice.token), frame], 9);
  expect(talk.close?.code).toBe(code);
  expect(talk.close?.reason).toContain("Invalid message");
});

test.each([
  ["blank subscription id", { id: " ", sql: "SELECT * FROM app.items" }, "INVALID_SUBSCRIPTION_ID"],
  ["unknown table", { id: "a", sql: "SELECT * FROM app.nope" }, "NOT_FOUND"],
  ["syntax error", { id: "a", sql: "SELEC" }, "INVALID_SQL"],
  ["a system view", { id: "a", sql: "SELECT * FROM system.users" }, "UNAUTHORIZED"],
])("LQ-01 subscribe with %s is answered and the socket stays", async (_why, subscription, code) => {
  const talk = await socketTalk(
    [
      authenticate(alice.token),
      JSON.stringify({ type: "subscribe", subscription }),
      JSON.stringify({ type: "subscribe", subscription: { id: "ok", sql: "SELECT * FROM app.items", options: null } }),
    ],
    3,
  );
  expect(talk.close).toBeUndefined();
  expect(talk.frames.join("\n")).toContain(`"code":"${code}"`);
  expect(talk.frames.join("\n")).toContain('"subscription_ack"');
});

test("LQ-20 subscribing before authenticating is refused and the socket stays", async () => {
  const talk = await socketTalk(
    [
      JSON.stringify({ type: "subscribe", subscription: { id: "a", sql: "SELECT * FROM app.items" } }),
      authenticate(alice.token),
    ],
    2,
  );
  expect(talk.frames[0]).toContain('"AUTH_REQUIRED"');
  expect(talk.frames[1]).toContain('"auth_success"');
});

test("LQ-12 a binary frame on a JSON socket is refused and the socket stays", async () => {
  const talk = await socketTalk([authenticate(alice.token), new Uint8Array([1, 2, 3])], 2);
  expect(talk.frames[1]).toContain('"UNSUPPORTED_DATA"');
  expect(talk.close).toBeUndefined();
});
