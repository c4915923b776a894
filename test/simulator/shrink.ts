// Delta debugging: the smallest schedule found, in bounded time, that still fails. Races do not repeat every time, so each candidate has two tries.
import type { FaultName } from "./faults.ts";
import { type Failure, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

export interface Shrunk {
  readonly steps: readonly Step[];
  readonly failure: Failure;
}

export interface ShrinkOptions {
  readonly budgetMs: number;
  /** What was planted in the server that failed. */
  readonly fault?: FaultName;
}

interface Trial extends Pick<ShrinkOptions, "fault"> {
  readonly signal: AbortSignal;
}

const TRIES = 2;
/** What fails late rarely needs what was long before. */
const TAILS = [300, 1_200, 5_000] as const;

export async function shrink(first: Shrunk, { budgetMs, ...planted }: ShrinkOptions): Promise<Shrunk> {
  const signal = AbortSignal.timeout(budgetMs);
  const trial = { signal, ...planted };
  let best = (await shortTail(first, trial)) ?? first;
  let parts = 2;
  while (!signal.aborted && best.steps.length > 1) {
    const size = Math.ceil(best.steps.length / parts);
    const smaller = await firstFailing(best.steps, size, trial);
    if (smaller !== undefined) {
      best = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(best.steps.length, parts * 2);
  }
  return best;
}

async function shortTail({ steps }: Shrunk, trial: Trial): Promise<Shrunk | undefined> {
  for (const length of TAILS) {
    if (length >= steps.length) return undefined;
    const tail = await tried(steps.slice(-length), trial);
    if (tail !== undefined) return tail;
  }
  return undefined;
}

/** Leaves out one part after the other. */
async function firstFailing(steps: readonly Step[], size: number, trial: Trial): Promise<Shrunk | undefined> {
  for (let start = 0; start < steps.length; start += size) {
    const smaller = await tried(steps.toSpliced(start, size), trial);
    if (smaller !== undefined) return smaller;
  }
  return undefined;
}

async function tried(steps: readonly Step[], trial: Trial): Promise<Shrunk | undefined> {
  for (let attempt = 0; attempt < TRIES && !trial.signal.aborted; attempt += 1) {
    const failure = await simulate([...steps, { kind: "settle" }], trial);
    if (failure !== undefined) return { steps, failure };
  }
  return undefined;
}
