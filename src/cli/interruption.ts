// Ctrl-C between the statements of a text: what is left of it does not run.
import type { Terminal } from "./terminal.ts";

export class Interruption implements Disposable {
  readonly #listener: Disposable;
  #came = false;

  constructor(terminal: Pick<Terminal, "onInterrupt">) {
    this.#listener = terminal.onInterrupt(() => {
      this.#came = true;
      // Whatever runs did not ask for the signal: the second one ends the process.
      this.#listener[Symbol.dispose]();
    });
  }

  get came(): boolean {
    return this.#came;
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }
}
