// GET /v1/files/{namespace}/{table}/{sub}/{name}: the bytes of a file that a row holds, for whoever may read the row.
import { assertMayActAs, assertMayRead } from "../auth/access.ts";
import { DbError } from "../base/errors.ts";
import { parseUserId, type Scope, SHARED_SCOPE, scopeOfUser, type UserId } from "../base/ids.ts";
import { isFileId, isSubfolder, storedNameOf } from "../model/file-ref.ts";
import type { Role } from "../model/role.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { FileStore, StoredFile } from "../storage/files/file-store.ts";
import { objectStream } from "../storage/objects/object-stream.ts";
import type { CatalogView } from "../storage/seams.ts";

/** The second spelling is what the peer's SDK makes of it. */
const PREFIXES = ["/v1/files/", "/api/v1/files/"];

export function isFilePath(path: string): boolean {
  return PREFIXES.some((prefix) => path.startsWith(prefix));
}

export interface DownloadDeps {
  readonly catalog: Pick<CatalogView, "table" | "user">;
  readonly files: Pick<FileStore, "find" | "open">;
}

export interface Reader {
  readonly user: UserId;
  readonly role: Role;
}

export async function downloadResponse(request: Request, reader: Reader, deps: DownloadDeps): Promise<Response> {
  const url = new URL(request.url);
  const { table, id, name } = locate(url.pathname, deps.catalog);
  const scope = scopeFor(table, { reader, asked: url.searchParams.get("user_id") }, deps.catalog);
  const file = deps.files.find({ table, scope }, id);
  if (file === undefined || (name !== id && name !== storedNameOf(file.ref))) throw notFound();
  return fileResponse(request, file, deps.files);
}

interface Location {
  readonly table: TableSchema;
  readonly id: string;
  /** The last segment: the name it is stored under, or its id alone. */
  readonly name: string;
}

function locate(path: string, catalog: Pick<CatalogView, "table">): Location {
  const prefix = PREFIXES.find((known) => path.startsWith(known)) ?? "";
  const parts = path.slice(prefix.length).split("/");
  const [namespace = "", tableName = "", sub = "", name = ""] = parts;
  const id = /^\d+/.exec(name)?.[0] ?? "";
  const isPath =
    parts.length === 4 && isSubfolder(sub) && isFileId(id) && /^[\w.-]+$/.test(name) && !name.includes("..");
  if (!isPath) {
    throw new DbError("INVALID_INPUT", "A file is at /v1/files/<namespace>/<table>/<sub>/<name>, as its FileRef says");
  }
  const table = catalog.table(namespace.toLowerCase(), tableName.toLowerCase());
  if (table === undefined) {
    throw new DbError("FILE_NOT_FOUND", `Table '${namespace}.${tableName}' not found`);
  }
  if (table.kind === "stream")
    throw new DbError("INVALID_INPUT", `${qualifiedName(table)} is a STREAM table: it has no files`);
  return { table, id, name };
}

/** Another user's file reads like one that there is not. */
function scopeFor(
  table: TableSchema,
  { reader, asked }: { readonly reader: Reader; readonly asked: string | null },
  catalog: Pick<CatalogView, "user">,
): Scope {
  assertMayRead(reader.role, table);
  if (table.kind === "shared") {
    if (asked === null) return SHARED_SCOPE;
    throw new DbError("INVALID_INPUT", `${qualifiedName(table)} is a SHARED table: user_id means nothing for it`);
  }
  if (asked === null) return scopeOfUser(reader.user);
  const user = parseUserId(asked);
  assertMayActAs(reader, { user, role: catalog.user(user)?.role ?? "user" });
  return scopeOfUser(user);
}

function notFound(): DbError {
  return new DbError("FILE_NOT_FOUND", "File not found");
}

/** A file is what somebody uploaded: a browser must not run it with the rights of this origin. */
const SAFETY = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-site",
};

async function fileResponse(request: Request, file: StoredFile, files: DownloadDeps["files"]): Promise<Response> {
  const { ref } = file;
  const etag = `"${ref.sha256}"`;
  const headers: Record<string, string> = {
    ...SAFETY,
    // The bytes of an id never change; who may read them does.
    "cache-control": "private, no-cache",
    etag,
    "accept-ranges": "bytes",
    "content-type": ref.mime,
    "content-disposition": `inline; filename="${storedNameOf(ref)}"`,
  };
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  const range = rangeOf(request, { size: ref.size, etag });
  if (range === "unsatisfiable") {
    return new Response(null, { status: 416, headers: { ...headers, "content-range": `bytes */${ref.size}` } });
  }
  const [start, end] = range ?? [0, ref.size];
  headers["content-length"] = String(end - start);
  if (range !== undefined) headers["content-range"] = `bytes ${start}-${end - 1}/${ref.size}`;
  const status = range === undefined ? 200 : 206;
  if (request.method === "HEAD" || start === end) return new Response(null, { status, headers });
  const reader = await files.open(file);
  if (reader.sizeBytes !== ref.size) {
    reader.close();
    throw new DbError("STORAGE_ERROR", `File ${ref.id} has ${reader.sizeBytes} bytes in its storage, not ${ref.size}`);
  }
  return new Response(objectStream(reader, { start, end }), { status, headers });
}

type Range = readonly [start: number, end: number];

/** One range, as browsers ask for when they seek; a list of them is answered with the whole. */
function rangeOf(
  { headers }: Request,
  { size, etag }: { readonly size: number; readonly etag: string },
): Range | "unsatisfiable" | undefined {
  const condition = headers.get("if-range");
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get("range") ?? "");
  if (match === null || (condition !== null && condition !== etag)) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return start < end ? [start, end] : "unsatisfiable";
}
