import { expect, test } from "bun:test";
import { IdleSteps } from "../../src/base/idle-steps.ts";

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Bun.sleep(1);
}

function* counting(taken: number[], steps: number): Generator<void> {
  for (let step = 0; step < steps; step += 1) {
    taken.push(step);
    yield;
  }
}

test("steps are taken one after the other in later turns, each once", async () => {
  const taken: number[] = [];
  const steps = new IdleSteps(counting(taken, 3));
  steps.resume();
  steps.resume();
  expect(taken).toEqual([]);
  await turns(20);
  expect(taken).toEqual([0, 1, 2]);
  steps.resume();
  await turns(3);
  expect(taken).toEqual([0, 1, 2]);
});

test("nothing is done while it is paused, and the rest is done after", async () => {
  const taken: number[] = [];
  const held = Promise.withResolvers<void>();
  async function* waiting(): AsyncGenerator<void> {
    taken.push(0);
    await held.promise;
    yield* counting(taken, 2);
  }
  const steps = new IdleSteps(waiting());
  steps.resume();
  await turns(3);
  steps.pause();
  held.resolve();
  await turns(5);
  expect(taken).toEqual([0, 0]);
  steps.resume();
  await turns(10);
  expect(taken).toEqual([0, 0, 1]);
});

test("it goes on only when nothing pauses it for as long as it is told to wait", async () => {
  const taken: number[] = [];
  const steps = new IdleSteps(counting(taken, 1));
  steps.resume(60_000);
  await turns(3);
  expect(taken).toEqual([]);
  steps.pause();
  steps.resume();
  await turns(10);
  expect(taken).toEqual([0]);
});

test("paused and resumed while a step is taken, it waits for as long as it is told to, and can be paused again", async () => {
  const taken: number[] = [];
  const held = Promise.withResolvers<void>();
  async function* waiting(): AsyncGenerator<void> {
    await held.promise;
    yield;
    yield* counting(taken, 1);
  }
  const steps = new IdleSteps(waiting());
  steps.resume();
  await turns(3);
  steps.pause();
  steps.resume(60_000);
  held.resolve();
  await turns(10);
  expect(taken).toEqual([]);
  steps.pause();
  steps.resume();
  await turns(10);
  expect(taken).toEqual([0]);
});

test("a step that fails is the last, and fails nobody", async () => {
  let tries = 0;
  const steps = new IdleSteps({
    next: () => {
      tries += 1;
      throw new Error("no memory");
    },
  });
  steps.resume();
  await turns(5);
  steps.resume();
  await turns(5);
  expect(tries).toBe(1);
});
