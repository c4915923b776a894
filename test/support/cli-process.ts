// The real `kalam` in a process of its own, with a home folder of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT_PASSWORD } from "./test-server.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class CliHome implements AsyncDisposable {
  readonly folder: string;
  readonly #url: string;

  constructor(folder: string, url: string) {
    this.folder = folder;
    this.#url = url;
  }

  /** Nothing of the machine's own configuration counts. */
  env(more: CliOptions["env"] = {}): Record<string, string> {
    const env: Record<string, string | undefined> = {
      PATH: process.env["PATH"],
      HOME: this.folder,
      TERM: "xterm-256color",
      TZ: "UTC",
      KALAMDB_URL: this.#url,
      KALAMDB_USER: "root",
      KALAMDB_PASSWORD: ROOT_PASSWORD,
      ...more,
    };
    return Object.fromEntries(
      Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
  }

  command(args: readonly string[]): string[] {
    return [process.execPath, MAIN, "cli", ...args];
  }

  start(args: readonly string[], options: CliOptions = {}): Bun.Subprocess<"pipe", "pipe", "pipe"> {
    return Bun.spawn(this.command(args), {
      cwd: this.folder,
      env: this.env(options.env),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    await using child = this.start(args, options);
    if (options.stdin !== undefined) await child.stdin.write(options.stdin);
    await child.stdin.end();
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, exitCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function cliHome(url: string): Promise<CliHome> {
  return new CliHome(await mkdtemp(join(tmpdir(), "kalam-cli-")), url);
}
