// Question: what does a statement cost before it is executed, and how much of that does the plan cache save?
// Run: bun bench/parse-plan.bench.ts
// Each line contains the one before it, except that a cache hit neither parses nor binds. Binding the values of a call is not included.
import { bench, do_not_optimize, group } from "mitata";
import { liftLiterals } from "../src/sql/lift-literals.ts";
import { loadParser } from "../src/sql/parse/parser.ts";
import type { DataPlan } from "../src/sql/plan.ts";
import { PlanCache } from "../src/sql/plan-cache.ts";
import { planData } from "../src/sql/planner.ts";
import { runBenchmarks } from "./micro.ts";
import { parseData, planInput, STATEMENTS } from "./sample.ts";

const parser = await loadParser();

for (const [name, text] of Object.entries(STATEMENTS)) {
  group(name, () => {
    bench("lift literals", () => do_not_optimize(liftLiterals(text)));
    bench("parse", () => do_not_optimize(parser.parse(text)));
    const input = planInput(text);
    bench("parse and bind", () => do_not_optimize(planData(parseData(parser, text), input)));
    const cache = new PlanCache<DataPlan>(1_000);
    const key = (): Parameters<typeof cache.get>[0] => ({
      lifted: liftLiterals(text),
      namespace: "chat",
      catalogVersion: 1,
      params: { count: 0, listRooms: new Map() },
    });
    cache.getOrPlan(key(), () => planData(parseData(parser, text), input));
    bench("plan-cache hit, lifting included", () => {
      const planned = cache.get(key());
      if (planned === undefined) throw new Error("the cache forgot the plan");
      do_not_optimize(planned);
    });
  });
}

await runBenchmarks();
