// Removes objects that no committed segment names: what a crash between file and commit, or a dropped table, left behind.
import type { ObjectInfo, ObjectStore, Removed } from "../objects/object-store.ts";
import { BACKUPS_FOLDER } from "../objects/path-template.ts";
import type { Segment } from "../seams.ts";
import { MANIFEST_FILE } from "./manifest.ts";
import { isSegmentFile } from "./segment-paths.ts";

export interface OrphanSweep {
  readonly objects: ObjectStore;
  /** Only what lies below this folder. Undefined: everything. */
  readonly folder?: string;
  /** Every committed segment, read after `olderThanMs` was fixed. */
  readonly segments: readonly Pick<Segment, "path">[];
  /** Only objects last written before this: one of a running flush is not an orphan yet. */
  readonly olderThanMs: number;
}

interface Folder {
  keepsSegments: boolean;
  manifest: ObjectInfo | undefined;
}

/** Touches nothing but objects named as ours are. */
export async function removeOrphans(sweep: OrphanSweep): Promise<Removed> {
  const { objects, olderThanMs } = sweep;
  const prefix = sweep.folder === undefined ? "" : `${sweep.folder}/`;
  const referenced = new Set(sweep.segments.map(({ path }) => path));
  const folders = new Map<string, Folder>();
  let { files, bytes } = await objects.removeUnfinished(prefix, olderThanMs);
  for await (const page of objects.list(prefix)) {
    const orphans = page.filter((object) => {
      const isKept = referenced.has(object.key) || object.modifiedMs >= olderThanMs;
      noteInFolder(folders, object, isKept);
      return isSegmentFile(object.key) && !isKept && !isOfBackup(object.key);
    });
    await objects.remove(orphans.map(({ key }) => key));
    files += orphans.length;
    bytes += orphans.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  }
  const described = [...folders.values()].filter(({ keepsSegments }) => !keepsSegments);
  await objects.remove(described.flatMap(({ manifest }) => manifest?.key ?? []));
  return { files, bytes };
}

/** Backups name their files as the database does. */
function isOfBackup(key: string): boolean {
  return key.replace(/^@[^/]+\//, "").startsWith(`${BACKUPS_FOLDER}/`);
}

/** A manifest goes with the last segment it describes. */
function noteInFolder(folders: Map<string, Folder>, object: ObjectInfo, isKept: boolean): void {
  const slash = object.key.lastIndexOf("/");
  const folder = folders.getOrInsertComputed(object.key.slice(0, slash), () => ({
    keepsSegments: false,
    manifest: undefined,
  }));
  if (object.key.slice(slash + 1) === MANIFEST_FILE) folder.manifest = object;
  else if (isSegmentFile(object.key) && isKept) folder.keepsSegments = true;
}
