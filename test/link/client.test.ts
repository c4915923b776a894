import { describe, expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { createClient } from "../../src/link/index.ts";
import { killedMessage, progressMessage } from "../../src/protocol/down.ts";
import { SEQ, version } from "../protocol/layout.ts";
import { FAST, SQL, setup, take } from "./setup.ts";

describe.each([
  ["native", "json"],
  ["native", "msgpack"],
] as const)("CL-01 live queries, %s in %s", (protocol, format) => {
  test("a snapshot, then changes, exact above 2^53, over one lazy socket", async () => {
    await using context = setup(
      {
        onSubscribe: (socket, { id }) => {
          socket.send(socket.native.ack({ channel: 7, epoch: "e1", resumed: false }).withId(id));
          socket.send(socket.native.snapshot({ page: 0, rows: [version(SEQ, SEQ, "first")] }).withId(id));
          socket.send(socket.native.snapshot({ page: 1, rows: [], readyAt: seqOf(SEQ) }).withId(id));
          socket.send(
            socket.native.changes(7, seqOf(SEQ + 1n), [
              { kind: "update", before: version(SEQ, SEQ, "first"), after: version(SEQ + 1n, SEQ, "second") },
              { kind: "delete", before: version(SEQ, 5n, "gone"), seq: seqOf(SEQ + 1n) },
            ]),
          );
        },
      },
      { protocol, format },
    );
    expect(context.client.connectionState).toBe("disconnected");
    expect(context.server.upgrades).toEqual([]);
    const subscription = context.client.subscribe(SQL, { params: ["a"], lastRows: 5 });
    expect(await take(subscription, 4)).toEqual([
      { kind: "snapshot", rows: [{ id: SEQ, body: "first", _seq: SEQ, _deleted: false }], keys: [[SEQ]] },
      { kind: "ready", cursor: `${SEQ}@e1` },
      {
        kind: "update",
        key: [SEQ],
        row: { id: SEQ, body: "second", _seq: SEQ + 1n, _deleted: false },
        old: { id: SEQ, body: "first", _seq: SEQ, _deleted: false },
      },
      {
        kind: "delete",
        key: [5n],
        old: { id: 5n, body: "gone", _seq: SEQ + 1n, _deleted: true },
        cursor: `${SEQ + 1n}@e1`,
      },
    ]);
    expect(subscription.cursor).toBe(`${SEQ + 1n}@e1`);
    expect(context.server.upgrades).toEqual(["?protocol=kalam.v2&compress=false"]);
    expect(context.server.received).toMatchObject([
      { kind: "authenticate" },
      { kind: "subscribe", params: ["a"], options: { lastRows: 5 } },
    ]);
    expect(context.client.subscriptions()).toEqual([{ id: subscription.id, sql: SQL, phase: "live" }]);
  });

  test("LQ-11 a lost socket comes back by itself and resumes from the cursor, with no event of its own", async () => {
    let subscribed = 0;
    await using context = setup(
      {
        onSubscribe: (socket, message) => {
          subscribed += 1;
          socket.accept(message, 10n);
          if (subscribed > 1)
            socket.send(socket.native.changes(7, seqOf(12n), [{ kind: "insert", after: version(12n, 2n, "b") }]));
          else {
            socket.send(progressMessage(7, seqOf(11n)));
            socket.terminate();
          }
        },
      },
      { protocol, format },
    );
    const events = await take(context.client.subscribe(SQL), 3);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "ready", "insert"]);
    const requests = context.server.received.filter(({ kind }) => kind === "subscribe");
    expect(requests).toMatchObject([{ options: { from: undefined } }, { options: { from: 11n, epoch: "e1" } }]);
  });
});

