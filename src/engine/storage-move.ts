// A storage that is given another place: everything of it that rows need must be there already, and nothing may have come to the old one meanwhile.
import { DbError } from "../base/errors.ts";
import type { Storage } from "../model/storage.ts";
import { heldFilesOfStorage } from "../storage/files/files-of-storage.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import { ownerOf } from "../storage/objects/ownership.ts";
import { storageOfPath, storagePrefix } from "../storage/objects/routed-store.ts";
import type { CatalogView, PointReader } from "../storage/seams.ts";

/** What lies in storages, as a transaction or everybody sees it. */
export interface StoredFiles extends Pick<PointReader, "all"> {
  readonly catalog: CatalogView;
}

/** Paths that rows need. */
export interface MovedFiles {
  readonly segments: ReadonlySet<string>;
  readonly uploads: ReadonlySet<string>;
}

function filesIn(id: string, stored: StoredFiles): MovedFiles {
  const paths = stored.catalog.allSegments().map(({ path }) => path);
  return {
    segments: new Set(paths.filter((path) => storageOfPath(path) === id)),
    uploads: new Set(heldFilesOfStorage(id, { all: (sql, values) => stored.all(sql, values) })),
  };
}

/** Answers with what was found at the new place, which `objects` opens. Throws DEPENDENT_OBJECTS when something is not there. */
export async function assertMayMove(
  { id }: Storage,
  stored: StoredFiles,
  { objects, epoch }: { readonly objects: ObjectStore; readonly epoch: string },
): Promise<MovedFiles> {
  const files = filesIn(id, stored);
  const { segments, uploads } = files;
  const count = segments.size + uploads.size;
  if (count === 0) return files;
  const cannot = `Cannot move storage '${id}'`;
  const hint = { hint: "Copy all of its objects to the new place first, _kalamdb_storage.json included." };
  if ((await ownerOf(objects, id)) !== epoch) {
    const also = uploads.size === 0 ? "" : ` and ${uploads.size} uploaded file(s)`;
    const what = `${segments.size} file(s) of flushed rows${also} lie in it`;
    throw new DbError("DEPENDENT_OBJECTS", `${cannot}: ${what}`, hint);
  }
  const missing = new Set([...segments, ...uploads]);
  for await (const page of objects.list(storagePrefix(id))) for (const { key } of page) missing.delete(key);
  if (missing.size === 0) return files;
  const what = `${missing.size} of the ${count} file(s) that rows need are not at the new place`;
  throw new DbError("DEPENDENT_OBJECTS", `${cannot}: ${what}`, hint);
}

/** Inside the transaction that moves it. */
export function assertNothingCame({ id }: Storage, found: MovedFiles, stored: StoredFiles): void {
  const { segments, uploads } = filesIn(id, stored);
  if (segments.isSubsetOf(found.segments) && uploads.isSubsetOf(found.uploads)) return;
  throw new DbError("WRITE_CONFLICT", `Rows were written to storage '${id}' while it was moved`, {
    hint: "Copy what is new to the new place, and run the statement again.",
  });
}
