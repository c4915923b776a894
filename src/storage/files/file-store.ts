// Uploaded files between their records in the database and their objects in a storage: added before a row takes them, removed when no row has held them for a
// while. The order of the steps is what makes every crash harmless: specs/files.md.
import type { Clock } from "../../base/clock.ts";
import { DbError } from "../../base/errors.ts";
import type { Scope } from "../../base/ids.ts";
import { errorText, type Log } from "../../base/log.ts";
import { decodeFileRef, type FileRef } from "../../model/file-ref.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Places } from "../cold/places.ts";
import type { ObjectKey, ObjectReader, ObjectStore } from "../objects/object-store.ts";
import type { PointReader, Writer } from "../seams.ts";
import type { FileKey, RemovableFile, StagedFile } from "./file-records.ts";

/** A file of a request, received whole. */
export interface ReceivedFile extends Pick<FileRef, "name" | "size" | "mime" | "sha256"> {
  /** On this machine; whoever received it removes it. */
  readonly localPath: string;
}

export interface FileTarget {
  readonly table: TableSchema;
  readonly scope: Scope;
}

export interface StoredFile {
  readonly ref: FileRef;
  readonly path: ObjectKey;
}

/** Steps of `add` and of a removal at which a test may end the process. */
export type FileStep = "recorded" | "stored" | "letGo" | "removed";

export interface FileStore {
  /** Durable when it resolves, and held by no row yet. On a failure nothing of them stays. */
  add(target: FileTarget, files: readonly ReceivedFile[]): Promise<readonly StagedFile[]>;
  /** After the statement they were added for: removes those that no row holds. Never rejects. */
  settle(files: readonly FileKey[]): Promise<void>;
  /** A file that a row holds. */
  find(target: FileTarget, id: string): StoredFile | undefined;
  /** Files that rows hold, above an id, by id; at most `limit`. */
  list(target: FileTarget, page: { readonly after: string; readonly limit: number }): readonly StoredFile[];
  open(file: StoredFile): Promise<ObjectReader>;
  /** Removes what no row has held for the grace, as much of it as one turn should. Never rejects. */
  sweep(): Promise<void>;
}

export interface FileStoreDeps {
  readonly objects: ObjectStore;
  readonly places: Pick<Places, "folderOf" | "ready">;
  readonly writer: Pick<Writer, "submit">;
  readonly reader: Pick<PointReader, "all">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Log;
  readonly newId: () => bigint;
  /** Longer than an upload takes from its record to its row. */
  readonly graceMs: number;
  readonly failpoint?: ((step: FileStep) => void) | undefined;
}

/** Rows of one commit, and objects of one turn. */
const SWEPT_AT_ONCE = 200;
const MAX_TURNS_OF_A_SWEEP = 50;

/** A column that was dropped holds nothing, also before the sweep has ended its uses. */
const IS_HELD = `idle_since_ms IS NULL AND EXISTS (SELECT 1 FROM file_uses AS uses JOIN json_each(?4) AS columns
  ON columns.value = uses.column_id WHERE uses.table_id = ?1 AND uses.scope = ?2 AND uses.file_id = files.id)`;
const FIND = `SELECT path, ref FROM files WHERE table_id = ?1 AND scope = ?2 AND id = ?3 AND ${IS_HELD}`;

const LIST = `SELECT path, ref FROM files
  WHERE table_id = ?1 AND scope = ?2 AND id > ?3 AND ${IS_HELD} ORDER BY id LIMIT ?5`;

export function createFileStore(deps: FileStoreDeps): FileStore {
  let sweeping: Promise<void> | undefined;
  return {
    add: (target, files) => add(target, files, deps),
    settle: (files) => settle(files, deps),
    find({ table, scope }, id) {
      const row = deps.reader.all(FIND, [table.id, scope, BigInt(id), fileColumns(table)])[0];
      return row === undefined ? undefined : { path: String(row[0]), ref: decodeFileRef(String(row[1])) };
    },
    list({ table, scope }, { after, limit }) {
      const rows = deps.reader.all(LIST, [table.id, scope, BigInt(after), fileColumns(table), limit]);
      return rows.map(([path, ref]) => ({ path: String(path), ref: decodeFileRef(String(ref)) }));
    },
    open: ({ path }) => deps.objects.open(path),
    sweep() {
      sweeping ??= sweep(deps).finally(() => {
        sweeping = undefined;
      });
      return sweeping;
    },
  };
}

