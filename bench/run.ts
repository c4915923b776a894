// Benchmarks: micro-benchmarks of the hot paths, then a real server beside ceilings in the same run.
//   bun run bench [--quick] [--full] [--only NAME,…] [--save]
// NAME is a micro-benchmark (codec, frame-encode, …) or a row of the report (P1, P4, …). Exit code 1 when a process failed or a run lost,
// repeated or misordered anything; a missed target is a result, not an error.
import { parseArgs } from "node:util";
import { BUFFERED_QUERY_CASES } from "./load/buffered-query-cases.ts";
import { COLD_READ_CASES } from "./load/cold-read-cases.ts";
import { DELIVERY_CASES } from "./load/delivery-cases.ts";
import { FLUSH_CASES } from "./load/flush-cases.ts";
import { describeMachine, type Machine } from "./load/machine.ts";
import { MEMORY_CASES } from "./load/memory-cases.ts";
import { NoiseMeter } from "./load/noise-meter.ts";
import { failedRow, type ReportRow, tableMarkdown, tableText, withNoise } from "./load/report.ts";
import { REQUEST_CASES } from "./load/request-cases.ts";
import type { BenchSize, LoadCase } from "./load/rounds.ts";
import { STANDING_QUERY_CASES } from "./load/standing-query-cases.ts";
import { START_CASES } from "./load/start-cases.ts";
import { STORM_CASES } from "./load/storm-cases.ts";
import { TERMINAL_CASES } from "./load/terminal-cases.ts";
import { UPKEEP_CASES } from "./load/upkeep-cases.ts";

const MICRO = ["parse-plan", "insert-apply", "predicate-match", "frame-encode", "codec"] as const;
const CASES: readonly LoadCase[] = [
  ...REQUEST_CASES,
  ...DELIVERY_CASES,
  ...STANDING_QUERY_CASES,
  ...STORM_CASES,
  ...MEMORY_CASES,
  ...FLUSH_CASES,
  ...UPKEEP_CASES,
  ...START_CASES,
  ...COLD_READ_CASES,
  ...BUFFERED_QUERY_CASES,
  ...TERMINAL_CASES,
];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    only: { type: "string" },
    save: { type: "boolean", default: false },
  },
});

const size: Omit<BenchSize, "noise"> = values.quick
  ? { isQuick: true, isFull: false, rounds: 2, roundMs: 700 }
  : { isQuick: false, isFull: values.full, rounds: 5, roundMs: 2_000 };

interface MicroResult {
  readonly name: string;
  readonly output: string;
  readonly isOk: boolean;
}

/** In a process of its own: what one leaves to the collector and the compiler must not touch the next. */
async function runMicro(name: string): Promise<MicroResult> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/${name}.bench.ts`], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const output = await new Response(child.stdout).text();
  const isOk = (await child.exited) === 0;
  print(`\n${name}${isOk ? "" : ": FAILED"}\n${output}`);
  return { name, output, isOk };
}

async function runCase({ id, question, run }: LoadCase): Promise<readonly ReportRow[]> {
  const startedAt = performance.now();
  const noise = new NoiseMeter();
  print(`${id} ${question} … `);
  try {
    const measured = await run({ ...size, noise });
    const others = noise.othersShare();
    const rows = measured.map((row) => withNoise(row, others));
    print(`${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n${tableText(rows)}\n\n`);
    return rows;
  } catch (error) {
    const row = failedRow(id, question, error);
    print(`FAILED: ${row.note}\n`);
    return [row];
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

const only = values.only?.toLowerCase().split(",");

function isWanted(name: string): boolean {
  return only === undefined || only.includes(name.toLowerCase());
}

function machineText(machine: Machine): string {
  const { cpu, cores, memoryGb, kernel, bun, commit, date } = machine;
  return `${date}, commit ${commit}; ${cpu}, ${cores} cores, ${memoryGb} GB, ${kernel}, Bun ${bun}`;
}

const METHOD =
  `${size.rounds} interleaved rounds of about ${size.roundMs} ms; median [smallest–largest]; a ratio is the median of the rounds' ratios. ` +
  "The load client is a process of its own on the same machine and takes a core while it works: figures are floors, ratios say more.";

function resultsText(machine: Machine, micro: readonly MicroResult[], rows: readonly ReportRow[]): string {
  const micros = micro.map(({ name, output }) => `### ${name}\n\n\`\`\`text\n${output.trim()}\n\`\`\`\n`);
  return [
    `# Benchmark results, ${machine.date}\n`,
    `${machineText(machine)}.\n`,
    `${METHOD}\n`,
    "## Load\n",
    `${tableMarkdown(rows)}\n`,
    ...(micros.length === 0 ? [] : ["## Micro-benchmarks\n", ...micros]),
  ].join("\n");
}

const machine = describeMachine();
print(`${machineText(machine)}\n`);
const micro: MicroResult[] = [];
const wanted = MICRO.filter(isWanted);
if (values.quick) {
  print("micro-benchmarks side by side, to see that they run: their figures are worth nothing\n");
  micro.push(...(await Promise.all(wanted.map(runMicro))));
} else for (const name of wanted) micro.push(await runMicro(name));
const rows: ReportRow[] = [];
for (const one of CASES) if (isWanted(one.id)) rows.push(...(await runCase(one)));
if (rows.length > 0) print(`\n${METHOD}\n\n${tableText(rows)}\n`);
if (micro.length + rows.length === 0)
  print(`nothing is called ${values.only}: ${[...MICRO, ...CASES.map(({ id }) => id)].join(", ")}\n`);
if (values.save) {
  const path = `${import.meta.dir}/results/${machine.date}-${machine.commit}.md`;
  await Bun.write(path, resultsText(machine, micro, rows));
  print(`saved ${path}\n`);
}
const isFailed =
  micro.some(({ isOk }) => !isOk) ||
  rows.some(({ verdict }) => verdict === "failed") ||
  micro.length + rows.length === 0;
process.exitCode = isFailed ? 1 : 0;
