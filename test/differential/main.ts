// Compares random statements with PostgreSQL. By hand, since it needs one, with a database of the collation C.UTF-8 whose tables a1, a2 and a3 it may drop:
//   bun test/differential/main.ts --psql "psql -h /tmp -U postgres postgres" [--seed 1] [--datasets 10] [--statements 200]
//   … --seed 7 --sql "SELECT …" asks one statement over the tables of a seed.
// Every difference is made smaller and printed once or twice for each way it looks.
import { parseArgs } from "node:util";
import { startTestServer } from "../support/test-server.ts";
import { Differential } from "./differential.ts";

const { values } = parseArgs({
  options: {
    psql: { type: "string", default: "psql" },
    seed: { type: "string", default: "1" },
    datasets: { type: "string", default: "10" },
    statements: { type: "string", default: "200" },
    sql: { type: "string" },
  },
});
const wholeNumber = (name: "seed" | "datasets" | "statements"): number => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number from 0`);
  return value;
};
const [seed, datasets, statements] = [wholeNumber("seed"), wholeNumber("datasets"), wholeNumber("statements")];
await using server = await startTestServer();
using run = new Differential(server.root, values.psql.split(" "), (text) => process.stdout.write(`${text}\n`));
for (let at = 0; at < datasets; at += 1) {
  await run.dataset(seed + at, statements, values.sql);
  process.stdout.write(`seed ${seed + at}: ${run.summary()}\n`);
}
