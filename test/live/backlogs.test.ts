import { expect, test } from "bun:test";
import { newConnectionId } from "../../src/base/ids.ts";
import { Backlogs } from "../../src/live/backlogs.ts";
import { FrameLog, type Moment } from "../../src/live/frame-log.ts";

const moment = (turn: number): Moment => ({ turn, atMs: turn * 100 });

test("LQ-05 what a topic sent to a socket that left it is counted, though those who stay take everything", () => {
  const id = newConnectionId();
  const queue = { bytes: 15, sent: new FrameLog() };
  const backlogs = new Backlogs({
    outlet: { queue: () => queue, queuedBytes: () => queue.bytes, moment: () => moment(2) },
    clock: { monotonicMs: () => 1_000 },
  });
  const socket = { id, subscriptions: { values: () => [] } };
  const topic = new FrameLog();
  topic.add(10, moment(1), false);
  backlogs.left(id, { log: topic, from: 0 });
  queue.sent.add(5, moment(2), false);
  for (let turn = 2; turn < 6; turn += 1) topic.add(10, moment(turn), true);
  expect(backlogs.oldest(socket, queue)?.turn).toBe(1);

  // It has taken that, and later the rest: then nothing of the topic is kept for it.
  expect(backlogs.oldest(socket, { ...queue, bytes: 5 })?.turn).toBe(2);
  queue.bytes = 0;
  expect(backlogs.oldest(socket, undefined)).toBeUndefined();
  backlogs.sweep([socket]);
  for (let turn = 6; turn < 9; turn += 1) topic.add(10, moment(turn), true);
  expect(topic.size).toBe(1);
});
