// A sign of life while the server works: only for people, only when it takes a while.
import type { Terminal } from "./terminal.ts";

const DELAY_MS = 200;
const FRAME_MS = 100;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

export class Spinner implements AsyncDisposable {
  readonly #terminal: Terminal;
  readonly #startedAt = performance.now();
  readonly #label: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #isShown = false;

  /** Nothing at all where there is no terminal. */
  constructor(terminal: Terminal, options: { readonly label: string; readonly isWanted: boolean }) {
    this.#terminal = terminal;
    this.#label = options.label;
    if (options.isWanted && terminal.isError && terminal.isOutput)
      this.#timer = setTimeout(() => this.#draw(), DELAY_MS);
  }

  #draw(): void {
    this.#isShown = true;
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1000);
    const frame = FRAMES[this.#frame++ % FRAMES.length] ?? "";
    void this.#terminal.writeError(`\r${frame} ${this.#label}${seconds > 0 ? ` ${seconds} s` : ""}\u001b[K`);
    this.#timer = setTimeout(() => this.#draw(), FRAME_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isShown) await this.#terminal.writeError("\r\u001b[K");
  }
}