describe("CL-01 the connection", () => {
  test("CL-02 speaks the peer protocol too, asks for pages and resumes by row position", async () => {
    for (const format of ["json", "msgpack"] as const) {
      const control = (hasMore: boolean, seq: bigint) => ({ batchNum: 0, hasMore, lastSeq: seqOf(seq) });
      await using context = setup(
        {
          onSubscribe: (socket, { id, options }) => {
            const at = options?.from ?? 1n;
            socket.send(socket.peer.ack(control(false, at)).withId(id));
            socket.send(socket.peer.batch([version(SEQ + at, at, "row")], control(false, SEQ + at)).withId(id));
            if (options?.from === undefined) socket.terminate();
            else socket.send(socket.peer.insert(version(SEQ * 2n + 5n, 9n, null)).withId(id));
          },
        },
        { protocol: "peer", format },
      );
      const events = await take(context.client.subscribe(SQL), 5);
      expect(events.map(({ kind }) => kind)).toEqual(["snapshot", "ready", "snapshot", "ready", "insert"]);
      expect(events.at(-1)).toMatchObject({ key: [9n], row: { body: null }, cursor: String(SEQ * 2n + 5n) });
      expect(context.server.upgrades[0]).toBe("?compress=false");
      expect(context.server.received.filter(({ kind }) => kind === "subscribe").at(-1)).toMatchObject({
        options: { from: SEQ + 1n },
      });
    }
  });

  test("unpacks gzip and keeps the order of frames", async () => {
    await using context = setup(
      {
        onSubscribe: (socket, message) => {
          const { id } = message;
          socket.send(socket.native.ack({ channel: 7, epoch: "e1", resumed: false }).withId(id));
          const rows = Array.from({ length: 200 }, (_, index) => version(5n, BigInt(index), "the same text again"));
          socket.send(socket.native.snapshot({ page: 0, rows, readyAt: seqOf(5n) }).withId(id));
          socket.send(socket.native.changes(7, seqOf(6n), [{ kind: "insert", after: version(6n, 999n, "last") }]));
        },
      },
      { gzip: true },
    );
    const events = await take(context.client.subscribe(SQL), 3);
    expect(events.map(({ kind }) => kind)).toEqual(["snapshot", "ready", "insert"]);
    expect(events[0]).toMatchObject({ rows: { length: 200 } });
  });

  test("many subscriptions share one socket, and a channel reaches all of them", async () => {
    await using context = setup({ onSubscribe: (socket, message) => socket.accept(message, 10n) });
    const streams = Array.from({ length: 20 }, () => context.client.subscribe(SQL)[Symbol.asyncIterator]());
    await Promise.all(streams.map((stream) => stream.next()));
    const [socket] = context.server.sockets;
    socket?.send(socket.native.changes(7, seqOf(11n), [{ kind: "insert", after: version(11n, 1n, "a") }]));
    const events = await Promise.all(streams.map((stream) => stream.next()));
    expect(events.every(({ value }) => value.kind === "insert")).toBe(true);
    expect(context.server.upgrades).toHaveLength(1);
  });

  test("LQ-03 unsubscribe ends one stream and leaves the others; leaving a loop does the same", async () => {
    await using context = setup({ onSubscribe: (socket, message) => socket.accept(message, 10n) });
    const [first, second, third] = ["a", "b", "c"].map((id) => context.client.subscribe(SQL, { id }));
    for await (const event of third ?? []) {
      expect(event.kind).toBe("ready");
      break;
    }
    first?.unsubscribe();
    first?.unsubscribe();
    const [socket] = context.server.sockets;
    socket?.send(socket.native.changes(7, seqOf(11n), [{ kind: "insert", after: version(11n, 1n, "a") }]));
    expect((await take(second ?? first ?? context.client.subscribe(SQL), 2)).map(({ kind }) => kind)).toEqual([
      "ready",
      "insert",
    ]);
    expect(await take(first ?? context.client.subscribe(SQL), 1)).toEqual([]);
    expect(context.client.subscriptions().map(({ id }) => id)).toEqual(["b"]);
    // What the server answers to this, it answers after having read all before.
    await take(context.client.subscribe(SQL), 1);
    expect(context.server.received.filter(({ kind }) => kind === "unsubscribe")).toEqual([
      { kind: "unsubscribe", id: "c" },
      { kind: "unsubscribe", id: "a" },
    ]);
  });

  test("an id in use is refused", async () => {
    await using context = setup({});
    context.client.subscribe(SQL, { id: "a" });
    expect(() => context.client.subscribe(SQL, { id: "a" })).toThrow(
      expect.objectContaining({ code: "SUBSCRIPTION_ID_IN_USE" }),
    );
  });

  test("AU-01 an expired token is replaced by the provider's next one", async () => {
    let asked = 0;
    await using context = setup(
      { tokens: ["t2"], onSubscribe: (socket, message) => socket.accept(message, 10n) },
      { auth: { provider: () => Promise.resolve({ token: `t${++asked}` }) } },
    );
    expect((await take(context.client.subscribe(SQL), 1))[0]?.kind).toBe("ready");
    expect(context.server.shown).toEqual(["t1", "t2"]);
  });

  test("LQ-14 close 4001 leads to a fresh token and a resume", async () => {
    let asked = 0;
    let subscribed = 0;
    await using context = setup(
      {
        tokens: ["t1", "t2"],
        onSubscribe: (socket, message) => {
          socket.accept(message, 10n);
          if (++subscribed === 1) socket.close(4001, "Token expired");
        },
      },
      { auth: { provider: () => Promise.resolve({ token: `t${++asked}` }) } },
    );
    await take(context.client.subscribe(SQL), 2);
    expect(context.server.shown).toEqual(["t1", "t2"]);
  });

  test.each([
    ["the one token there is was refused", { token: "bad" }, "TOKEN_EXPIRED"],
    ["the password is wrong", { user: "alice", password: "wrong" }, "UNAUTHORIZED"],
  ])("every subscription ends when %s", async (_why, auth, code) => {
    await using context = setup({}, { auth });
    const [a, b] = await Promise.all([take(context.client.subscribe(SQL), 2), take(context.client.subscribe(SQL), 2)]);
    expect(a).toMatchObject([{ kind: "error", error: { code } }]);
    expect(b).toMatchObject([{ kind: "error", error: { code } }]);
    expect(context.client.connectionState).toBe("disconnected");
  });

  test("LQ-13 a killed connection stays away; a killed subscription leaves the others", async () => {
    await using context = setup({ onSubscribe: (socket, message) => socket.accept(message, 10n) });
    const [one, other] = [context.client.subscribe(SQL, { id: "one" }), context.client.subscribe(SQL, { id: "other" })];
    await Promise.all([take(one, 1), take(other, 1)]);
    const [socket] = context.server.sockets;
    socket?.send(killedMessage("native", "one", "by root"));
    expect(await take(one, 2)).toMatchObject([{ kind: "error", error: { code: "KILLED", message: "by root" } }]);
    expect(context.client.subscriptions().map(({ id }) => id)).toEqual(["other"]);
    socket?.close(4002, "Connection killed");
    expect(await take(other, 2)).toMatchObject([{ kind: "error", error: { code: "KILLED" } }]);
    expect(context.server.upgrades).toHaveLength(1);
  });

  test("a server that stops answering is left, and the next socket resumes", async () => {
    await using context = setup(
      { answersPings: false, onSubscribe: (socket, message) => socket.accept(message, 10n) },
      { pingIntervalMs: 20, connectTimeoutMs: 20 },
    );
    const events = await take(context.client.subscribe(SQL), 2);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "ready"]);
    expect(context.server.received.some(({ kind }) => kind === "ping")).toBe(true);
  });

  test("a frame that makes no sense costs the socket, not the subscription", async () => {
    let subscribed = 0;
    await using context = setup({
      onSubscribe: (socket, message) => {
        if (++subscribed === 1) socket.send('{"type":"snapshot","subscription_id":"x"}');
        else socket.accept(message, 10n);
      },
    });
    expect((await take(context.client.subscribe(SQL), 1))[0]?.kind).toBe("ready");
  });

  test("an address that is none ends the subscription", async () => {
    const client = createClient({ url: "not an address", auth: { token: "t" } });
    expect(await take(client.subscribe(SQL), 2)).toMatchObject([{ kind: "error", error: { code: "INVALID_INPUT" } }]);
  });

  test("a server that asks to slow down is tried again with the same token", async () => {
    let attempts = 0;
    const server = Bun.serve({
      port: 0,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
      websocket: {
        message(socket, text) {
          if (JSON.parse(String(text)).type !== "authenticate") return;
          if (++attempts < 3) {
            socket.send(
              '{"type":"auth_error","message":"Too many authentication attempts. Please retry shortly.","code":"RATE_LIMIT_EXCEEDED"}',
            );
            socket.close(1008, "Authentication failed");
          } else
            socket.send(
              '{"type":"auth_success","user":"a","role":"user","protocol":{"version":2,"serialization":"json","compression":"none"}}',
            );
        },
      },
    });
    const client = createClient({ url: server.url.origin, auth: { token: "t1" }, reconnect: FAST });
    const connected = Promise.withResolvers<void>();
    client.onConnectionState((state) => {
      if (state === "connected") connected.resolve();
    });
    client.subscribe(SQL);
    await connected.promise;
    expect(attempts).toBe(3);
    client.disconnect();
    await server.stop(true);
  });

  test("gives up after the attempts it was given", async () => {
    const reserved = Bun.serve({ port: 0, fetch: () => new Response() });
    const { port } = reserved;
    await reserved.stop(true);
    const client = createClient({
      url: `http://127.0.0.1:${port}`,
      auth: { token: "t" },
      reconnect: { ...FAST, maxAttempts: 2 },
    });
    expect(await take(client.subscribe(SQL), 2)).toMatchObject([{ kind: "error", error: { code: "RECONNECT_LIMIT" } }]);
  });

  test("disconnect ends everything, and the client can be used again", async () => {
    await using context = setup({ onSubscribe: (socket, message) => socket.accept(message, 10n) });
    const states: string[] = [];
    context.client.onConnectionState((state) => states.push(state));
    const first = context.client.subscribe(SQL);
    await take(first, 1);
    context.client.disconnect();
    expect(await take(first, 2)).toMatchObject([{ kind: "error", error: { code: "DISCONNECTED" } }]);
    expect((await take(context.client.subscribe(SQL), 1))[0]?.kind).toBe("ready");
    expect(states).toEqual(["connecting", "connected", "disconnected", "connecting", "connected"]);
  });

  test("LQ-12 a subscription that is not read ends at its bound and tells the server", async () => {
    const unsubscribed = Promise.withResolvers<void>();
    await using context = setup({
      onSubscribe: (socket, message) => {
        socket.accept(message, 10n);
        for (let seq = 11n; seq < 20n; seq++) {
          socket.send(socket.native.changes(7, seqOf(seq), [{ kind: "insert", after: version(seq, seq, "x") }]));
        }
        if (message.id === "watch") unsubscribed.resolve();
      },
    });
    const slow = context.client.subscribe(SQL, { maxQueuedRows: 3 });
    // A second subscription tells when the first one's frames have all arrived.
    await take(context.client.subscribe(SQL, { id: "watch" }), 10);
    await unsubscribed.promise;
    const events = await take(slow, 20);
    expect(events.map(({ kind }) => kind)).toEqual(["ready", "insert", "insert", "error"]);
    expect(slow.cursor).toBe("12@e1");
    expect(context.client.subscriptions().map(({ id }) => id)).toEqual(["watch"]);
  });
});

