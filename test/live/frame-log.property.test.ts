// When the oldest of what waits in a queue was sent, told from bytes and turns, against every frame written down.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameLog, type Moment, oldestQueued, type Stream } from "../../src/live/frame-log.ts";

interface Frame {
  readonly moment: Moment;
  readonly bytes: number;
}

const step = fc.record({
  stream: fc.nat({ max: 2 }),
  bytes: fc.integer({ min: 1, max: 50 }),
  turns: fc.nat({ max: 2 }),
  /** Bytes that the socket takes before the next frame. */
  taken: fc.nat({ max: 60 }),
  forgets: fc.boolean(),
});

test("LQ-05 the oldest frame in a queue is of the turn in which it was sent", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const logs = [new FrameLog(), new FrameLog(), new FrameLog()];
      // The socket joins the second stream when something has been sent there.
      logs[1]?.add(1_000, { turn: 0, atMs: 0 }, false);
      const streams: Stream[] = logs.map((log) => ({ log, from: log.total }));
      let moment: Moment = { turn: 1, atMs: 10 };
      let queue: Frame[] = [];
      for (const { stream, bytes, turns, taken, forgets } of steps) {
        if (turns > 0) moment = { turn: moment.turn + turns, atMs: moment.atMs + turns * 10 };
        const isTaken = !queue.some((frame) => frame.moment !== moment);
        logs[stream]?.add(bytes, moment, isTaken);
        queue.push({ moment, bytes });
        queue = takenFrom(queue, taken);
        const queued = queue.reduce((sum, frame) => sum + frame.bytes, 0);
        if (queued === 0) continue;
        expect(oldestQueued(queued, streams)?.turn).toBe(queue[0]?.moment.turn ?? -1);
        if (forgets) for (const log of logs) log.forgetBefore(queue[0]?.moment.turn ?? 0);
      }
    }),
    { numRuns: 500 },
  );
});

function takenFrom(queue: readonly Frame[], bytes: number): Frame[] {
  const left = [...queue];
  for (let rest = bytes; rest > 0; ) {
    const first = left.shift();
    if (first === undefined) break;
    if (first.bytes > rest) left.unshift({ ...first, bytes: first.bytes - rest });
    rest -= first.bytes;
  }
  return left;
}

test("LQ-12 a log has a bound; past it a frame may be taken for its neighbour, and a socket that keeps up leaves one entry", () => {
  const log = new FrameLog();
  for (let turn = 1; turn <= 100_000; turn++) log.add(10, { turn, atMs: turn }, false);
  expect(log.size).toBeLessThanOrEqual(4_097);
  const streams = [{ log, from: 0 }];
  for (const queued of [10, 5_000, 400_000, 1_000_000]) {
    const truth = 100_000 - queued / 10 + 1;
    const found = oldestQueued(queued, streams)?.turn ?? 0;
    // Not younger than it is, and older by what was joined to one entry at the most.
    expect(found).toBeLessThanOrEqual(truth);
    expect(found).toBeGreaterThan(truth - 64);
  }
  log.add(10, { turn: 100_001, atMs: 100_001 }, true);
  expect([log.size, log.total]).toEqual([1, 1_000_010]);
});

test("LQ-05 of a queue that no log knows nothing is said", () => {
  expect(oldestQueued(10, [])).toBeUndefined();
  expect(oldestQueued(10, [{ log: new FrameLog(), from: 0 }])).toBeUndefined();
});
