// What was typed, over sessions: a JSON text a line, appended as it happens, so that several clients can share the file. What may hold a secret is remembered until the end of the session only.
import { appendFileSync, chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { PRIVATE_FILE_MODE, writePrivateFile } from "../base/private-file.ts";
import { readTextIfThere } from "../base/read-text-if-there.ts";
import { mayHoldSecret } from "./statement-kind.ts";

/** A longer text is a script; it would crowd out the rest. */
const MAX_ENTRY_LENGTH = 20_000;
/** The file is cut back when it is this many times too long. */
const SLACK = 2;

export interface HistoryOptions {
  readonly path: string;
  /** 0: no file. */
  readonly size: number;
  /** The file cannot be used: the session goes on without. */
  readonly warn: (text: string) => void;
}

export class History {
  readonly #options: HistoryOptions;
  #entries: string[] = [];
  #isWritable: boolean;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#isWritable = options.size > 0;
    if (this.#isWritable) this.#load();
  }

  /** Oldest first. */
  get entries(): readonly string[] {
    return this.#entries;
  }

  add(text: string): void {
    const entry = text.trim();
    if (entry === "" || entry === this.#entries.at(-1) || entry.length > MAX_ENTRY_LENGTH) return;
    this.#entries.push(entry);
    if (this.#entries.length > Math.max(1, this.#options.size)) this.#entries.shift();
    if (this.#isWritable && !mayHoldSecret(entry)) {
      this.#attempt(() => appendFileSync(this.#options.path, line(entry), { mode: PRIVATE_FILE_MODE }));
    }
  }

  #load(): void {
    const { path, size } = this.#options;
    this.#attempt(() => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const lines = (readTextIfThere(path) ?? "").split("\n");
      const entries = lines.flatMap((each) => parseLine(each) ?? []);
      this.#entries = entries.slice(-size);
      if (entries.length > size * SLACK) writePrivateFile(path, this.#entries.map(line).join(""));
      else if (entries.length > 0) chmodSync(path, PRIVATE_FILE_MODE);
    });
  }

  #attempt(use: () => void): void {
    try {
      use();
    } catch (error) {
      this.#isWritable = false;
      this.#options.warn(`the history is not saved: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function line(entry: string): string {
  return `${JSON.stringify(entry)}\n`;
}

/** A line that a crash cut short is none. */
function parseLine(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined;
  }
}
