// Exports of users: where they lie, how their rows are read, and their download.
import { rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DbError } from "../base/errors.ts";
import { parseUserId, scopeOfUser, type UserId } from "../base/ids.ts";
import type { Engine } from "../engine/engine.ts";
import { EXPORT_ID, type ExportDeps, type ExportedFile } from "../jobs/export-kind.ts";
import { storedNameOf } from "../model/file-ref.ts";
import { isAdmin, type Role } from "../model/role.ts";
import { typeText } from "../model/types.ts";
import type { FileStore, FileTarget, StoredFile } from "../storage/files/file-store.ts";
import { objectStream } from "../storage/objects/object-stream.ts";
import { userFolder } from "../storage/objects/user-folder.ts";

export const EXPORTS_PREFIX = "/v1/exports/";
const PAGE_ROWS = 10_000;
const PAGE_FILES = 100;
const LAST_SEQ = /"?(\d+)"?\]\]$/;

export interface ExportFiles {
  readonly deps: ExportDeps["exports"];
  readonly removeAll: (user: UserId) => void;
  /** Exports read through it; before it is there they wait. */
  readonly setEngine: (engine: Engine) => void;
}

function folderOf(dataDir: string, user: UserId): string {
  return join(dataDir, "exports", userFolder(user));
}

export function createExportFiles(dataDir: string, files: Pick<FileStore, "list" | "open">): ExportFiles {
  const engine = Promise.withResolvers<Engine>();
  const path = (user: UserId, exportId: string): string => join(folderOf(dataDir, user), `${exportId}.zip`);
  return {
    setEngine: (value) => engine.resolve(value),
    removeAll: (user) => rmSync(folderOf(dataDir, user), { recursive: true, force: true }),
    deps: {
      pathOf: async (user, exportId) => {
        await mkdir(folderOf(dataDir, user), { recursive: true, mode: 0o700 });
        return path(user, exportId);
      },
      remove: (user, exportId) => {
        for (const ending of ["", ".part"]) rmSync(`${path(user, exportId)}${ending}`, { force: true });
      },
      files: (user, table) => uploadedFiles({ table, scope: scopeOfUser(user) }, files),
      readPage: async (user, { table, after, signal }) => {
        const columns = table.columns.map(({ name }) => `"${name}"`).join(", ");
        const [result] = await (await engine.promise).run({
          sql: `SELECT ${columns}, _seq FROM "${table.namespace}"."${table.name}" WHERE _seq > ${after} ORDER BY _seq LIMIT ${PAGE_ROWS}`,
          params: [],
          user,
          role: "user",
          namespace: table.namespace,
          signal,
        });
        const rows = result?.rowsJson ?? "[]";
        return {
          columns: (result?.schema ?? []).map(({ name, type }) => ({ name, type: typeText(type) })),
          rows: rows.slice(1, -1),
          rowCount: result?.rowCount ?? 0,
          through: LAST_SEQ.exec(rows.slice(-100))?.[1] ?? after,
        };
      },
    },
  };
}

async function* uploadedFiles(
  target: FileTarget,
  files: Pick<FileStore, "list" | "open">,
): AsyncGenerator<ExportedFile> {
  if (!target.table.columns.some(({ type }) => type.kind === "file")) return;
  for (let after = "0"; ; ) {
    const page = files.list(target, { after, limit: PAGE_FILES });
    for (const file of page) {
      yield { name: storedNameOf(file.ref), bytes: bytesOf(file, files) };
      after = file.ref.id;
    }
    if (page.length < PAGE_FILES) return;
  }
}

async function* bytesOf(file: StoredFile, files: Pick<FileStore, "open">): AsyncGenerator<Uint8Array> {
  yield* objectStream(await files.open(file));
}

/** The file itself. Throws PERMISSION_DENIED, or EXPORT_NOT_FOUND for everything that is no finished export of the user. */
export async function exportResponse(
  dataDir: string,
  request: { readonly path: string; readonly caller: { readonly user: UserId; readonly role: Role } },
): Promise<Response> {
  const [userText = "", exportId = "", ...rest] = request.path.slice(EXPORTS_PREFIX.length).split("/");
  const user = decodeUser(userText);
  const { caller } = request;
  if (user === undefined || (user !== caller.user && !isAdmin(caller.role))) {
    throw new DbError("PERMISSION_DENIED", "Exports are for their owner and administrators");
  }
  const file = Bun.file(join(folderOf(dataDir, user), `${exportId}.zip`));
  if (rest.length > 0 || !EXPORT_ID.test(exportId) || !(await file.exists())) {
    throw new DbError("EXPORT_NOT_FOUND", "There is no such export", {
      hint: "SHOW EXPORT lists them; they are removed after jobs.retention_days.",
    });
  }
  return new Response(file, {
    headers: {
      "content-type": "application/zip",
      "content-disposition": `attachment; filename="${exportId}.zip"`,
      "cache-control": "private, no-store",
    },
  });
}

function decodeUser(text: string): UserId | undefined {
  try {
    return parseUserId(decodeURIComponent(text));
  } catch {
    // No user has such an id.
    return undefined;
  }
}
