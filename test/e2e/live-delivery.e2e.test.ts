// How live data reaches real sockets: newest rows in pages, slow readers, compression, tokens renewed in place.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat");
  await server.root.sql(
    "CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, room TEXT NOT NULL, n INT, doc JSON) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
  alice = await server.user("alice");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql("DELETE FROM chat.messages WHERE true");
});

function clientOf(user: TestUser, extra: object = {}): KalamClient {
  return createClient({ url: server.url, auth: { token: user.token }, ...extra });
}

async function insert(from: number, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => `(${from + index}, 'a', ${index})`);
  await server.root.sql(`INSERT INTO chat.messages (id, room, n) VALUES ${rows.join(", ")}`);
}

async function liveIds(user: TestUser): Promise<readonly string[]> {
  const rows = await server.root.rows("SELECT subscription_id FROM system.live_queries WHERE user_id = $1", [
    user.name,
  ]);
  return rows.map(([id]) => String(id));
}

test("LQ-06 the newest rows, more than a batch, flushed ones among them, are paged to every family", async () => {
  await server.root.sql("CREATE SHARED TABLE chat.log (id BIGINT PRIMARY KEY, n INT) WITH (ACCESS_LEVEL = 'PUBLIC')");
  const add = async (from: number, count: number): Promise<void> => {
    const rows = Array.from({ length: count }, (_, index) => `(${from + index}, ${(from + index) % 2})`);
    await server.root.sql(`INSERT INTO chat.log (id, n) VALUES ${rows.join(", ")}`);
  };
  await add(1, 60);
  await server.root.sql("STORAGE FLUSH TABLE chat.log");
  await until(async () => (await server.root.rows("SELECT * FROM system.segments")).length > 0);
  await add(61, 60);
  const sql = "SELECT * FROM chat.log WHERE n = 0";
  const expected = (await alice.rows("SELECT id FROM chat.log WHERE n = 0 ORDER BY id DESC LIMIT 45")).map(([id]) =>
    String(id),
  );
  await using peer = new PeerClient({ url: server.url, token: alice.token });
  await peer.connect();
  peer.subscribe("s", sql, { lastRows: 45, batchSize: 10 });
  await using native = clientOf(alice);
  const live = native.live(sql, { lastRows: 45, batchSize: 10 });
  await Promise.all([live.ready, peer.until(() => peer.isReady("s"))]);
  expect(new Set(peer.rows("s").map((row) => String(row["id"])))).toEqual(new Set(expected));
  expect(peer.said("initial_data_batch", "s").length).toBe(5);
  expect(new Set(live.rows().map((row) => String(row["id"])))).toEqual(new Set(expected));
});

test.each([
  ["with a snapshot", {}, ["snapshot", "ready", "insert"]],
  ["without", { snapshot: false }, ["ready", "insert"]],
])("LQ-12 a native client chooses to be sent the latest state when it is slow, %s", async (_why, options, kinds) => {
  await insert(1, 1);
  await using client = clientOf(alice);
  const seen: string[] = [];
  for await (const event of client.subscribe("SELECT * FROM chat.messages", { slowConsumer: "latest", ...options })) {
    seen.push(event.kind);
    if (event.kind === "ready") await server.root.sql("INSERT INTO chat.messages (id, room) VALUES (10, 'z')");
    if (event.kind === "insert") break;
  }
  expect(seen).toEqual(kinds);
});

test("LQ-12 a socket that stops reading gets the latest state of each row, and is not closed", async () => {
  const { socket, received, text } = await rawSubscriber("protocol=kalam.v2", { slow: "latest" });
  await until(() => text().includes('"ready":true'));
  socket.pause();
  received.length = 0;
  // Far more than the socket's buffers and the server's limit together take.
  const body = JSON.stringify("x".repeat(400_000));
  for (let n = 0; n < 60; n++) {
    await server.root.sql(
      "INSERT INTO chat.messages (id, room, n, doc) VALUES (1, 'a', $1, $2) ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n, doc = EXCLUDED.doc",
      [n, body],
    );
  }
  expect(await liveIds(alice)).toEqual(["slow"]);
  socket.resume();
  await until(() => text().includes('"n":59') || text().includes('"a",59,'));
  expect(text().length).toBeLessThan(60 * body.length);
  socket.end();
});

