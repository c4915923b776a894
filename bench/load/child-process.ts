// The processes that the runner starts: ceilings and load clients. Each ends with its `await using`.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reply, Task, TaskResult } from "./client-tasks.ts";

const CEILING = new URL("./ceiling.ts", import.meta.url).pathname;
const CLIENT = new URL("./client.ts", import.meta.url).pathname;
const TASK_TIMEOUT_MS = 180_000;

export interface CeilingProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export interface ProbeOptions {
  /** A module to load before the program. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another version of what runs. */
  readonly program?: string;
}

export async function startCeiling({ preload, env, program = CEILING }: ProbeOptions = {}): Promise<CeilingProcess> {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-ceiling-"));
  const loaded = preload === undefined ? [] : ["--preload", preload];
  const child = Bun.spawn([process.execPath, ...loaded, program, folder], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, ...env },
  });
  const url = await readyUrl(child.stdout);
  return {
    url,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The URL in the line `ready at URL` of a starting server. */
export async function readyUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stdout.getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    const url = /ready at (\S+)/.exec(text)?.[1];
    if (url === undefined && !done) continue;
    reader.releaseLock();
    if (url === undefined) throw new Error(`a process did not start:\n${text}`);
    return url;
  }
}

type ResultOf<K extends Task["kind"]> = K extends "hold" | "countHeld"
  ? Extract<TaskResult, { readonly kind: "hold" | "countHeld" }>
  : Extract<TaskResult, { readonly kind: K }>;

export class LoadClient implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  #waiting: PromiseWithResolvers<Reply> | undefined;

  constructor() {
    this.#child = Bun.spawn([process.execPath, CLIENT], {
      stdout: "inherit",
      stderr: "inherit",
      ipc: (reply: Reply) => this.#waiting?.resolve(reply),
      onExit: (_child, code) => this.#waiting?.resolve({ kind: "failed", error: `the load client ended with ${code}` }),
    });
  }

  /** One task at a time. */
  async run<K extends Task["kind"]>(task: Extract<Task, { readonly kind: K }>): Promise<ResultOf<K>> {
    this.#waiting = Promise.withResolvers<Reply>();
    this.#child.send(task);
    const timer = setTimeout(
      () => this.#waiting?.resolve({ kind: "failed", error: `${task.kind} took longer than ${TASK_TIMEOUT_MS} ms` }),
      TASK_TIMEOUT_MS,
    );
    const reply = await this.#waiting.promise.finally(() => clearTimeout(timer));
    if (reply.kind === "failed") throw new Error(reply.error);
    // The client answers a task with its own kind of result.
    return reply.result as ResultOf<K>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}
