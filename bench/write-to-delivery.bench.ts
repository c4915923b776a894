// Where the time of a delivery goes, and above all of the slowest hundredth of them: P7's load on a server and on the ceiling that stores first, each write followed from the moment
// it was due to its arrival. The probes take part of the time themselves, so what counts are differences between columns of one run.
//   bun bench/write-to-delivery.bench.ts [rounds] [seconds] [main.ts of another version]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LoadClient, type ProbeOptions } from "./load/child-process.ts";
import { openCeilingSide, ServerSide, type Side } from "./load/side.ts";
import type { Operation } from "./load/workload.ts";
import type { ProbedRun, Span, Stamp } from "./load/write-probe.ts";

const [rounds, seconds] = [Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 4)];
const otherProgram = process.argv[4];
const USERS = 1_000;
const RATE_PER_SECOND = 1_000;
const PROBE = new URL("./load/write-probe.ts", import.meta.url).pathname;
const DUMP_MS = 300;

interface Probed {
  readonly name: string;
  readonly side: Side;
  readonly operation: Operation;
  readonly tokens: readonly string[];
  readonly path: string;
}

/** Milliseconds of one delivery. */
type Parts = Readonly<Record<string, number>> & { readonly whole: number };

function overlap(from: number, to: number, spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to.atMs) - Math.max(from, span.from.atMs)), 0);
}

/** Time on the processor, waiting for one, and asleep. */
function split(name: string, from: Stamp, to: Stamp): Record<string, number> {
  const all = to.atMs - from.atMs;
  const ran = (to.ranNs - from.ranNs) / 1e6;
  const ready = (to.readyNs - from.readyNs) / 1e6;
  return {
    [name]: all,
    [`${name}: ran`]: ran,
    [`${name}: no core`]: ready,
    [`${name}: slept`]: Math.max(0, all - ran - ready),
  };
}

interface Timed {
  readonly times: readonly { readonly dueAt: number; readonly arrivedAt: number }[];
  readonly firstId: number;
}

function partsOf(run: ProbedRun, { times, firstId }: Timed): Parts[] {
  const sends = run.sends.filter(({ id }) => id >= firstId && id < firstId + times.length);
  const requests = run.requests.slice(-sends.length);
  const parts: Parts[] = [];
  let at = 0;
  sends.forEach((send, index) => {
    const request = requests[index];
    const time = times[send.id - firstId];
    while ((run.commits[at + 1]?.to.atMs ?? Number.POSITIVE_INFINITY) <= send.from.atMs) at += 1;
    const commit = run.commits[at];
    if (time === undefined || request === undefined || commit === undefined || commit.from.atMs < request.atMs) return;
    const earlier = run.commits.slice(Math.max(0, at - 30), at);
    parts.push({
      whole: time.arrivedAt - time.dueAt,
      arriving: request.atMs - time.dueAt,
      "arriving: other commits": overlap(time.dueAt, request.atMs, earlier),
      ...split("applying", request, commit.from),
      ...split("committing", commit.from, commit.to),
      "committing: while folding": overlap(commit.from.atMs, commit.to.atMs, run.folds),
      ...split("sending", commit.to, send.to),
      receiving: time.arrivedAt - send.to.atMs,
    });
  });
  return parts;
}

/** Means of those between two fractions of the sorted ones. */
function meansOf(parts: readonly Parts[], from: number, to: number): Record<string, string> {
  const sorted = parts.toSorted((a, b) => a.whole - b.whole);
  const some = sorted.slice(Math.floor(sorted.length * from), Math.ceil(sorted.length * to));
  const names = Object.keys(some[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, (some.reduce((sum, part) => sum + (part[name] ?? 0), 0) / some.length).toFixed(3)]),
  );
}

async function measure(client: LoadClient, probed: Probed, round: number): Promise<Parts[]> {
  const firstId = 1 + round * 1_000_000;
  const { times = [], faults } = await client.run({
    kind: "paced",
    target: probed.side.target,
    operation: probed.operation,
    tokens: probed.tokens,
    ratePerSecond: RATE_PER_SECOND,
    durationMs: seconds * 1_000,
    firstId,
    timesEach: true,
  });
  if (faults.length > 0) throw new Error(faults.join("; "));
  process.kill(probed.side.pid, "SIGUSR2");
  await Bun.sleep(DUMP_MS);
  const run: ProbedRun = await Bun.file(probed.path).json();
  return partsOf(run, { times, firstId });
}

/** The last is the ceiling. */
async function openSides(folder: string, stack: AsyncDisposableStack): Promise<readonly Probed[]> {
  const probe = (name: string) => {
    return { preload: PROBE, env: { KALAMDB_WRITE_PROBE: join(folder, name) } };
  };
  const server = async (name: string, options: ProbeOptions): Promise<Probed> => {
    const side = stack.use(await ServerSide.open({ ...probe(name), ...options }));
    return { name, side, operation: "insert-own", tokens: await side.createUsers(USERS), path: join(folder, name) };
  };
  const sides = [await server("server", {})];
  if (otherProgram !== undefined) sides.push(await server("other version", { program: otherProgram }));
  const ceiling = stack.use(await openCeilingSide(probe("ceiling")));
  const [{ tokens } = { tokens: [] }] = sides;
  sides.push({ name: "ceiling", side: ceiling, operation: "insert-echo", tokens, path: join(folder, "ceiling") });
  return sides;
}

function print(all: ReadonlyMap<string, readonly Parts[]>): void {
  const columns = [...all].flatMap(([name, parts]) => [
    { title: name, means: meansOf(parts, 0, 1) },
    { title: "middle tenth", means: meansOf(parts, 0.45, 0.55) },
    { title: "98–99.5 %", means: meansOf(parts, 0.98, 0.995) },
    { title: "above 99 %", means: meansOf(parts, 0.99, 1) },
  ]);
  const lines = Object.keys(columns[0]?.means ?? {}).map((name) => [
    name,
    ...columns.map(({ means }) => means[name] ?? ""),
  ]);
  const rows = [["ms", ...columns.map(({ title }) => title)], columns.map(() => "---").concat("---"), ...lines];
  process.stdout.write(`${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`);
}

const folder = await mkdtemp(join(tmpdir(), "kalamdb-probe-"));
try {
  await using stack = new AsyncDisposableStack();
  const sides = await openSides(folder, stack);
  const client = stack.use(new LoadClient());
  const all = new Map<string, Parts[]>(sides.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const probed of round % 2 === 0 ? sides : sides.toReversed()) {
      const parts = await measure(client, probed, round);
      if (round > 0) all.get(probed.name)?.push(...parts);
    }
  }
  print(all);
} finally {
  await rm(folder, { recursive: true, force: true });
}
