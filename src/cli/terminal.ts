// The process's input and output. One owner of standard input: keys are read only while somebody asked for them, so that a pager or an editor finds the terminal free.
import { emitKeypressEvents } from "node:readline";
import { OutputClosedError } from "./cli-error.ts";

export interface Key {
  /** What was typed, when it is text. */
  readonly text: string | undefined;
  /** `a`, `up`, `return`, `paste-start` … */
  readonly name: string | undefined;
  readonly ctrl: boolean;
  readonly meta: boolean;
  readonly shift: boolean;
}

export interface Terminal {
  readonly isInput: boolean;
  readonly isOutput: boolean;
  readonly isError: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Done when the text is on its way; rejects with OutputClosedError when nobody reads any more. */
  write(text: string): Promise<void>;
  writeError(text: string): Promise<void>;
  /** Calls for each key until disposed; meanwhile the terminal echoes nothing and Ctrl-C is a key. */
  readKeys(listener: (key: Key) => void): Disposable;
  /** Calls for SIGINT until disposed: only who asked last, since it is what they do that the user means. While nobody asks, the signal ends the process. */
  onInterrupt(listener: () => void): Disposable;
  onResize(listener: () => void): Disposable;
  readAll(): Promise<string>;
}

const FALLBACK_COLUMNS = 80;
const FALLBACK_ROWS = 24;
/** Longer pieces would be held in memory twice. */
const PIECE_LENGTH = 256 * 1024;

/** 128 and the number of SIGTERM. */
const TERMINATED = 143;

interface RawKey {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

function writeTo(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(new OutputClosedError("the output is closed", { cause: error }));
    });
  });
}

function interruptStack(): Terminal["onInterrupt"] {
  let entries: { readonly listener: () => void }[] = [];
  const onSignal = (): void => entries.at(-1)?.listener();
  return (listener) => {
    const entry = { listener };
    if (entries.push(entry) === 1) process.on("SIGINT", onSignal);
    return {
      [Symbol.dispose]() {
        entries = entries.filter((each) => each !== entry);
        if (entries.length === 0) process.off("SIGINT", onSignal);
      },
    };
  };
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  // The write that fails says so; without a listener the same error would end the process with a stack.
  stdout.on("error", () => undefined);
  stderr.on("error", () => undefined);
  let emitsKeys = false;
  return {
    isInput: stdin.isTTY,
    isOutput: stdout.isTTY,
    isError: stderr.isTTY,
    get columns() {
      return stdout.columns > 0 ? stdout.columns : FALLBACK_COLUMNS;
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : FALLBACK_ROWS;
    },
    async write(text) {
      for (let at = 0; at < text.length; at += PIECE_LENGTH) await writeTo(stdout, text.slice(at, at + PIECE_LENGTH));
    },
    async writeError(text) {
      // Nobody who could be told is left when even this is closed.
      await writeTo(stderr, text).catch(() => undefined);
    },
    readKeys(listener) {
      if (!emitsKeys) emitKeypressEvents(stdin);
      emitsKeys = true;
      const onKey = (text: string | undefined, key: RawKey): void =>
        listener({ text, name: key.name, ctrl: key.ctrl === true, meta: key.meta === true, shift: key.shift === true });
      // A signal that ends the process must not leave a terminal that echoes nothing.
      const onEnd = (): void => {
        stdin.setRawMode(false);
        process.exit(TERMINATED);
      };
      process.on("SIGTERM", onEnd);
      stdin.setRawMode(true);
      stdin.on("keypress", onKey);
      stdin.resume();
      return {
        [Symbol.dispose]() {
          stdin.off("keypress", onKey);
          stdin.pause();
          stdin.setRawMode(false);
          process.off("SIGTERM", onEnd);
        },
      };
    },
    onInterrupt: interruptStack(),
    onResize(listener) {
      stdout.on("resize", listener);
      return { [Symbol.dispose]: () => void stdout.off("resize", listener) };
    },
    readAll: () => Bun.stdin.text(),
  };
}