describe("CL-01 live()", () => {
  test("keeps an ordered set current and tells of a commit once", async () => {
    await using context = setup({
      onSubscribe: (socket, { id }) => {
        socket.send(socket.native.ack({ channel: 7, epoch: "e1", resumed: false }).withId(id));
        const rows = [version(5n, 10n, "ten"), version(5n, 9n, "nine")];
        socket.send(socket.native.snapshot({ page: 0, rows, readyAt: seqOf(5n) }).withId(id));
      },
    });
    const set = context.client.live(SQL);
    const changed = Promise.withResolvers<readonly unknown[]>();
    await set.ready;
    expect(set.rows().map(({ id }) => id)).toEqual([9n, 10n]);
    set.onChange((differences) => changed.resolve(differences.map(({ kind, row }) => [kind, row["id"]])));
    const [socket] = context.server.sockets;
    socket?.send(
      socket.native.changes(7, seqOf(6n), [
        { kind: "insert", after: version(6n, 1n, "one") },
        { kind: "delete", before: version(5n, 10n, "ten"), seq: seqOf(6n) },
      ]),
    );
    expect(await changed.promise).toEqual([
      ["insert", 1n],
      ["delete", 10n],
    ]);
    expect(set.rows().map(({ id }) => id)).toEqual([1n, 9n]);
    expect(set.cursor).toBe("6@e1");
    set.close();
    expect(context.client.subscriptions()).toEqual([]);
  });

  test("a refused query rejects ready and keeps the reason", async () => {
    await using context = setup({
      onSubscribe: (socket, { id }) =>
        socket.send(`{"type":"error","subscription_id":"${id}","code":"TABLE_NOT_FOUND","message":"no"}`),
    });
    const set = context.client.live(SQL);
    expect(await set.ready.catch((error: unknown) => error)).toMatchObject({ code: "TABLE_NOT_FOUND" });
    expect(set.error?.code).toBe("TABLE_NOT_FOUND");
  });
});
