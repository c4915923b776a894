// Loaded before a server or a ceiling (`--preload`): notes when each write came, was committed and was sent, without a line in the program itself. SIGUSR2 writes what was
// noted to the file that KALAMDB_WRITE_PROBE names and begins anew.
import { dlopen, ptr } from "bun:ffi";
import { Database } from "bun:sqlite";
import { openSync, readSync, writeFileSync } from "node:fs";

export interface Stamp {
  /** Milliseconds, by a clock that all processes share. */
  readonly atMs: number;
  /** Nanoseconds that the thread has run so far, and those in which it could have run but had no core. */
  readonly ranNs: number;
  readonly readyNs: number;
}

export interface Span {
  readonly from: Stamp;
  readonly to: Stamp;
}

export interface ProbedRun {
  /** When the handler of each request was called. */
  readonly requests: readonly Stamp[];
  readonly commits: readonly Span[];
  readonly sends: readonly (Span & { readonly id: number })[];
  /** When a thread was folding the log. */
  readonly folds: readonly Span[];
}

const MARK = /m:(\d+):/;
/** What the checkpoint thread is sent. */
const FOLD = /"task":"fold"|^{"path"/;
const CLOCK_THREAD_CPUTIME_ID = 3;

class Probe {
  readonly #file = openSync("/proc/thread-self/schedstat", "r");
  readonly #bytes = Buffer.alloc(64);
  #requests: Stamp[] = [];
  #commits: Span[] = [];
  #sends: (Span & { id: number })[] = [];
  #folds: Span[] = [];

  readonly #libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } }).symbols;
  readonly #time = new BigInt64Array(2);

  now(): Stamp {
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0);
    const [, ready] = this.#bytes.toString("latin1", 0, length).split(" ");
    this.#libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, ptr(this.#time));
    const [seconds = 0n, nanoseconds = 0n] = this.#time;
    const ranNs = Number(seconds) * 1e9 + Number(nanoseconds);
    return { atMs: performance.timeOrigin + performance.now(), ranNs, readyNs: Number(ready) };
  }

  write(path: string): void {
    const run: ProbedRun = { requests: this.#requests, commits: this.#commits, sends: this.#sends, folds: this.#folds };
    this.#requests = [];
    this.#commits = [];
    this.#sends = [];
    this.#folds = [];
    writeFileSync(path, JSON.stringify(run));
  }

  watchCommits(): void {
    watch(Database.prototype, "prepare", ({ args, run }) => {
      const statement = run();
      if (args[0] === "COMMIT" && typeof statement === "object" && statement !== null) {
        watch(statement, "run", ({ run: commit }) => {
          const { result, span } = this.#timed(commit);
          this.#commits.push(span);
          return result;
        });
      }
      return statement;
    });
  }

  watchServer(): void {
    watch(Bun, "serve", ({ args: [options], run }) => {
      const { websocket } = options as { readonly websocket: object };
      watch(options as object, "fetch", ({ run: answer }) => {
        this.#requests.push(this.now());
        return answer();
      });
      watch(websocket, "open", ({ args: [socket], run: open }) => {
        this.#watchSends(Object.getPrototypeOf(socket));
        return open();
      });
      return run();
    });
  }

  /** Of all sockets, once. */
  #watchSends(sockets: object): void {
    if (Object.hasOwn(sockets, "isProbed")) return;
    Object.defineProperty(sockets, "isProbed", { value: true });
    watch(sockets, "send", ({ args, run }) => {
      const id = MARK.exec(String(args[0]))?.[1];
      if (id === undefined) return run();
      const { result, span } = this.#timed(run);
      this.#sends.push({ id: Number(id), ...span });
      return result;
    });
  }

  watchFolds(): void {
    watch(Worker.prototype, "postMessage", ({ self, args, run }) => {
      const isFold = FOLD.test(JSON.stringify(args[0] ?? null));
      if (isFold && self instanceof Worker) {
        const from = this.now();
        self.addEventListener("message", () => this.#folds.push({ from, to: this.now() }), { once: true });
      }
      return run();
    });
  }

  #timed(run: () => unknown): { readonly result: unknown; readonly span: Span } {
    const from = this.now();
    const result = run();
    return { result, span: { from, to: this.now() } };
  }
}

interface Call {
  readonly self: unknown;
  readonly args: readonly unknown[];
  /** The call as it would have been. */
  readonly run: () => unknown;
}

function watch(owner: object, name: string, call: (call: Call) => unknown): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`there is no ${name} to watch`);
  Reflect.set(owner, name, function watched(this: unknown, ...args: unknown[]) {
    return call({ self: this, args, run: () => Reflect.apply(original, this, args) });
  });
}

const path = process.env["KALAMDB_WRITE_PROBE"];
if (path !== undefined && Bun.isMainThread) {
  const probe = new Probe();
  probe.watchCommits();
  probe.watchServer();
  probe.watchFolds();
  process.on("SIGUSR2", () => probe.write(path));
}
