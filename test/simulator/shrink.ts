// Delta debugging: the smallest schedule found, in bounded time, that still fails. Races do not repeat every time, so each candidate has two tries.
import { type Failure, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

export interface Shrunk {
  readonly steps: readonly Step[];
  readonly failure: Failure;
}

const TRIES = 2;

export async function shrink(first: Shrunk, budgetMs: number): Promise<Shrunk> {
  const deadline = performance.now() + budgetMs;
  let best: Shrunk = first;
  let parts = 2;
  while (performance.now() < deadline && best.steps.length > 1) {
    const size = Math.ceil(best.steps.length / parts);
    const smaller = await firstFailing(best.steps, size, deadline);
    if (smaller !== undefined) {
      best = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(best.steps.length, parts * 2);
  }
  return best;
}

/** Leaves out one part after the other. */
async function firstFailing(steps: readonly Step[], size: number, deadline: number): Promise<Shrunk | undefined> {
  for (let start = 0; start < steps.length; start += size) {
    const candidate = steps.toSpliced(start, size);
    for (let attempt = 0; attempt < TRIES && performance.now() < deadline; attempt += 1) {
      const failure = await simulate([...candidate, { kind: "settle" }]);
      if (failure !== undefined) return { steps: candidate, failure };
    }
  }
  return undefined;
}
