// LQ-11: a server too busy to serve a live query says when to ask again; the application hears nothing of it.
import { expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { seqOf } from "../../src/base/ids.ts";
import { errorMessage } from "../../src/protocol/down.ts";
import { SEQ, version } from "../protocol/layout.ts";
import { SQL, setup, take } from "./setup.ts";

const later = new DbError("SERVER_BUSY", "busy", { retryAfterMs: 5 });

test("LQ-11 a subscription that is put off is asked for again on the same socket, from its cursor", async () => {
  const asked: (bigint | undefined)[] = [];
  await using context = setup(
    {
      onSubscribe: (socket, message) => {
        asked.push(message.options?.from);
        if (asked.length === 1) {
          socket.accept(message, SEQ);
          socket.send(errorMessage("native", message.id, later));
        } else if (asked.length === 2) socket.send(errorMessage("native", message.id, later));
        else {
          socket.send(socket.native.ack({ channel: 7, epoch: "e1", resumed: true }).withId(message.id));
          const rows = [version(SEQ + 1n, SEQ + 1n, "since")];
          socket.send(socket.native.snapshot({ page: 0, rows, readyAt: seqOf(SEQ + 1n) }).withId(message.id));
        }
      },
    },
    { protocol: "native" },
  );
  const subscription = context.client.subscribe(SQL, { id: "s1" });
  const events = await take(subscription, 3);
  expect(events.map(({ kind }) => kind)).toEqual(["ready", "snapshot", "ready"]);
  expect(asked).toEqual([undefined, SEQ, SEQ]);
  expect(context.server.sockets.length).toBe(1);
});

test("LQ-11 while it is put off, frames of its channel are not its own", async () => {
  let subscribes = 0;
  await using context = setup(
    {
      onSubscribe: (socket, message) => {
        subscribes += 1;
        if (subscribes > 1) return socket.accept(message, SEQ + 2n);
        socket.accept(message, SEQ);
        socket.send(errorMessage("native", message.id, later));
        const missed = version(SEQ + 1n, SEQ + 1n, "missed");
        socket.send(socket.native.changes(7, seqOf(SEQ + 1n), [{ kind: "insert", after: missed }]));
      },
    },
    { protocol: "native" },
  );
  const events = await take(context.client.subscribe(SQL, { id: "s1" }), 2);
  expect(events.map(({ kind, cursor }) => [kind, cursor])).toEqual([
    ["ready", `${SEQ}@e1`],
    ["ready", `${SEQ + 2n}@e1`],
  ]);
});
