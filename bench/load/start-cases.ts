// P18: from spawning the compiled binary to its first answer, and the memory it holds when idle; the ceiling program is compiled too.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyUrl } from "./child-process.ts";
import { compare, type ReportRow } from "./report.ts";
import { type BenchSize, interleave, type LoadCase } from "./rounds.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const MB = 1_000_000;
const SIZE_TARGET_MB = 125;
/** Long enough for whatever a start leaves behind to be collected. */
const IDLE_MS = 1_500;
const QUICK_IDLE_MS = 300;
const START_TARGET_MS = 60;
const MEMORY_TARGET_MB = 90;

interface Started {
  readonly firstAnswerMs: number;
  /** Of the process, and with the processes it started. */
  readonly residentMb: number;
  readonly familyMb: number;
}

async function start(command: readonly string[], idleMs: number): Promise<Started> {
  const startedAt = performance.now();
  const child = Bun.spawn([...command], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, KALAMDB_ROOT_PASSWORD: "correct-horse-battery-42" },
  });
  try {
    const url = await readyUrl(child.stdout);
    const response = await fetch(`${url}/health`);
    if (response.status !== 200) throw new Error(`health answers ${response.status}`);
    const firstAnswerMs = performance.now() - startedAt;
    await Bun.sleep(idleMs);
    const residentMb = await residentMbOf(child.pid);
    const children = await Promise.all((await childrenOf(child.pid)).map(residentMbOf));
    return { firstAnswerMs, residentMb, familyMb: children.reduce((sum, one) => sum + one, residentMb) };
  } finally {
    child.kill();
    await child.exited;
  }
}

async function build(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, ...args], { cwd: ROOT, stdout: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`bun ${args.join(" ")} failed`);
}

async function residentMbOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "latin1")));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

async function runStart(size: BenchSize): Promise<readonly ReportRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-start-"));
  try {
    const ceiling = join(folder, "ceiling");
    const binary = join(folder, "kalamdb");
    await build("build", "--compile", "--minify", "--bytecode", "bench/load/ceiling.ts", "--outfile", ceiling);
    await build("build.ts", "--outfile", binary);
    const serve = [binary, "serve", "--port", "0", "--log-level", "warn", "--data-dir"];
    let folders = 0;
    const fresh = (): string[] => {
      folders += 1;
      return [...serve, join(folder, `fresh-${folders}`)];
    };
    const again = [...serve, join(folder, "again")];
    const bare = (): string[] => [ceiling, folder];
    const idleMs = size.isQuick ? QUICK_IDLE_MS : IDLE_MS;
    await start(again, idleMs);
    const [first = [], restart = [], bareStarts = []] = await interleave(
      size,
      [fresh, () => again, bare],
      async (command) => {
        if (command === bare) await rm(join(folder, "ceiling.sqlite"), { force: true });
        return start(command(), idleMs);
      },
    );
    const row = (
      question: string,
      unit: string,
      figures: Pick<Parameters<typeof compare>[0], "ours" | "ceiling"> & { readonly atMost?: number },
    ): ReportRow =>
      compare({
        id: "P18",
        question,
        unit,
        ours: figures.ours,
        ceiling: figures.ceiling,
        target: figures.atMost === undefined ? undefined : "any",
        ...(figures.atMost === undefined ? {} : { oursAtMost: figures.atMost }),
        faults: [],
        note: "compiled, both",
      });
    const answers = (starts: readonly Started[]): number[] => starts.map(({ firstAnswerMs }) => firstAnswerMs);
    const resident = (starts: readonly Started[]): number[] => starts.map(({ residentMb }) => residentMb);
    const family = (starts: readonly Started[]): number[] => starts.map(({ familyMb }) => familyMb);
    return [
      row("start to first 200, first start", "ms", { ours: answers(first), ceiling: answers(bareStarts) }),
      row("start to first 200, existing folder", "ms", {
        ours: answers(restart),
        ceiling: answers(bareStarts),
        atMost: START_TARGET_MS,
      }),
      row("idle memory of the server process", "MB", {
        ours: resident(restart),
        ceiling: resident(bareStarts),
        atMost: MEMORY_TARGET_MB,
      }),
      row("idle memory with its query processes", "MB", { ours: family(restart), ceiling: family(bareStarts) }),
      row("size of the binary", "MB", {
        ours: [Bun.file(binary).size / MB],
        ceiling: [Bun.file(ceiling).size / MB],
        atMost: SIZE_TARGET_MB,
      }),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const START_CASES: readonly LoadCase[] = [{ id: "P18", question: "start and idle memory", run: runStart }];
