// `bun run fuzz [--steps N] [--seed S]`: the isolation fuzzer by hand. A failure prints the seed and the smallest statement that still leaks.
import { parseArgs } from "node:util";
import { fuzzIsolation } from "./isolation.ts";

const { values } = parseArgs({ options: { steps: { type: "string", default: "10000" }, seed: { type: "string" } } });
const runs = Number(values.steps);
if (!Number.isSafeInteger(runs) || runs < 1) throw new Error("--steps takes a whole number from 1");
await fuzzIsolation({
  runs,
  ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  onRun: (done) => {
    if (done % 1_000 === 0) process.stdout.write(`${done} statements\n`);
  },
});
process.stdout.write(`${runs} statements: nothing of anybody else was seen or changed\n`);
process.exit(0);
