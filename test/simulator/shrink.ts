// Delta debugging: the smallest schedule found, in bounded time, that still fails. Races do not repeat every time, so each candidate has two tries.
import { type Failure, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

export interface Shrunk {
  readonly steps: readonly Step[];
  readonly failure: Failure;
}

const TRIES = 2;
/** What fails late rarely needs what was long before. */
const TAILS = [300, 1_200, 5_000] as const;

export async function shrink(first: Shrunk, budgetMs: number): Promise<Shrunk> {
  const signal = AbortSignal.timeout(budgetMs);
  let best = (await shortTail(first, signal)) ?? first;
  let parts = 2;
  while (!signal.aborted && best.steps.length > 1) {
    const size = Math.ceil(best.steps.length / parts);
    const smaller = await firstFailing(best.steps, size, signal);
    if (smaller !== undefined) {
      best = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(best.steps.length, parts * 2);
  }
  return best;
}

async function shortTail({ steps }: Shrunk, signal: AbortSignal): Promise<Shrunk | undefined> {
  for (const length of TAILS) {
    if (length >= steps.length) return undefined;
    const tail = await tried(steps.slice(-length), signal);
    if (tail !== undefined) return tail;
  }
  return undefined;
}

/** Leaves out one part after the other. */
async function firstFailing(steps: readonly Step[], size: number, signal: AbortSignal): Promise<Shrunk | undefined> {
  for (let start = 0; start < steps.length; start += size) {
    const smaller = await tried(steps.toSpliced(start, size), signal);
    if (smaller !== undefined) return smaller;
  }
  return undefined;
}

async function tried(steps: readonly Step[], signal: AbortSignal): Promise<Shrunk | undefined> {
  for (let attempt = 0; attempt < TRIES && !signal.aborted; attempt += 1) {
    const failure = await simulate([...steps, { kind: "settle" }], { signal });
    if (failure !== undefined) return { steps, failure };
  }
  return undefined;
}
