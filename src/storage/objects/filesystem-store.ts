// A storage in a folder. A file is complete and durable before it has its name: temporary name, sync, rename, sync of the folder. No key reaches outside the
// folder, not through a symbolic link either.
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { lstat, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { errorCode } from "../../base/error-code.ts";
import { DbError } from "../../base/errors.ts";
import { syncHandleInPool } from "../../base/sync-file.ts";
import { LastingFolders } from "./lasting-folders.ts";
import {
  assertKey,
  isKey,
  type ObjectInfo,
  type ObjectKey,
  type ObjectReader,
  type ObjectStore,
  type ObjectWriter,
  type PutOptions,
  type Removed,
} from "./object-store.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const PAGE_ENTRIES = 1000;
const TEMPORARY = /^\.(.+)\.tmp$/;

/** The name a file has until it is complete and synced. */
function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/** The folder need not exist: it is made with the first file. */
export function openFilesystemStore(folder: string): ObjectStore {
  return new FilesystemStore(folder);
}

class FilesystemStore implements ObjectStore {
  readonly #root: string;
  readonly #lasting: LastingFolders;
  #puts = 0;

  constructor(root: string) {
    this.#root = root;
    this.#lasting = new LastingFolders(root);
  }

  async create(key: ObjectKey, options: PutOptions = {}): Promise<ObjectWriter> {
    const path = this.#path(key);
    const folder = dirname(path);
    const lasting = this.#lasting;
    this.#makeFolder(folder);
    const temporary = temporaryPath(path);
    let file: number | undefined = openSync(temporary, "w", FILE_MODE);
    const close = (): void => {
      if (file !== undefined) closeSync(file);
      file = undefined;
    };
    return {
      write(bytes) {
        if (file === undefined) throw new DbError("STORAGE_ERROR", "the file is closed");
        for (let at = 0; at < bytes.byteLength; ) at += writeSync(file, bytes, at, bytes.byteLength - at);
      },
      async finish() {
        if (file === undefined) throw new DbError("STORAGE_ERROR", "the file is closed");
        try {
          options.signal?.throwIfAborted();
          options.failpoint?.("written");
          if (options.isLasting !== false) await syncHandleInPool(file);
        } finally {
          close();
        }
        options.failpoint?.("synced");
        renameSync(temporary, path);
        options.failpoint?.("renamed");
        if (options.isLasting !== false) await lasting.sync(folder);
        options.failpoint?.("folder-synced");
      },
      discard() {
        close();
        rmSync(temporary, { force: true });
      },
    };
  }

  /** A write that fails leaves its temporary file to the sweep, which a process that dies does too. */
  async put(key: ObjectKey, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    if (options.isLasting === false) return await this.#putUnsynced(key, bytes, options);
    const writer = await this.create(key, options);
    writer.write(bytes);
    await writer.finish();
  }

  /** On threads of the pool: the caller may be the main thread, and a file system that is syncing others' files holds up whoever makes or renames one. */
  async #putUnsynced(key: ObjectKey, bytes: Uint8Array, { failpoint, signal }: PutOptions): Promise<void> {
    const path = this.#path(key);
    this.#makeFolder(dirname(path));
    this.#puts += 1;
    const temporary = temporaryPath(`${path}.${this.#puts}`);
    await writeFile(temporary, bytes, { mode: FILE_MODE });
    signal?.throwIfAborted();
    failpoint?.("written");
    await rename(temporary, path);
    failpoint?.("renamed");
  }

  async open(key: ObjectKey): Promise<ObjectReader> {
    const path = this.#path(key);
    this.#assertInside(path);
    const file = openSync(path, "r");
    const sizeBytes = fstatSync(file).size;
    return {
      sizeBytes,
      read: (start, end) => readRange(file, start, end),
      close: () => closeSync(file),
    };
  }

  async head(key: ObjectKey): Promise<ObjectInfo | undefined> {
    const info = await lstat(this.#path(key)).catch(absent);
    return info?.isFile() !== true ? undefined : { key, sizeBytes: info.size, modifiedMs: info.mtimeMs };
  }

  async *list(prefix: string): AsyncGenerator<readonly ObjectInfo[]> {
    let page: ObjectKey[] = [];
    for await (const key of this.#walk(prefix, (name) => !TEMPORARY.test(name))) {
      if (page.push(key) < PAGE_ENTRIES) continue;
      yield await this.#describe(page);
      page = [];
    }
    if (page.length > 0) yield await this.#describe(page);
  }

  async remove(keys: readonly ObjectKey[]): Promise<void> {
    const folders = new Set<string>();
    for (const key of keys) {
      const path = this.#path(key);
      const folder = dirname(path);
      if (!folders.has(folder) && !this.#exists(folder)) continue;
      await rm(path, { force: true });
      folders.add(folder);
    }
    for (const folder of folders) await this.#removeEmpty(folder);
  }

  async removeUnfinished(prefix: string, olderThanMs: number): Promise<Removed> {
    let files = 0;
    let bytes = 0;
    for await (const key of this.#walk(prefix, (name) => TEMPORARY.test(name))) {
      const info = await this.head(key);
      if (info === undefined || info.modifiedMs >= olderThanMs) continue;
      await this.remove([key]);
      files += 1;
      bytes += info.sizeBytes;
    }
    return { files, bytes };
  }

  #path(key: ObjectKey): string {
    assertKey(key);
    return join(this.#root, key);
  }

  #makeFolder(folder: string): void {
    const root = existsSync(this.#root) ? undefined : mkdirSync(this.#root, { recursive: true, mode: FOLDER_MODE });
    if (root !== undefined) this.#lasting.made(this.#root, root);
    // Asked of what is there already: nothing may be made on the other side of a link.
    let nearest = folder;
    while (!existsSync(nearest)) nearest = dirname(nearest);
    this.#assertInside(nearest);
    if (nearest === folder) return;
    const created = mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    if (created !== undefined) this.#lasting.made(folder, created);
  }

  /** Links on the way are followed by the system, so where they lead is what counts. */
  #assertInside(path: string): void {
    const root = realpathSync(this.#root);
    const real = realpathSync(path);
    if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new DbError("STORAGE_ERROR", "a symbolic link leads out of the storage's folder");
    }
  }

  #exists(folder: string): boolean {
    try {
      this.#assertInside(folder);
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  /** Files below a prefix, ascending by key. Links are neither files nor folders here. */
  async *#walk(prefix: string, isWanted: (name: string) => boolean): AsyncGenerator<ObjectKey> {
    const folder = prefix === "" ? this.#root : this.#path(prefix.slice(0, -1));
    if (!this.#exists(folder)) return;
    const entries = (await readdir(folder, { withFileTypes: true }).catch(absent)) ?? [];
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.isFile() ? entry.name : ""));
    for (const name of names.sort()) {
      if (name.endsWith("/") && isKey(prefix + name.slice(0, -1))) yield* this.#walk(prefix + name, isWanted);
      else if (isKey(prefix + name) && isWanted(name)) yield prefix + name;
    }
  }

  async #describe(keys: readonly ObjectKey[]): Promise<ObjectInfo[]> {
    const found = await Promise.all(keys.map((key) => this.head(key)));
    return found.filter((info) => info !== undefined);
  }

  /** Up to the base, which stays. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let at = folder; at.length > this.#root.length && at.startsWith(this.#root); at = dirname(at)) {
      try {
        await rmdir(at);
      } catch (error) {
        // Not empty, or a file was made in it meanwhile: the folder stays.
        if (/^(ENOTEMPTY|EEXIST|ENOENT)$/.test(errorCode(error))) return;
        throw error;
      }
    }
  }
}

function absent(error: unknown): undefined {
  if (!/^(ENOENT|ENOTDIR)$/.test(errorCode(error))) throw error;
}

function readRange(file: number, start: number, end: number): ArrayBuffer {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let filled = 0;
  while (filled < bytes.byteLength) {
    const count = readSync(file, bytes, filled, bytes.byteLength - filled, start + filled);
    if (count === 0) throw new DbError("STORAGE_ERROR", "the file ends too early");
    filled += count;
  }
  return bytes.buffer;
}
