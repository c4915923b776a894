// Question: what does one changed row cost the live side before anything is encoded: evaluating one filter, and finding the filters?
// Run: bun bench/predicate-match.bench.ts
// The router's time must not grow with the groups that do not match, for equality and for ranges. Subscribers are not part of it.
import { bench, do_not_optimize, group } from "mitata";
import { SHARED_SCOPE } from "../src/base/ids.ts";
import { toRoutedChange, toRowChange } from "../src/live/membership.ts";
import { Router } from "../src/live/router.ts";
import type { Routed } from "../src/live/router-places.ts";
import type { Cell } from "../src/model/sql-type.ts";
import { loadParser } from "../src/sql/parse/parser.ts";
import { runBenchmarks } from "./micro.ts";
import { livePlan, MESSAGES, messageRow } from "./sample.ts";

const GROUPS = [1, 100, 10_000] as const;
const parser = await loadParser();
const change = toRoutedChange({
  table: MESSAGES,
  scope: SHARED_SCOPE,
  before: messageRow(1, "lobby"),
  after: messageRow(2, "hall"),
});

const PREDICATES: readonly (readonly [name: string, where: string, slots: readonly Cell[]])[] = [
  ["room = $1", "room = $1", ["hall"]],
  ["id > $1 AND room IN ($2, $3)", "id > $1 AND room IN ($2, $3)", [0n, "hall", "garden"]],
  ["body LIKE '%dog%' OR body ILIKE 'the%'", "body LIKE '%dog%' OR body ILIKE 'the%'", []],
];

group("old and new row against one filter", () => {
  for (const [name, where, slots] of PREDICATES) {
    const plan = livePlan(parser, where);
    bench(name, () => do_not_optimize(toRowChange({ plan, slots }, change)));
  }
});

interface Lookup {
  readonly name: string;
  readonly where: string;
  readonly slots: (index: number) => readonly Cell[];
}

/** Of each kind exactly one filter matches the new row. */
const LOOKUPS: readonly Lookup[] = [
  { name: "equality", where: "room = $1", slots: (index) => [index === 0 ? "hall" : `room-${index}`] },
  { name: "range", where: "id >= $1 AND id < $2", slots: (index) => [BigInt(2 + index * 10), BigInt(3 + index * 10)] },
];

for (const { name, where, slots } of LOOKUPS) {
  group(`router lookup, ${name}`, () => {
    const plan = livePlan(parser, where);
    for (const count of GROUPS) {
      const router = new Router<Routed>();
      for (let index = 0; index < count; index++) router.add({ plan, slots: slots(index) });
      bench(`${count} groups`, () => {
        const found = new Set<Routed>();
        router.collect(change.afterRow ?? [], found);
        if (found.size !== 1) throw new Error(`${found.size} groups were found`);
        do_not_optimize(found);
      });
    }
  });
}

await runBenchmarks();
