import { expect, test } from "bun:test";
import { Pacer } from "../../src/base/pacer.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("LQ-11 work within a slice goes ahead at once, the rest in later turns of the loop, in order", async () => {
  let nowMs = 0;
  const pacer = new Pacer({ clock: { monotonicMs: () => nowMs }, sliceMs: 3 });
  const done: number[] = [];
  const work = async (id: number): Promise<void> => {
    await pacer.turn();
    nowMs += 2;
    done.push(id);
  };
  expect(pacer.turn()).toBeUndefined();
  nowMs += 4;
  const all = [1, 2, 3, 4, 5, 6].map(work);
  expect([pacer.waiting, done]).toEqual([6, []]);
  await nextTurn();
  const first = [...done];
  expect(first.length).toBeGreaterThan(0);
  expect(first.length).toBeLessThan(5);
  await Promise.all(all);
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  expect(pacer.waiting).toBe(0);
});

test("after so many turns it sweeps, in a turn of the loop that has no paced work beside it, and whoever waits goes on after it", async () => {
  let nowMs = 0;
  const events: string[] = [];
  const sweep = { everyTurns: 3, run: () => events.push("sweep") };
  const pacer = new Pacer({ clock: { monotonicMs: () => nowMs }, sliceMs: 3, sweep });
  const work = async (id: number): Promise<void> => {
    const turn = pacer.turn();
    if (turn !== undefined) await turn;
    nowMs += 4;
    events.push(String(id));
  };
  const all = [1, 2, 3].map(work);
  setImmediate(() => events.push("the same turn"));
  await Promise.all(all);
  expect(events).toEqual(["1", "sweep", "the same turn", "2", "3"]);
  await Promise.all([4, 5].map(work));
  expect(events.filter((event) => event === "sweep")).toHaveLength(1);
  await work(6);
  await nextTurn();
  await nextTurn();
  expect(events.filter((event) => event === "sweep")).toHaveLength(2);
});
