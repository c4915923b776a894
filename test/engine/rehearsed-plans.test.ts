import { expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { rehearsedPlans } from "../../src/engine/rehearsed-plans.ts";
import { createGenerators } from "../../src/sql/functions/generators.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";

test("every statement of the rehearsal is one that can be planned", async () => {
  const parser = await loadParser();
  let steps = 0;
  for (const _step of rehearsedPlans({ parser, generators: createGenerators(systemClock) })) steps += 1;
  expect(steps).toBe(81);
});
