// Where and of what a result was measured. Figures without this are worth nothing.
import { cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly bun: string;
  /** `-dirty` when the checkout differs from it. */
  readonly commit: string;
  readonly date: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    bun: Bun.version,
    commit: commitOf(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function commitOf(): string {
  const git = (...words: string[]): string =>
    Bun.spawnSync(["git", ...words], { cwd: import.meta.dir, stderr: "ignore" })
      .stdout.toString()
      .trim();
  const commit = git("rev-parse", "--short", "HEAD");
  if (commit === "") return "unknown";
  return git("status", "--porcelain") === "" ? commit : `${commit}-dirty`;
}
