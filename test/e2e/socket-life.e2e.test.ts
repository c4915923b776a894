// How sockets end that say nothing: before they authenticate, and when nobody is there any more; and which pages may open one.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { configOf } from "../../src/config/config.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const TRUSTED = "https://app.example";

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer({
    "websocket.auth_timeout_secs": 1,
    "websocket.client_timeout_secs": 8,
    "security.cors.allowed_origins": [TRUSTED],
  });
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE USER TABLE app.notes (id INT PRIMARY KEY)");
  alice = await server.user("alice");
});

afterAll(() => server[Symbol.asyncDispose]());

/** A client that is no WebSocket library: it answers no ping. */
class Mute implements Disposable {
  readonly #socket: Socket;
  #received = "";
  isClosed = false;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    const { hostname, port } = new URL(server.url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text) => {
      this.#received += String(text);
    });
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
    this.#socket.on("error", () => undefined);
    const all = {
      host: `${hostname}:${port}`,
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`GET /v1/ws?compress=false HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  async has(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.isClosed) throw new Error(`closed, without ${text}: ${this.#received}`);
      await Bun.sleep(5);
    }
    return this.#received;
  }

  async closed(): Promise<string> {
    while (!this.isClosed) await Bun.sleep(5);
    return this.#received;
  }

  /** One frame of text, masked with zeros. */
  send(message: unknown): void {
    const payload = Buffer.from(JSON.stringify(message));
    const header = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The close frame: its code, then its reason. */
function closeFrame(code: number, reason: string): string {
  return String.fromCharCode(0x88, reason.length + 2, code >> 8, code & 0xff) + reason;
}

test("LQ-20 who says nothing is told so and closed with 1008, after 3 seconds where nothing else is set", async () => {
  expect(configOf({}).websocket.authTimeoutSecs).toBe(3);
  using mute = new Mute();
  const received = await mute.closed();
  expect(received).toContain("HTTP/1.1 101");
  expect(received).toContain(
    '{"type":"auth_error","message":"Authentication timeout - no auth message received within 1 seconds"',
  );
  expect(received).toContain(closeFrame(1008, "Authentication timeout"));
});

test("LQ-20 LQ-02 who answers no ping any more is closed, and its live queries are gone", async () => {
  using mute = new Mute({ authorization: `Bearer ${alice.token}` });
  await mute.has('"auth_success"');
  mute.send({ type: "subscribe", subscription: { id: "s", sql: "SELECT * FROM app.notes", options: {} } });
  await mute.has('"initial_data_batch"');
  const rows = (): Promise<readonly unknown[]> => server.root.rows("SELECT live_id FROM system.live_queries");
  expect(await rows()).toHaveLength(1);
  await mute.closed();
  expect(await rows()).toEqual([]);
});

test.each([
  ["a page that is trusted", TRUSTED, "HTTP/1.1 101"],
  ["a page of anybody else", "https://evil.example", "HTTP/1.1 403"],
  ["a program, which has no origin", undefined, "HTTP/1.1 101"],
])("LQ-20 AU-05 a socket is opened or refused for %s", async (_why, origin, status) => {
  using mute = new Mute(origin === undefined ? {} : { origin });
  expect(await mute.has("HTTP/1.1")).toStartWith(status);
});
