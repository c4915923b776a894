import { expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { rehearsedPlans } from "../../src/engine/rehearsed-plans.ts";
import { createGenerators } from "../../src/sql/functions/generators.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";

test("every statement of the rehearsal is one that can be planned", async () => {
  const parser = await loadParser();
  const generators = createGenerators(systemClock);
  expect([...rehearsedPlans({ parser, generators, isWanted: () => true })]).toHaveLength(81);
});

test("a server that stops rehearses no more", async () => {
  let wanted = 2;
  const deps = { parser: await loadParser(), generators: createGenerators(systemClock) };
  const isWanted = (): boolean => {
    wanted -= 1;
    return wanted >= 0;
  };
  expect([...rehearsedPlans({ ...deps, isWanted })]).toHaveLength(6);
});
