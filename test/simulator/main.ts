// bun run simulate [--steps N] [--seed S] [--schedule FILE]: prints the seed first; of a failure the step, what was wrong, and a shrunk schedule.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { shrink } from "./shrink.ts";
import { generate, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

const SHRINK_MS = 90_000;
const PROGRESS_STEPS = 10_000;

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    seed: { type: "string" },
    schedule: { type: "string" },
  },
});

const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const source = values.schedule === undefined ? `seed ${seed}` : `schedule ${values.schedule}`;
process.stdout.write(`simulating ${source}\n`);
const steps: readonly Step[] =
  values.schedule === undefined
    ? generate(seed, Number(values.steps))
    : ((await Bun.file(values.schedule).json()) as readonly Step[]);

const start = performance.now();
const failure = await simulate(steps, (done) => {
  if (done % PROGRESS_STEPS === 0) process.stdout.write(`${done} steps\n`);
});
const seconds = (performance.now() - start) / 1000;
if (failure === undefined) {
  process.stdout.write(`${steps.length} steps in ${seconds.toFixed(1)} s: every live query was right\n`);
} else {
  process.stdout.write(`FAILED ${source}, step ${failure.step}: ${failure.message}\nshrinking …\n`);
  const shrunk = await shrink({ steps: steps.slice(0, failure.step + 1), failure }, SHRINK_MS);
  const file = join(tmpdir(), `kalamdb-schedule-${crypto.randomUUID()}.json`);
  await Bun.write(file, JSON.stringify(shrunk.steps, null, 1));
  process.stdout.write(
    `${shrunk.steps.length} steps are left: ${shrunk.failure.message}\nrun them again: bun run simulate --schedule ${file}\n`,
  );
  process.exitCode = 1;
}
