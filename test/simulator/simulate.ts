// Runs a schedule against a fresh server and reports what went wrong and where.
import { Coverage } from "./coverage.ts";
import type { FaultName } from "./faults.ts";
import { Wrong } from "./model.ts";
import { Random } from "./random.ts";
import { CADENCE, type Cadence, nextStep } from "./schedule.ts";
import type { Step } from "./step.ts";
import { World } from "./world.ts";

export interface Failure {
  readonly step: number;
  readonly message: string;
  /** To decide by whether the server or the oracle is wrong. */
  readonly evidence: string;
}

export interface SimulateOptions {
  readonly onStep?: (index: number) => void;
  readonly fault?: FaultName;
  readonly coverage?: Coverage;
  /** Ends it between two steps. */
  readonly signal?: AbortSignal;
}

/** The steps of a seed, made as they are needed: a million of them fill a gigabyte. */
export function* generate(seed: number, length: number, cadence: Cadence = CADENCE): Generator<Step> {
  const random = new Random(seed);
  let made = 0;
  while (made < length) {
    const steps = nextStep(random, made, cadence);
    made += steps.length;
    yield* steps;
  }
  yield { kind: "settle" };
}

/** Undefined when nothing was wrong. Anything but a wrong answer is thrown: it says nothing about the product. */
export async function simulate(
  steps: Iterable<Step>,
  { onStep, fault, signal, coverage = new Coverage() }: SimulateOptions = {},
): Promise<Failure | undefined> {
  const isStopped = (): boolean => signal?.aborted === true;
  await using world = await World.open({ coverage, ...(fault === undefined ? {} : { fault }) });
  let index = 0;
  for (const step of steps) {
    if (isStopped()) return undefined;
    try {
      await world.run(step);
    } catch (error) {
      // A signal of the terminal stops the server as well: what comes then is nobody's fault.
      if (isStopped()) return undefined;
      if (!(error instanceof Wrong)) throw error;
      return { step: index, message: error.message, evidence: world.evidence(error) };
    }
    index += 1;
    onStep?.(index);
  }
  return undefined;
}