test("LQ-12 a peer that stops reading is closed within its bound, and until then was sent every row, in order", async () => {
  const { socket, text, closed } = await rawSubscriber("", {});
  await until(() => text().includes('"status":"ready"'));
  socket.pause();
  const doc = JSON.stringify("x".repeat(100_000));
  let written = 0;
  while ((await liveIds(alice)).length > 0) {
    // A commit of several rows, each a message of its own.
    const rows = [1, 2, 3, 4, 5].map((place) => `(${written + place}, 'a', 0, $1)`);
    await server.root.sql(`INSERT INTO chat.messages (id, room, n, doc) VALUES ${rows.join(", ")}`, [doc]);
    written += rows.length;
    expect(written).toBeLessThan(1_000);
  }
  socket.resume();
  await closed;
  const seen = [...text().matchAll(/"type":"change"[^{]*\{"id":"(\d+)"/g)].map(([, id]) => Number(id));
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).toEqual(seen.map((_id, index) => index + 1));
});

interface RawSubscriber {
  readonly socket: Bun.Socket;
  readonly received: Uint8Array[];
  readonly text: () => string;
  readonly closed: Promise<void>;
}

/** Alice's, of all messages, over a TCP connection whose reading can be stopped. */
async function rawSubscriber(parameters: string, options: object): Promise<RawSubscriber> {
  const { hostname, port } = new URL(server.url);
  const received: Uint8Array[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: (_socket, bytes) => void received.push(Uint8Array.from(bytes)), close: () => resolve() },
  });
  const text = (): string => Buffer.concat(received).toString("latin1");
  socket.write(
    `GET /v1/ws?${parameters}&compress=false HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${alice.token}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n`,
  );
  await until(() => text().includes("auth_success"));
  const subscription = { id: "slow", sql: "SELECT * FROM chat.messages", options };
  socket.write(maskedText(JSON.stringify({ type: "subscribe", subscription })));
  return { socket, received, text, closed };
}

/** A client's text frame; the mask is zero, which leaves the text as it is. */
function maskedText(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  return Uint8Array.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0, ...payload]);
}

interface RawFrame {
  readonly binary: boolean;
  readonly bytes: Uint8Array;
}

/** Frames as they came, of a client that authenticates by message. */
async function rawFrames(parameters: string, count: number): Promise<readonly RawFrame[]> {
  const socket = new WebSocket(`${server.websocketUrl}?${parameters}`);
  socket.binaryType = "arraybuffer";
  const frames: RawFrame[] = [];
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: alice.token }));
    const subscription = { id: "s", sql: "SELECT * FROM chat.messages", options: {} };
    socket.send(JSON.stringify({ type: "subscribe", subscription }));
  };
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    frames.push({ binary: typeof data !== "string", bytes });
  };
  await until(() => frames.length >= count);
  const big = JSON.stringify("y".repeat(2_000));
  await server.root.sql("INSERT INTO chat.messages (id, room, doc) VALUES (5000, 'a', $1)", [big]);
  await until(() => frames.length > count);
  socket.close();
  return frames;
}

test("LQ-06 initial data is gzipped unless the URL says compress=false; changes, which many share, never are", async () => {
  await insert(1, 100);
  for (const [parameters, packed] of [
    ["x=1", true],
    ["compress=false", false],
    ["protocol=kalam.v2", true],
  ] as const) {
    // Peer: auth_success, ack, batch; native: auth_success, ack, snapshot.
    const frames = await rawFrames(parameters, 3);
    const [authenticated, ack, data, change] = frames;
    expect([authenticated?.binary, data?.binary, change?.binary]).toEqual([false, packed, false]);
    expect(change?.bytes.byteLength).toBeGreaterThan(2_000);
    const text = new TextDecoder().decode(packed ? Bun.gunzipSync(Uint8Array.from(data?.bytes ?? [])) : data?.bytes);
    expect((JSON.parse(text) as { rows: unknown[] }).rows.length).toBe(100);
    expect(ack).toBeDefined();
    await server.root.sql("DELETE FROM chat.messages WHERE id = 5000");
  }
});

