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
