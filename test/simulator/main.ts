// bun run simulate [--steps N] [--seed S] [--schedule FILE] [--fault NAME]: prints the seed first; of a failure the step, what was wrong, and a
// shrunk schedule. With a fault it must fail.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FAULTS, type FaultName, isFaultName } from "./faults.ts";
import { shrink } from "./shrink.ts";
import { type Failure, generate, simulate } from "./simulate.ts";
import { CADENCE, DENSE_CADENCE, type Step } from "./step.ts";

const SHRINK_MS = 90_000;
const PROGRESS_STEPS = 10_000;

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    seed: { type: "string" },
    schedule: { type: "string" },
    fault: { type: "string" },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function parseFault(name: string | undefined): FaultName | undefined {
  if (name === undefined || isFaultName(name)) return name;
  throw new Error(`no fault is called ${name}; there are ${Object.keys(FAULTS).join(", ")}`);
}

async function reportFailure(source: string, steps: readonly Step[], failure: Failure): Promise<void> {
  say(`FAILED ${source}, step ${failure.step}: ${failure.message}\nshrinking …`);
  const shrunk = await shrink({ steps: steps.slice(0, failure.step + 1), failure }, SHRINK_MS);
  const file = join(tmpdir(), `kalamdb-schedule-${crypto.randomUUID()}.json`);
  await Bun.write(file, JSON.stringify(shrunk.steps, null, 1));
  say(`${shrunk.steps.length} steps are left: ${shrunk.failure.message}`);
  say(`run them again: bun run simulate --schedule ${file}`);
}

const fault = parseFault(values.fault);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const source = values.schedule === undefined ? `seed ${seed}` : `schedule ${values.schedule}`;
say(`simulating ${source}${fault === undefined ? "" : ` with the fault ${fault}`}`);
const steps: readonly Step[] =
  values.schedule === undefined
    ? generate(seed, Number(values.steps), fault === undefined ? CADENCE : DENSE_CADENCE)
    : ((await Bun.file(values.schedule).json()) as readonly Step[]);

const start = performance.now();
const failure = await simulate(steps, {
  ...(fault === undefined ? {} : { fault }),
  onStep: (done) => {
    if (done % PROGRESS_STEPS === 0) say(`${done} steps`);
  },
});
const seconds = (performance.now() - start) / 1000;
if (fault !== undefined) {
  say(failure === undefined ? "NOT FOUND" : `found at step ${failure.step}: ${failure.message}`);
  process.exitCode = failure === undefined ? 1 : 0;
} else if (failure === undefined) {
  say(`${steps.length} steps in ${seconds.toFixed(1)} s: every live query was right`);
} else {
  await reportFailure(source, steps, failure);
  process.exitCode = 1;
}
