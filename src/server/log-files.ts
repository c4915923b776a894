// The log in files: one that is written to, others that were put aside by size or age. Whoever logs never waits and never fails: lines wait in memory for the disk, up
// to a bound; past it, and while the disk refuses, they are lost, counted, and the count is the next line.
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../base/error-code.ts";
import type { LogFilesView } from "../jobs/log-cleanup-kind.ts";

export interface LogFilesOptions {
  readonly folder: string;
  /** A file that is larger, or older, is put aside before the next line. */
  readonly maxFileBytes: number;
  readonly maxFileAgeMs: number;
  readonly retentionMs: number;
  /** Of those put aside; the oldest go first. */
  readonly maxFiles: number;
  readonly nowMs: () => number;
}

const CURRENT = "kalamdb.log";
const PUT_ASIDE = /^kalamdb-\d{8}T\d{9}Z(-\d+)?\.log$/;
/** Of lines that wait for the disk. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface OpenFile {
  readonly handle: FileHandle;
  readonly sinceMs: number;
  sizeBytes: number;
}

export class LogFiles implements LogFilesView {
  readonly #options: LogFilesOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #file: OpenFile | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#closeFile();
  }

  async outdated(): Promise<readonly string[]> {
    const { folder, retentionMs, maxFiles, nowMs } = this.#options;
    const aside = (await readdir(folder).catch(() => [])).filter((name) => PUT_ASIDE.test(name)).sort();
    const surplus = Math.max(0, aside.length - maxFiles);
    const names: string[] = [];
    for (const [index, name] of aside.entries()) {
      const age = nowMs() - ((await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? Number.NaN);
      if (index < surplus || age >= retentionMs) names.push(name);
    }
    return names;
  }

  async remove(name: string): Promise<number> {
    if (!PUT_ASIDE.test(name)) return 0;
    const path = join(this.#options.folder, name);
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    await rm(path, { force: true });
    return size;
  }

  async #writeAll(): Promise<void> {
    // Lines of one turn go together.
    await Bun.sleep(0);
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        const file = await this.#ready();
        const text = (this.#lost > 0 ? this.#lostLine() : "") + lines.join("");
        await file.handle.appendFile(text);
        file.sizeBytes += Buffer.byteLength(text);
        this.#lost = 0;
      } catch {
        // The log cannot say so itself; the next line that is written tells how many were not.
        this.#lost += lines.length;
        await this.#closeFile();
      }
    }
  }

  #lostLine(): string {
    const time = new Date(this.#options.nowMs()).toISOString();
    return `${JSON.stringify({ time, level: "warn", message: "log lines lost", lines: this.#lost })}\n`;
  }

  async #ready(): Promise<OpenFile> {
    const { maxFileBytes, maxFileAgeMs, nowMs } = this.#options;
    const file = this.#file ?? (await this.#open());
    const isFull = file.sizeBytes >= maxFileBytes || nowMs() - file.sinceMs >= maxFileAgeMs;
    if (!isFull || file.sizeBytes === 0) return file;
    await this.#closeFile();
    await rename(this.#path, await this.#nameAside());
    return this.#open();
  }

  async #open(): Promise<OpenFile> {
    const { folder, nowMs } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(this.#path, "a", 0o600);
    const { size, birthtimeMs } = await handle.stat();
    this.#file = { handle, sizeBytes: size, sinceMs: size === 0 ? nowMs() : birthtimeMs };
    return this.#file;
  }

  /** By the time, and a number if that is taken. */
  async #nameAside(): Promise<string> {
    const time = new Date(this.#options.nowMs()).toISOString().replace(/[-:.]/g, "");
    for (let number = 0; ; number += 1) {
      const path = join(this.#options.folder, `kalamdb-${time}${number === 0 ? "" : `-${number}`}.log`);
      const isTaken = await stat(path).catch((error: unknown) => {
        if (errorCode(error) === "ENOENT") return undefined;
        throw error;
      });
      if (isTaken === undefined) return path;
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // What could not be written was counted already.
    await file?.handle.close().catch(() => undefined);
  }

  get #path(): string {
    return join(this.#options.folder, CURRENT);
  }
}

/** Of a server that logs to no file. */
export const NO_LOG_FILES: LogFilesView = { outdated: async () => [], remove: async () => 0 };
