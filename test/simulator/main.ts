// bun run simulate [--steps N] [--seed S | --fixed] [--schedule FILE] [--fault NAME]: prints the seeds; of a failure the step, what was wrong, and a
// shrunk schedule; at the end what happened how often. `--fixed` runs the same seeds every time. With a fault it must fail.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { FAULTS, type FaultName, isFaultName } from "./faults.ts";
import { shrink } from "./shrink.ts";
import { type Failure, generate, simulate } from "./simulate.ts";
import { CADENCE, DENSE_CADENCE, type Step } from "./step.ts";

/** For a run that is to be the same schedule every time. */
const FIXED_SEEDS = [20_261, 74_093, 3_311_610_561, 1_739_200_038] as const;
const SHRINK_MS = 90_000;
const PROGRESS_STEPS = 10_000;
/** A run as long as this must have made everything happen. */
const COMPLETE_STEPS = 50_000;

interface Run {
  readonly source: string;
  readonly steps: readonly Step[];
}

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    seed: { type: "string" },
    fixed: { type: "boolean", default: false },
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

async function* runs(): AsyncGenerator<Run> {
  const { schedule, seed, fixed } = values;
  if (schedule !== undefined) {
    yield { source: `schedule ${schedule}`, steps: (await Bun.file(schedule).json()) as readonly Step[] };
    return;
  }
  const random = Number(seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const seeds = fixed ? FIXED_SEEDS : [random];
  const length = Math.ceil(Number(values.steps) / seeds.length);
  const cadence = values.fault === undefined ? CADENCE : DENSE_CADENCE;
  for (const each of seeds) yield { source: `seed ${each}`, steps: generate(each, length, cadence) };
}

async function reportFailure({ source, steps }: Run, failure: Failure): Promise<void> {
  say(`FAILED ${source}, step ${failure.step}: ${failure.message}\nshrinking …`);
  const shrunk = await shrink({ steps: steps.slice(0, failure.step + 1), failure }, SHRINK_MS);
  const file = join(tmpdir(), `kalamdb-schedule-${crypto.randomUUID()}.json`);
  await Bun.write(file, JSON.stringify(shrunk.steps, null, 1));
  say(`${shrunk.steps.length} steps are left: ${shrunk.failure.message}`);
  say(`run them again: bun run simulate --schedule ${file}`);
}

/** False: something was wrong, or a fault was not found. */
async function passes(run: Run, coverage: Coverage, fault: FaultName | undefined): Promise<boolean> {
  say(`simulating ${run.source}${fault === undefined ? "" : ` with the fault ${fault}`}`);
  const failure = await simulate(run.steps, {
    coverage,
    ...(fault === undefined ? {} : { fault }),
    onStep: (done) => {
      if (done % PROGRESS_STEPS === 0) say(`${done} steps`);
    },
  });
  if (fault !== undefined) {
    say(failure === undefined ? "NOT FOUND" : `found at step ${failure.step}: ${failure.message}`);
    return failure !== undefined;
  }
  if (failure !== undefined) await reportFailure(run, failure);
  return failure === undefined;
}

const fault = parseFault(values.fault);
const coverage = new Coverage();
const start = performance.now();
let steps = 0;
let isRight = true;
for await (const run of runs()) {
  isRight = await passes(run, coverage, fault);
  if (!isRight) break;
  steps += run.steps.length;
}
if (isRight && fault === undefined) {
  const seconds = (performance.now() - start) / 1000;
  say(`${coverage.table()}\n${steps} steps in ${seconds.toFixed(1)} s: every live query was right`);
  const missing = steps < COMPLETE_STEPS ? [] : coverage.missing();
  if (missing.length > 0) say(`FAILED: ${missing.join(", ")} never happened`);
  isRight = missing.length === 0;
}
process.exitCode = isRight ? 0 : 1;
