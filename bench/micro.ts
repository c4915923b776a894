// How every micro-benchmark file runs: a benchmark that throws ends its process with an error instead of a line in a table.
import { run } from "mitata";

export async function runBenchmarks(): Promise<void> {
  await run({ throw: true, colors: process.stdout.isTTY === true });
}
