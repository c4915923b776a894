import { expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import type { WireFormat } from "../../src/protocol/frame.ts";
import { startScriptedServer } from "../link/scripted-server.ts";
import { SEQ, version } from "../protocol/layout.ts";
import { PeerClient } from "./peer-client.ts";

const control = (batchNum: number, hasMore: boolean, seq: bigint) => ({ batchNum, hasMore, lastSeq: seqOf(seq) });

test.each(["json", "msgpack"] as const satisfies readonly WireFormat[])(
  "CL-02 the header-auth client in %s pages through a snapshot, follows changes and drops what it has",
  async (format) => {
    await using server = startScriptedServer({
      onSubscribe: (socket, { id }) => {
        socket.send(socket.peer.ack(control(0, true, SEQ)).withId(id));
        socket.send(socket.peer.batch([version(SEQ, 1n, "one")], control(0, true, SEQ)).withId(id));
      },
      onNextBatch: (socket, { id, lastSeq }) => {
        const next = (lastSeq ?? 0n) + 1n;
        socket.send(socket.peer.batch([version(next, 2n, "two")], control(1, false, next)).withId(id));
        socket.send(socket.peer.insert(version(next, 3n, "already known by position")).withId(id));
        socket.send(socket.peer.delete(version(SEQ, 1n, "one"), seqOf(next + 1n)).withId(id));
      },
    });
    await using client = new PeerClient({ url: server.url, token: "t1", format, gzip: true });
    await client.connect();
    client.subscribe("s", "SELECT * FROM chat.messages");
    await client.until(() => client.delivered === 1);
    expect(client.isReady("s")).toBe(true);
    expect(client.rows("s")).toEqual([{ id: "2", body: "two", _seq: String(SEQ + 1n) }]);
    expect(client.cursor("s")).toBe(SEQ + 2n);
    expect(server.received.filter(({ kind }) => kind === "nextBatch")).toEqual([
      { kind: "nextBatch", id: "s", lastSeq: seqOf(SEQ) },
    ]);

    client.cut();
    await client.until(() => client.closed !== undefined);
    await client.reconnect();
    await client.until(() => client.said("subscription_ack").length === 2);
    expect(server.received.findLast(({ kind }) => kind === "subscribe")).toMatchObject({ options: { from: SEQ + 2n } });
  },
);

test("CL-02 a refused token is an error with what the server said", async () => {
  await using server = startScriptedServer();
  const client = new PeerClient({ url: server.url, token: "wrong" });
  expect(await client.connect().catch((error: unknown) => String(error))).toContain("Invalid credentials");
});