test.each([
  ["native", "json"],
  ["native", "msgpack"],
  ["peer", "json"],
  ["peer", "msgpack"],
] as const)("CL-01 the %s client reads compressed initial data in %s", async (protocol, format) => {
  await insert(1, 300);
  await using client = clientOf(alice, { protocol, format, gzip: true });
  const live = client.live("SELECT * FROM chat.messages");
  await live.ready;
  expect(live.size).toBe(300);
  await insert(1000, 5);
  await until(() => live.size === 305);
});

const SECRET = "a-secret-of-tests-that-is-long-enough-0123456789";

/** A fifth of it is left when it is renewed: seconds, which a busy machine may take for that. */
const LIFE_SECONDS = 20;

/** A token as the server makes them, with a life of its own. */
function shortToken(user: string, seconds: number): Promise<string> {
  const nowMs = Date.now();
  return new SignJWT({ role: "user", email: null, token_type: "access", iat_ms: nowMs })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuer("kalamdb")
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor(nowMs / 1000) + seconds)
    .setJti(crypto.randomUUID())
    .sign(new TextEncoder().encode(SECRET));
}

test("LQ-14 a client renews its token on the open socket before it expires, and keeps socket and subscriptions", async () => {
  await using own = await startTestServer({ "auth.jwt_secret": SECRET });
  await own.root.sql("CREATE NAMESPACE n; CREATE USER TABLE n.t (id BIGINT PRIMARY KEY)");
  const eve = await own.user("eve");
  let asked = 0;
  const provider = async (): Promise<{ readonly token: string }> => {
    asked += 1;
    return { token: await shortToken("eve", LIFE_SECONDS) };
  };
  await using client = createClient({ url: own.url, auth: { provider } });
  const states: string[] = [];
  client.onConnectionState((state) => states.push(state));
  const live = client.live("SELECT * FROM n.t");
  await live.ready;
  const sql = "SELECT connection_id, token_expires_at FROM system.connections WHERE user_id = 'eve'";
  const [[connection, firstEnd] = []] = await own.root.rows(sql);
  await until(async () => Number((await own.root.rows(sql))[0]?.[1] ?? 0) > Number(firstEnd));
  expect((await own.root.rows(sql)).map(([id]) => id)).toEqual([connection]);
  expect(states).toEqual(["connecting", "connected"]);
  expect(asked).toBeGreaterThanOrEqual(2);
  await eve.sql("INSERT INTO n.t (id) VALUES (1)");
  await until(() => live.size === 1);
});

test("LQ-14 a token that cannot be renewed expires, and the client comes back with another and resumes", async () => {
  await using own = await startTestServer({ "auth.jwt_secret": SECRET });
  await own.root.sql("CREATE NAMESPACE n; CREATE USER TABLE n.t (id BIGINT PRIMARY KEY)");
  const eve = await own.user("eve");
  const states: string[] = [];
  let first: Promise<string> | undefined;
  // A provider that has no other token as long as the last one lives. The first is made when it is asked for: a busy machine takes nothing of its life.
  const provider = async (): Promise<{ readonly token: string }> => {
    first ??= shortToken("eve", 4);
    return { token: await (states.includes("waiting") ? shortToken("eve", 60) : first) };
  };
  await using client = createClient({
    url: own.url,
    auth: { provider },
    reconnect: { initialDelayMs: 5, maxDelayMs: 20 },
  });
  client.onConnectionState((state) => states.push(state));
  const live = client.live("SELECT * FROM n.t");
  await live.ready;
  await until(() => states.includes("waiting") && states.at(-1) === "connected");
  await eve.sql("INSERT INTO n.t (id) VALUES (1)");
  await until(() => live.size === 1);
});
