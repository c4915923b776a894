// A server as a user would start it: its own process, a folder, a free port. Logs go to this process's stderr, or to whoever asks for them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ServerProcessOptions {
  /** A new one, removed at the end, when left out. */
  readonly folder?: string;
  readonly password?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A free one when left out. */
  readonly port?: number;
  /** `warn` when left out. */
  readonly logLevel?: "debug" | "warn" | "error";
  /** Takes the lines of the log, which go to this process's stderr otherwise. */
  readonly onLog?: (line: string) => void;
  /** A module to load before the program. */
  readonly preload?: string;
  /** What runs; the server's own program when left out. */
  readonly program?: string;
  /** A compiled program, which runs by itself. */
  readonly binary?: string;
}

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const START_TIMEOUT_MS = 60_000;

export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly password: string;
  readonly folder: string;
  readonly #child: Bun.Subprocess;
  readonly #ownsFolder: boolean;

  private constructor(
    url: string,
    child: Bun.Subprocess,
    options: Required<Pick<ServerProcessOptions, "folder" | "password">> & { readonly ownsFolder: boolean },
  ) {
    this.url = url;
    this.#child = child;
    this.folder = options.folder;
    this.password = options.password;
    this.#ownsFolder = options.ownsFolder;
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "kalamdb-run-")));
    const password = options.password ?? crypto.randomUUID();
    const child = Bun.spawn(
      [
        ...commandOf(options),
        "serve",
        "--port",
        String(options.port ?? 0),
        "--data-dir",
        folder,
        "--log-level",
        options.logLevel ?? "warn",
      ],
      {
        stdout: "pipe",
        stderr: options.onLog === undefined ? "inherit" : "pipe",
        env: { ...process.env, KALAMDB_ROOT_PASSWORD: password, ...options.env },
      },
    );
    if (options.onLog !== undefined && child.stderr instanceof ReadableStream)
      void readLines(child.stderr, options.onLog);
    try {
      const url = await readUrl(child.stdout);
      return new ServerProcess(url, child, { folder, password, ownsFolder: options.folder === undefined });
    } catch (error) {
      child.kill("SIGKILL");
      await child.exited;
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends the signal and resolves with the exit code once the process is gone. */
  async end(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number> {
    this.#child.kill(signal);
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    if (this.#ownsFolder) await rm(this.folder, { recursive: true, force: true });
  }
}

function commandOf({ binary, preload, program = MAIN }: ServerProcessOptions): readonly string[] {
  if (binary !== undefined) return [binary];
  return [process.execPath, ...(preload === undefined ? [] : ["--preload", preload]), program];
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}

async function readUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stdout.getReader();
  const deadline = setTimeout(() => void reader.cancel(), START_TIMEOUT_MS);
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    const url = /ready at (\S+)/.exec(text)?.[1];
    if (url === undefined && !done) continue;
    clearTimeout(deadline);
    reader.releaseLock();
    if (url === undefined) throw new Error(`the server did not start:\n${text}`);
    return url;
  }
}
