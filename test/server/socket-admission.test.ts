import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SocketAdmission } from "../../src/server/socket-admission.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

describe("AU-04 who may open a WebSocket", () => {
  const admission = (clock = { monotonicMs: () => 0 }) =>
    new SocketAdmission({ maxSockets: 3, maxSocketsPerAddress: 2, failedAttempts: 2, clock });

  test("so many from an address, and so many in all; who goes makes room and leaves nothing behind", () => {
    const sockets = admission();
    for (const address of ["10.0.0.1", "10.0.0.1"]) sockets.opened(address);
    expect(sockets.refusal("10.0.0.1")?.code).toBe("TOO_MANY_CONNECTIONS");
    expect(sockets.refusal("10.0.0.2")).toBeUndefined();
    sockets.opened("10.0.0.2");
    expect(sockets.refusal("10.0.0.3")?.code).toBe("SERVER_BUSY");
    sockets.closed("10.0.0.1");
    expect(sockets.refusal("10.0.0.1")).toBeUndefined();
    sockets.closed("10.0.0.1");
    sockets.closed("10.0.0.2");
    expect(sockets.addresses).toBe(0);
  });

  test("attempts that succeed are never counted, those that fail are, for each address", () => {
    let nowMs = 0;
    const sockets = admission({ monotonicMs: () => nowMs });
    const attempt = (address: string) => () => sockets.assertMayAuthenticate(address);
    for (let client = 0; client < 10_000; client++) attempt("10.0.0.1")();
    sockets.authenticationFailed("10.0.0.1");
    sockets.authenticationFailed("10.0.0.1");
    expect(attempt("10.0.0.1")).toThrow(expect.objectContaining({ code: "RATE_LIMIT_EXCEEDED" }));
    expect(attempt("10.0.0.2")).not.toThrow();
    nowMs += 500;
    expect(attempt("10.0.0.1")).not.toThrow();
  });
});

describe("AU-04 LQ-20 a server with few places", () => {
  const lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  const at =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void lines.push({ level, message, fields });
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const settings = {
    "websocket.max_connections_per_ip": 2,
    "rate_limit.max_auth_requests_per_ip_per_sec": 1,
  } as const;
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(settings, { log });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const opened = (): Promise<{
    readonly socket: WebSocket;
    readonly frames: string[];
    readonly closed: Promise<number>;
  }> => {
    const { promise, resolve, reject } = Promise.withResolvers<{
      readonly socket: WebSocket;
      readonly frames: string[];
      readonly closed: Promise<number>;
    }>();
    const closing = Promise.withResolvers<number>();
    const frames: string[] = [];
    const socket = new WebSocket(`${server.websocketUrl}?protocol=kalam.v2`);
    socket.onmessage = ({ data }: MessageEvent<string>) => void frames.push(data);
    socket.onopen = () => resolve({ socket, frames, closed: closing.promise });
    socket.onclose = ({ code }) => {
      closing.resolve(code);
      reject(new Error(`refused: ${code}`));
    };
    return promise;
  };
  const authenticate = (token: string) => JSON.stringify({ type: "authenticate", method: "jwt", token });

  test("one socket too many is refused in its upgrade, with a code and a time", async () => {
    const first = await opened();
    const second = await opened();
    expect(await opened().catch(String)).toContain("refused");
    const headers = {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "13",
    };
    const response = await fetch(`${server.url}/v1/ws`, { headers });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await response.json()).toMatchObject({ error: { code: "TOO_MANY_CONNECTIONS" } });
    for (const { socket } of [first, second]) socket.close();
    await Promise.all([first.closed, second.closed]);
    const third = await opened();
    third.socket.close();
    await third.closed;
  });

  test("LQ-20 who fails too often is told to wait, however good the next token is, and no line of the log shows a token or a value", async () => {
    // On a busy machine a second may be over before the next attempt, which is then taken.
    for (let isRefused = false; !isRefused; ) {
      const wrong = await opened();
      wrong.socket.send(authenticate("guess-1"));
      expect(await wrong.closed).toBe(1008);
      expect(wrong.frames.at(-1)).toMatch(/INVALID_CREDENTIALS|RATE_LIMIT_EXCEEDED/);
      const next = await opened();
      next.socket.send(authenticate(server.root.token));
      await until(() => next.frames.length > 0, "an answer");
      isRefused = next.frames[0]?.includes("RATE_LIMIT_EXCEEDED") === true;
      if (!isRefused) next.socket.close();
      expect(await next.closed).toBe(isRefused ? 1008 : 1000);
    }
    for (;;) {
      const { socket, frames, closed } = await opened();
      socket.send(authenticate(server.root.token));
      while (frames.length === 0) await Bun.sleep(5);
      const isIn = frames[0]?.includes("auth_success") === true;
      if (isIn) {
        const sql = "SELECT * FROM system.nothing WHERE name = $1";
        socket.send(JSON.stringify({ type: "subscribe", subscription: { id: "s", sql, params: ["secret-value"] } }));
        while (!frames.some((frame) => frame.includes('"error"'))) await Bun.sleep(5);
      }
      socket.close();
      await closed;
      if (isIn) break;
    }
    const text = JSON.stringify(lines, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const secret of ["guess-", "secret-value", server.root.token]) expect(text).not.toContain(secret);
  });

  test("LQ-02 a socket's life is in the log: opened, authenticated, its live queries with their counters, closed with its code", async () => {
    await server.root.sql("CREATE NAMESPACE app");
    await server.root.sql("CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY)");
    lines.length = 0;
    const { socket, frames, closed } = await opened();
    socket.send(authenticate(server.root.token));
    socket.send(
      JSON.stringify({ type: "subscribe", subscription: { id: "a", sql: "SELECT * FROM app.t", options: {} } }),
    );
    const old = { from: "1", epoch: "of-another-time" };
    socket.send(
      JSON.stringify({ type: "subscribe", subscription: { id: "b", sql: "SELECT id FROM app.t", options: old } }),
    );
    while (frames.filter((frame) => frame.includes('"ready":true')).length < 2) await Bun.sleep(5);
    await server.root.sql("INSERT INTO app.t (id) VALUES (1)");
    socket.send(JSON.stringify({ type: "unsubscribe", subscription_id: "a" }));
    while (!frames.some((frame) => frame.includes('"unsubscribed"'))) await Bun.sleep(5);
    socket.close(1000, "enough");
    await closed;
    while (!lines.some(({ message }) => message === "connection closed")) await Bun.sleep(5);
    const told = lines.filter(({ message }) => /^(connection|live query) /.test(message));
    expect(told.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ["debug", "connection opened", { connection: expect.any(String), address: "127.0.0.1" }],
      [
        "debug",
        "connection authenticated",
        expect.objectContaining({ user: "root", role: "system", protocol: "native" }),
      ],
      [
        "debug",
        "live query opened",
        expect.objectContaining({ table: "app.t", strategy: "filter", start: "snapshot" }),
      ],
      [
        "debug",
        "live query opened",
        expect.objectContaining({ table: "app.t", strategy: "filter", start: "snapshot" }),
      ],
      ["info", "live query reset", expect.objectContaining({ reason: "epoch" })],
      ["debug", "live query ended", expect.objectContaining({ reason: "unsubscribed", changes: 1 })],
      ["debug", "connection served", { connection: expect.any(String), liveQueries: 1, changes: 1 }],
      ["debug", "connection closed", expect.objectContaining({ code: 1000, reason: "enough" })],
    ]);
  });
});
