// The simulator sees what it is there to see: each fault planted in a server is found within a short schedule.
import { expect, test } from "bun:test";
import { FAULTS, isFaultName } from "./faults.ts";
import { DENSE_CADENCE } from "./schedule.ts";
import { generate, simulate } from "./simulate.ts";

const STEPS = 1_200;
/** One after the other until it is found: what a schedule makes happen depends on the machine as well. */
const SEEDS = [23, 20, 21, 31, 32];
/** Servers at a time: most of a run is waiting for what never comes right. */
const LANES = 3;

const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());

/** Begins when the one before it in its lane has ended. */
function inLane<T>(work: () => Promise<T>): Promise<T> {
  const result = (lanes.shift() ?? Promise.resolve()).then(work);
  lanes.push(result.catch(() => undefined));
  return result;
}

test.concurrent.each(Object.keys(FAULTS).filter(isFaultName))(
  "LQ-08 the planted fault %s is found",
  async (fault) => {
    const message = await inLane(async () => {
      for (const seed of SEEDS) {
        const failure = await simulate(generate(seed, STEPS, DENSE_CADENCE), { fault });
        if (failure !== undefined) return failure.message;
      }
      return undefined;
    });
    expect(message).toBeString();
  },
  600_000,
);
