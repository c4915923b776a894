// Which folders are on the disk for good: a file is found after a power loss only if the entries of all folders above it were synced too, whoever made them: another
// file's write that has not come so far, or a process that died.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { syncFileInPool } from "../../base/sync-file.ts";

/** Paths; past that all are asked of the disk once more. */
const MAX_KNOWN = 50_000;

export class LastingFolders {
  readonly #root: string;
  readonly #known = new Set<string>();

  /** What is there now is not of our making, and those above it may not be ours to open. */
  constructor(root: string) {
    this.#root = root;
    this.#seed();
  }

  /** `folder` was made, and those above it up to `created`. */
  made(folder: string, created: string): void {
    for (let at = folder; at.length >= created.length && at !== dirname(at); at = dirname(at)) this.#known.delete(at);
  }

  /** Syncs the entries of `folder`, and those of the folders above it that are not known to last. */
  async sync(folder: string): Promise<void> {
    await syncFileInPool(folder);
    const synced: string[] = [];
    for (let at = folder; !this.#known.has(at) && at !== dirname(at); at = dirname(at)) {
      await syncFileInPool(dirname(at));
      synced.push(at);
    }
    if (this.#known.size + synced.length > MAX_KNOWN) this.#seed();
    for (const path of synced) this.#known.add(path);
  }

  #seed(): void {
    this.#known.clear();
    let nearest = this.#root;
    while (!existsSync(nearest)) nearest = dirname(nearest);
    this.#known.add(nearest);
  }
}
