// LQ-01: an application may use a subscription's id again at once; what the server still says about the old one is not the new one's.
import { expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { SEQ, version } from "../protocol/layout.ts";
import type { ScriptedSocket } from "./scripted-server.ts";
import { SQL, setup, take } from "./setup.ts";

function answerNative(socket: ScriptedSocket, id: string, body: string): void {
  socket.send(socket.native.ack({ channel: 7, epoch: "e1", resumed: false }).withId(id));
  socket.send(socket.native.snapshot({ page: 0, rows: [version(SEQ, SEQ, body)], readyAt: seqOf(SEQ) }).withId(id));
}

test.each(["json", "msgpack"] as const)(
  "LQ-01 an id used again hears nothing of its last subscription, %s",
  async (format) => {
    const ids: string[] = [];
    await using context = setup(
      {
        onSubscribe: (socket, { id }) => {
          ids.push(id);
          // Both answers are on their way when the second subscribe has been sent.
          if (ids.length === 2) {
            answerNative(socket, ids[0] ?? "", "old");
            answerNative(socket, id, "new");
          }
        },
      },
      { protocol: "native", format },
    );
    context.client.subscribe(SQL, { id: "s1" }).unsubscribe();
    const first = context.client.subscribe(SQL, { id: "s1" });
    // The socket opens with the newest only; from here on it is open.
    while (ids.length === 0) await Bun.sleep(1);
    first.unsubscribe();
    const second = context.client.subscribe(SQL, { id: "s1" });
    const [snapshot, ready] = await take(second, 2);
    expect(snapshot).toMatchObject({ kind: "snapshot", rows: [{ body: "new" }] });
    expect(ready).toMatchObject({ kind: "ready" });
  },
);
