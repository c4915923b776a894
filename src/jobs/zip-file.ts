// A ZIP file written as a stream: entries are compressed by zlib's own threads, so that neither memory nor the event loop knows how large they are. Libraries for
// this compress on the thread that calls them, or in memory. Without ZIP64: an entry or a file past 4 GiB is refused.
import { once } from "node:events";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { crc32, createDeflateRaw } from "node:zlib";
import { DbError } from "../base/errors.ts";

const LOCAL_HEADER = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
/** 2.0: deflate. */
const VERSION = 20;
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808;
const DEFLATE = 8;
/** 1980-01-01: the entries' own times say nothing, and equal exports are equal files. */
const DOS_DATE = 0x0021;
const LIMIT_BYTES = 0xffff_ffff;
const MAX_ENTRIES = 0xffff;

interface Entry {
  readonly name: Uint8Array;
  readonly offset: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

type Chunks = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
type Step = <T>(work: () => T) => T;

export class ZipFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries: Entry[] = [];
  readonly #step: Step;
  #offset = 0;

  private constructor(path: string, file: FileHandle, step: Step) {
    this.#path = path;
    this.#file = file;
    this.#step = step;
  }

  /** Nothing is at `path` before `finish`. `step` runs what keeps this thread busy. */
  static async create(path: string, step: Step = (work) => work()): Promise<ZipFile> {
    return new ZipFile(path, await open(partialPath(path), "w", 0o600), step);
  }

  async add(name: string, chunks: Chunks): Promise<void> {
    if (this.#entries.length >= MAX_ENTRIES) throw tooLarge();
    const encoded = new TextEncoder().encode(name);
    const offset = this.#offset;
    await this.#write(localHeader(encoded), encoded);
    const start = this.#offset;
    const { crc, size } = await this.#deflate(chunks);
    const packed = this.#offset - start;
    await this.#write(words([DESCRIPTOR, crc, packed, size], "4444"));
    this.#entries.push({ name: encoded, offset, crc, packed, size });
  }

  /** Durable and under its name. Answers its size. */
  async finish(): Promise<number> {
    const start = this.#offset;
    for (const entry of this.#entries) await this.#write(centralHeader(entry), entry.name);
    const count = this.#entries.length;
    await this.#write(words([END, 0, 0, count, count, this.#offset - start, start, 0], "42222442"));
    await this.#file.sync();
    await this.#file.close();
    await rename(partialPath(this.#path), this.#path);
    return this.#offset;
  }

  /** Gives up. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(partialPath(this.#path), { force: true });
  }

  async #deflate(chunks: Chunks): Promise<{ crc: number; size: number }> {
    const deflate = createDeflateRaw();
    let crc = 0;
    let size = 0;
    const feed = async (): Promise<void> => {
      for await (const chunk of chunks) {
        const hasRoom = this.#step(() => {
          const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
          crc = crc32(bytes, crc);
          size += bytes.byteLength;
          return deflate.write(bytes);
        });
        if (!hasRoom) await once(deflate, "drain");
      }
      deflate.end();
    };
    const fed = feed().catch((error: unknown) => {
      deflate.destroy(error instanceof Error ? error : new Error(String(error)));
    });
    for await (const packed of deflate) await this.#write(packed);
    await fed;
    if (size > LIMIT_BYTES) throw tooLarge();
    return { crc, size };
  }

  async #write(...parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) {
      await this.#file.writeFile(part);
      this.#offset += part.byteLength;
    }
    if (this.#offset > LIMIT_BYTES) throw tooLarge();
  }
}

function partialPath(path: string): string {
  return `${path}.part`;
}

function localHeader(name: Uint8Array): Uint8Array {
  return words([LOCAL_HEADER, VERSION, FLAGS, DEFLATE, 0, DOS_DATE, 0, 0, 0, name.byteLength, 0], "42222244422");
}

function centralHeader({ name, offset, crc, packed, size }: Entry): Uint8Array {
  const sizes = [crc, packed, size, name.byteLength];
  return words(
    [CENTRAL_HEADER, VERSION, VERSION, FLAGS, DEFLATE, 0, DOS_DATE, ...sizes, 0, 0, 0, 0, 0, offset],
    "42222224442222244",
  );
}

/** Little-endian numbers of the given widths in bytes. */
function words(values: readonly number[], widths: string): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(Array.from(widths, Number).reduce((sum, width) => sum + width, 0)));
  let at = 0;
  for (const [index, value] of values.entries()) {
    if (widths[index] === "2") bytes.setUint16(at, value, true);
    else bytes.setUint32(at, value, true);
    at += Number(widths[index]);
  }
  return new Uint8Array(bytes.buffer);
}

function tooLarge(): DbError {
  return new DbError("RESULT_TOO_LARGE", "The export is larger than a ZIP file can be (4 GiB)");
}
