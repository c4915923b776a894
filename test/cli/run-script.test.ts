// A script that Ctrl-C meets where no statement listens for it.
import { expect, test } from "bun:test";
import { runScript } from "../../src/cli/run-script.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { sessionOn } from "./test-session.ts";

/** Interrupts whoever asked last, as soon as `word` is written. */
class InterruptingTerminal implements Terminal {
  readonly isInput = false;
  readonly isOutput = false;
  readonly isError = false;
  readonly columns = 80;
  readonly rows = 24;
  errors = "";
  readonly #word: string;
  #listeners: (() => void)[] = [];

  constructor(word: string) {
    this.#word = word;
  }

  write(text: string): Promise<void> {
    if (text.includes(this.#word)) this.#listeners.at(-1)?.();
    return Promise.resolve();
  }

  writeError(text: string): Promise<void> {
    this.errors += text;
    return Promise.resolve();
  }

  readKeys(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  onInterrupt(listener: () => void): Disposable {
    this.#listeners.push(listener);
    return {
      [Symbol.dispose]: () => {
        this.#listeners = this.#listeners.filter((each) => each !== listener);
      },
    };
  }

  onResize(): Disposable {
    return this.readKeys();
  }

  readAll(): Promise<string> {
    return Promise.resolve("");
  }

  get isHeard(): boolean {
    return this.#listeners.length > 0;
  }
}

test("CL-03 Ctrl-C while a command shows what it has ends the script after it, and says so", async () => {
  const terminal = new InterruptingTerminal("No files");
  using session = sessionOn(terminal, { url: "http://127.0.0.1:1", token: "unused", isInteractive: false });
  const end = await runScript("\\set a 1\n\\file\n\\set b 2\n", session, { name: "x.sql", keepGoing: true });
  expect(end).toEqual({ exitCode: 130, isQuit: false, isStopped: true });
  expect([...session.settings.variables.keys()]).toEqual(["a"]);
  expect(terminal.errors).toBe("Stopped: the last statement done is x.sql:2: \\file\n");
  // With the script, nobody listens: the next signal ends the process.
  expect(terminal.isHeard).toBe(false);
});
