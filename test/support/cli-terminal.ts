// The real `kalam` in a pseudo-terminal: keys are typed into it, and what it shows can be waited for.
import type { CliHome, CliOptions } from "./cli-process.ts";

export interface CliTerminalOptions {
  readonly args?: readonly string[];
  readonly env?: CliOptions["env"];
  readonly columns?: number;
  readonly rows?: number;
}

export class CliTerminal implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #terminal: Bun.Terminal;
  readonly #decoder = new TextDecoder();
  /** What came and was not waited for yet. */
  #output = "";
  #everything = "";
  #changed = Promise.withResolvers<void>();

  constructor(home: CliHome, options: CliTerminalOptions) {
    const { args = [], env, columns = 100, rows = 40 } = options;
    this.#child = Bun.spawn(home.command(args), {
      cwd: home.folder,
      env: home.env(env),
      terminal: { cols: columns, rows, data: (_terminal, data) => this.#take(data) },
    });
    if (this.#child.terminal === undefined) throw new Error("there is no terminal");
    this.#terminal = this.#child.terminal;
    void this.#child.exited.then(() => this.#wake());
  }

  #take(data: Uint8Array): void {
    const text = this.#decoder.decode(data, { stream: true });
    this.#output += text;
    this.#everything += text;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  type(keys: string): void {
    this.#terminal.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** What was shown up to and with the pattern, without escape sequences; it is not seen again. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const plain = Bun.stripANSI(this.#output).replaceAll("\r", "");
      const match = pattern.exec(plain);
      if (match !== null) {
        this.#output = plain.slice(match.index + match[0].length);
        return plain.slice(0, match.index + match[0].length);
      }
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}:\n${plain}`);
      await this.#changed.promise;
    }
  }

  /** Every byte, escape sequences included. */
  get raw(): string {
    return this.#everything;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#terminal.close();
  }
}
