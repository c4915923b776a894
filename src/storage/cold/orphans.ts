// Removes files that no committed segment names: what a crash between file and commit, or a dropped table, left behind.
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../hot/storage-error.ts";
import type { Segment } from "../seams.ts";
import { MANIFEST_FILE } from "./manifest.ts";
import { isSegmentFile, isTemporaryFile } from "./segment-paths.ts";

export interface OrphanSweep {
  readonly storageDir: string;
  /** Relative: only what lies below it. Undefined: everything. */
  readonly folder?: string;
  /** Every committed segment, read after `olderThanMs` was fixed. */
  readonly segments: readonly Pick<Segment, "path">[];
  /** Only files last written before this: one of a running flush is not an orphan yet. */
  readonly olderThanMs: number;
}

export interface Swept {
  readonly files: number;
  readonly bytes: number;
}

/** Touches nothing but files named as ours are, and folders that are empty after it. */
export async function removeOrphans(sweep: OrphanSweep): Promise<Swept> {
  const referenced = new Set(sweep.segments.map(({ path }) => path));
  let files = 0;
  let bytes = 0;
  const sweepFolder = async (folder: string): Promise<void> => {
    const entries = await readdir(join(sweep.storageDir, folder), { withFileTypes: true }).catch(absent);
    let segmentsLeft = false;
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await sweepFolder(path);
      if (!entry.isFile() || !(isSegmentFile(path) || isTemporaryFile(path))) continue;
      const removed = referenced.has(path) ? undefined : await removeIfOlder(join(sweep.storageDir, path), sweep);
      if (removed === undefined) segmentsLeft = true;
      else {
        files += 1;
        bytes += removed;
      }
    }
    if (folder === "" || segmentsLeft) return;
    if (entries.some((entry) => entry.name === MANIFEST_FILE)) await rm(join(sweep.storageDir, folder, MANIFEST_FILE));
    await removeIfEmpty(join(sweep.storageDir, folder));
  };
  await sweepFolder(sweep.folder ?? "");
  return { files, bytes };
}

function absent(error: unknown): [] {
  if (errorCode(error) === "ENOENT") return [];
  throw error;
}

/** Bytes freed, or undefined when the file is too young. */
async function removeIfOlder(path: string, sweep: OrphanSweep): Promise<number | undefined> {
  const { mtimeMs, size } = await stat(path);
  if (mtimeMs >= sweep.olderThanMs) return undefined;
  await rm(path);
  return size;
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    // Not empty, or a flush made a file in it meanwhile: the folder stays.
    if (!/^(ENOTEMPTY|EEXIST|ENOENT)$/.test(errorCode(error))) throw error;
  }
}
