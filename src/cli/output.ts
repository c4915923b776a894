// Where results go: the terminal, a pipe, or the file of `\o`.
import { closeSync, openSync, writeSync } from "node:fs";
import { CliError } from "./cli-error.ts";
import type { Terminal } from "./terminal.ts";

export class Output {
  readonly #terminal: Terminal;
  #file: { readonly path: string; readonly handle: number } | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Whether a person sees what is written. */
  get isTerminal(): boolean {
    return this.#file === undefined && this.#terminal.isOutput;
  }

  get path(): string | undefined {
    return this.#file?.path;
  }

  async write(text: string): Promise<void> {
    if (text === "") return;
    if (this.#file === undefined) await this.#terminal.write(text);
    else writeAll(this.#file.handle, text);
  }

  /** Replaces the file. */
  toFile(path: string): void {
    try {
      const handle = openSync(path, "w");
      this.toTerminal();
      this.#file = { path, handle };
    } catch (cause) {
      throw new CliError("the output file cannot be opened", { cause });
    }
  }

  toTerminal(): void {
    if (this.#file !== undefined) closeSync(this.#file.handle);
    this.#file = undefined;
  }
}

function writeAll(handle: number, text: string): void {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
  } catch (cause) {
    throw new CliError("the output file cannot be written", { cause });
  }
}
