// Runs a schedule against a fresh server and reports what went wrong and where.
import { Coverage } from "./coverage.ts";
import type { FaultName } from "./faults.ts";
import { Wrong } from "./model.ts";
import { Random } from "./random.ts";
import { CADENCE, type Cadence, nextStep, type Step } from "./step.ts";
import { World } from "./world.ts";

export interface Failure {
  readonly step: number;
  readonly message: string;
}

export interface SimulateOptions {
  readonly onStep?: (index: number) => void;
  readonly fault?: FaultName;
  readonly coverage?: Coverage;
}

export function generate(seed: number, length: number, cadence: Cadence = CADENCE): readonly Step[] {
  const random = new Random(seed);
  const steps: Step[] = [];
  while (steps.length < length) steps.push(...nextStep(random, steps.length, cadence));
  return [...steps, { kind: "settle" }];
}

/** Undefined when nothing was wrong. Anything but a wrong answer is thrown: it says nothing about the product. */
export async function simulate(
  steps: readonly Step[],
  { onStep, fault, coverage = new Coverage() }: SimulateOptions = {},
): Promise<Failure | undefined> {
  await using world = await World.open({ coverage, ...(fault === undefined ? {} : { fault }) });
  for (const [index, step] of steps.entries()) {
    try {
      await world.run(step);
    } catch (error) {
      if (error instanceof Wrong) return { step: index, message: error.message };
      throw error;
    }
    onStep?.(index + 1);
  }
  return undefined;
}