/** Their ids, as JSON. */
function fileColumns({ columns }: TableSchema): string {
  return JSON.stringify(columns.filter(({ type }) => type.kind === "file").map(({ id }) => id));
}

async function add(
  { table, scope }: FileTarget,
  files: readonly ReceivedFile[],
  deps: FileStoreDeps,
): Promise<readonly StagedFile[]> {
  const { places, writer, clock, failpoint } = deps;
  const folder = places.folderOf(table, scope);
  await places.ready(folder);
  const { value: staged } = await writer.submit((tx) => {
    if (tx.catalog.tableById(table.id) === undefined) throw new DbError("TABLE_NOT_FOUND", "The table is gone");
    return files.map(({ name, size, mime, sha256 }) => {
      const description = { name, size, mime, sha256 };
      const id = String(deps.newId());
      return tx.withFiles((records) =>
        records.stage({ table: table.id, scope, id, folder, ...description }, clock.nowMs()),
      );
    });
  });
  failpoint?.("recorded");
  try {
    for (const [index, { path }] of staged.entries()) await copyIn(files[index]?.localPath ?? "", path, deps.objects);
  } catch (error) {
    await settle(staged, deps);
    throw error;
  }
  failpoint?.("stored");
  return staged;
}

async function copyIn(localPath: string, path: ObjectKey, objects: ObjectStore): Promise<void> {
  const writer = await objects.create(path);
  try {
    for await (const bytes of Bun.file(localPath).stream()) writer.write(bytes);
    await writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
}

async function settle(files: readonly FileKey[], deps: FileStoreDeps): Promise<void> {
  try {
    const { value: unused } = await deps.writer.submit((tx) => tx.withFiles((records) => records.takeUnused(files)));
    await remove(unused, deps);
  } catch (error) {
    // The sweep finds them.
    deps.log.warn("files of a failed statement not removed yet", { error: errorText(error) });
  }
}

async function sweep(deps: FileStoreDeps): Promise<void> {
  const { writer, clock, graceMs, log } = deps;
  try {
    for (let turn = 0; turn < MAX_TURNS_OF_A_SWEEP; turn += 1) {
      const nowMs = clock.nowMs();
      const { value: found } = await writer.submit((tx) =>
        tx.withFiles((records) => ({
          released: records.releaseLost(tx.catalog, SWEPT_AT_ONCE, nowMs),
          idle: records.takeRemovable(SWEPT_AT_ONCE, nowMs - graceMs),
        })),
      );
      if (found.idle.length > 0) await remove(found.idle, deps);
      if (found.released + found.idle.length === 0) return;
    }
  } catch (error) {
    log.warn("files that no row holds not removed yet", { error: errorText(error) });
  }
}

/** The record goes last: a crash before leaves what the next sweep finishes. */
async function remove(
  files: readonly RemovableFile[],
  { objects, writer, clock, log, failpoint }: FileStoreDeps,
): Promise<void> {
  if (files.length === 0) return;
  failpoint?.("letGo");
  const gone: RemovableFile[] = [];
  const kept: RemovableFile[] = [];
  for (const file of files) {
    try {
      await objects.remove([file.path]);
      gone.push(file);
    } catch (error) {
      kept.push(file);
      log.warn("file not removed yet", { path: file.path, error: errorText(error) });
    }
  }
  failpoint?.("removed");
  await writer.submit((tx) =>
    tx.withFiles((records) => {
      records.forget(gone);
      records.postpone(kept, clock.nowMs());
    }),
  );
  log.debug("files removed", { files: gone.length });
}
