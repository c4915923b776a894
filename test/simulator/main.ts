// bun run simulate [--steps N] [--seed S | --fixed] [--dense] [--schedule FILE] [--fault NAME]: prints the seeds; of a failure the step, what was wrong, what
// led to it, and a shrunk schedule; at the end what happened how often. `--fixed` runs the same seeds every time, `--dense` makes
// what is rare come soon. With a fault, which implies `--dense`, it must fail.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { FAULTS, type FaultName, isFaultName } from "./faults.ts";
import { CADENCE, DENSE_CADENCE } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { type Failure, generate, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

/** For a run that is to be the same schedule every time. */
const FIXED_SEEDS = [20_261, 74_093, 3_311_610_561, 1_739_200_038] as const;
const SHRINK_MS = 90_000;
const PROGRESS_STEPS = 10_000;
/** A run as long as this must have made everything happen. */
const COMPLETE_STEPS = 50_000;

/** Of a failed run, so many of its last steps are kept as a schedule. */
const KEPT_STEPS = 20_000;

interface Run {
  readonly source: string;
  /** From the first, however often it is asked for. */
  readonly steps: () => Iterable<Step>;
}

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    seed: { type: "string" },
    fixed: { type: "boolean", default: false },
    dense: { type: "boolean", default: false },
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
  const { schedule, seed, fixed, dense } = values;
  if (schedule !== undefined) {
    const steps = (await Bun.file(schedule).json()) as readonly Step[];
    yield { source: `schedule ${schedule}`, steps: () => [...steps, { kind: "settle" }] };
    return;
  }
  const random = Number(seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const seeds = fixed ? FIXED_SEEDS : [random];
  const length = Math.ceil(Number(values.steps) / seeds.length);
  const cadence = dense || values.fault !== undefined ? DENSE_CADENCE : CADENCE;
  for (const each of seeds) yield { source: `seed ${each}`, steps: () => generate(each, length, cadence) };
}

async function reportFailure({ source, steps }: Run, failure: Failure): Promise<void> {
  say(`FAILED ${source}, step ${failure.step}: ${failure.message}\n${failure.evidence}`);
  const first = Math.max(0, failure.step + 1 - KEPT_STEPS);
  const kept = Iterator.from(steps())
    .drop(first)
    .take(failure.step + 1 - first)
    .toArray();
  const whole = await keep(kept);
  say(`the last ${kept.length} steps: bun run simulate --schedule ${whole}\nshrinking …`);
  const shrunk = await shrink({ steps: kept, failure }, { budgetMs: SHRINK_MS });
  say(`${shrunk.steps.length} steps are left: ${shrunk.failure.message}`);
  say(`run them again: bun run simulate --schedule ${await keep(shrunk.steps)}`);
}

async function keep(steps: readonly Step[]): Promise<string> {
  const file = join(tmpdir(), `kalamdb-schedule-${crypto.randomUUID()}.json`);
  await Bun.write(file, JSON.stringify(steps, null, 1));
  return file;
}

/** False: something was wrong, or a fault was not found. */
async function passes(run: Run, coverage: Coverage, fault: FaultName | undefined): Promise<boolean> {
  say(`simulating ${run.source}${fault === undefined ? "" : ` with the fault ${fault}`}`);
  const failure = await simulate(run.steps(), {
    coverage,
    signal: stopped.signal,
    ...(fault === undefined ? {} : { fault }),
    onStep: (done) => {
      steps += 1;
      if (done % PROGRESS_STEPS !== 0) return;
      // What requests and sockets leave outside the heap is given back with it, and the heap alone gives no reason to collect: it does not grow.
      Bun.gc(true);
      say(`${done} steps, ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);
    },
  });
  if (fault !== undefined) {
    say(failure === undefined ? "NOT FOUND" : `found at step ${failure.step}: ${failure.message}`);
    return failure !== undefined;
  }
  if (failure !== undefined) await reportFailure(run, failure);
  return failure === undefined;
}

/** Whoever stops it leaves no folder and no server behind. */
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort());
const fault = parseFault(values.fault);
const coverage = new Coverage();
const start = performance.now();
let steps = 0;
let isRight = true;
for await (const run of runs()) {
  isRight = await passes(run, coverage, fault);
  if (!isRight || stopped.signal.aborted) break;
}
if (isRight && fault === undefined) {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const verdict = stopped.signal.aborted
    ? `stopped after ${steps} steps in ${seconds} s: nothing was wrong up to the last check among them`
    : `${steps} steps in ${seconds} s: every live query was right`;
  say(`${coverage.table()}\n${verdict}`);
  const missing = steps < COMPLETE_STEPS || stopped.signal.aborted ? [] : coverage.missing();
  if (missing.length > 0) say(`FAILED: ${missing.join(", ")} never happened`);
  isRight = missing.length === 0;
}
// A socket to a server that was killed may be held open for longer than anybody wants to wait.
process.exit(isRight && !stopped.signal.aborted ? 0 : 1);
