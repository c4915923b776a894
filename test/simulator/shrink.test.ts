// Of a schedule that fails little is left, and that fails again.
import { expect, test } from "bun:test";
import { DENSE_CADENCE } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { generate, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

const FAULT = "forget-what-a-write-leaves-as-it-was";
const STEPS = 60;
/** Races do not repeat every time. */
const TRIES = 3;
/** It ends when nothing more can be left out, long before. */
const BUDGET_MS = 240_000;

test("LQ-08 a schedule that fails is shrunk to fewer steps, which fail again when they are read back", async () => {
  const steps = [...generate(23, STEPS, DENSE_CADENCE)];
  const failure = await simulate(steps, { fault: FAULT });
  if (failure === undefined) throw new Error("the planted fault was not found");
  const shrunk = await shrink({ steps, failure }, { budgetMs: BUDGET_MS, fault: FAULT });
  expect(shrunk.steps.length).toBeLessThan(STEPS / 2);
  const again = JSON.parse(JSON.stringify(shrunk.steps)) as readonly Step[];
  const wholes = Array.from({ length: TRIES }, () => simulate([...again, { kind: "settle" }], { fault: FAULT }));
  expect((await Promise.all(wholes)).filter((each) => each !== undefined)).not.toEqual([]);
}, 600_000);
