// P20: the terminal client in a pseudo-terminal. How soon its prompt is there, and what a change costs it beside the client library alone that prints raw lines.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, type ReportRow } from "./report.ts";
import { type BenchSize, interleave, type LoadCase } from "./rounds.ts";
import { cpuSeconds, ServerSide } from "./side.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const RAW = new URL("./raw-watch.ts", import.meta.url).pathname;
const PROMPT_TARGET_MS = 2_000;
const ROWS_PER_WRITE = 100;
const CHANGES = 10_000;
const QUICK_CHANGES = 2_000;
const PATIENCE_MS = 60_000;
const SQL = "SELECT id, body FROM bench.shown";

/** A program in a terminal: its output is looked through, not kept. */
class InTerminal implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  #tail = "";
  #lines = 0;
  #changed = Promise.withResolvers<void>();

  constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([process.execPath, ...command], {
      env,
      terminal: { cols: 120, rows: 40, data: (_terminal, data) => this.#take(decoder.decode(data, { stream: true })) },
    });
  }

  #take(text: string): void {
    this.#tail = (this.#tail + text).slice(-2_000);
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.#lines += 1;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get lines(): number {
    return this.#lines;
  }

  async until(isReached: (program: { readonly tail: string; readonly lines: number }) => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!isReached({ tail: Bun.stripANSI(this.#tail), lines: this.#lines })) {
      if (performance.now() > end) throw new Error(`the terminal never showed it:\n${this.#tail}`);
      await Promise.race([this.#changed.promise, Bun.sleep(1_000)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

interface Bench {
  readonly side: ServerSide;
  readonly url: string;
  readonly home: string;
}

function envOf({ side, url, home }: Bench): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    TERM: "xterm-256color",
    KALAMDB_TOKEN: side.root.token,
    KALAMDB_URL: url,
  };
}

async function promptMs(command: readonly string[], bench: Bench): Promise<number> {
  const startedAt = performance.now();
  await using program = new InTerminal(command, envOf(bench));
  await program.until(({ tail }) => /=# \r?$/.test(tail));
  return performance.now() - startedAt;
}

interface Shown {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Rows that are new in every round, written as fast as the server takes them, until the last of them is on the screen. */
async function showChanges(
  command: readonly string[],
  bench: Bench,
  ids: { readonly first: number; readonly count: number },
): Promise<Shown> {
  await using program = new InTerminal(command, envOf(bench));
  await program.until(({ tail }) => /space pauses[^\n]*\n$|"ready"[^\n]*\n$/.test(tail));
  const before = cpuSeconds(program.pid);
  const lines = program.lines;
  const startedAt = performance.now();
  for (let id = ids.first; id < ids.first + ids.count; id += ROWS_PER_WRITE) {
    const rows = Array.from({ length: ROWS_PER_WRITE }, (_none, index) => `(${id + index}, 'message ${id + index}')`);
    await bench.side.root.sql(`INSERT INTO bench.shown VALUES ${rows.join(", ")}`);
  }
  await program.until((shown) => shown.lines - lines >= ids.count);
  const elapsedMs = performance.now() - startedAt;
  return {
    perSecond: (ids.count / elapsedMs) * 1_000,
    cpuUs: ((cpuSeconds(program.pid) - before) / ids.count) * 1e6,
  };
}

async function runTerminal(size: BenchSize): Promise<readonly ReportRow[]> {
  const home = await mkdtemp(join(tmpdir(), "kalam-bench-"));
  await using side = await ServerSide.open();
  try {
    const bench: Bench = { side, url: `http://127.0.0.1:${side.target.port}`, home };
    await side.root.sql("CREATE SHARED TABLE bench.shown (id BIGINT PRIMARY KEY, body TEXT)");
    const cli = [MAIN, "cli"];
    const bare = ["-e", 'process.stdout.write("=# ")'];
    const [prompts = [], bares = []] = await interleave(size, [cli, bare], (command) => promptMs(command, bench));
    const count = size.isQuick ? QUICK_CHANGES : CHANGES;
    const watching = [...cli, "-c", `SUBSCRIBE TO ${SQL}`];
    const raw = [RAW, bench.url, SQL];
    let first = 0;
    const [shown = [], printed = []] = await interleave(size, [watching, raw], (command) => {
      first += count;
      // Rows of the rounds before would be shown first.
      return side.root.sql("TRUNCATE TABLE bench.shown").then(() => showChanges(command, bench, { first, count }));
    });
    return [
      compare({
        id: "P20",
        question: "terminal client: start to prompt",
        unit: "ms",
        ours: prompts,
        ceiling: bares,
        target: "any",
        oursAtMost: PROMPT_TARGET_MS,
        faults: [],
        note: "the ceiling is Bun that prints a prompt",
      }),
      compare({
        id: "P20",
        question: `terminal client: ${count} changes written at once, shown`,
        unit: "/s",
        ours: shown.map(({ perSecond }) => perSecond),
        ceiling: printed.map(({ perSecond }) => perSecond),
        target: undefined,
        faults: [],
        note: "the ceiling is the client library printing raw lines; both wait for the same writes",
      }),
      compare({
        id: "P20",
        question: "terminal client: CPU of a change shown",
        unit: "µs",
        ours: shown.map(({ cpuUs }) => cpuUs),
        ceiling: printed.map(({ cpuUs }) => cpuUs),
        target: undefined,
        faults: [],
        note: "a thousand changes a second take a thousand times that",
      }),
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export const TERMINAL_CASES: readonly LoadCase[] = [
  { id: "P20", question: "the terminal client: prompt and live changes", run: runTerminal },
];
