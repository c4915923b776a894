// What a FILE column holds: the reference to an uploaded file, as JSON text with its members in a fixed order, so that equal references have equal text.
import { DbError } from "../base/errors.ts";

/** The bytes are an object of the table's storage; this is what a row, and a client, knows of them. */
export interface FileRef {
  /** Decimal digits; unique in the database. */
  readonly id: string;
  /** Folder within the scope's folder: `f` and four digits. */
  readonly sub: string;
  /** As the client called it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mime: string;
  /** Of the bytes; 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

const FILE_ID = /^[1-9]\d{0,18}$/;
const SUBFOLDER = /^f\d{4}$/;
const SHA256 = /^[0-9a-f]{64}$/;
export const MAX_FILE_NAME_BYTES = 255;
const MAX_MIME_LENGTH = 127;
const MIME = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

export function isFileId(text: string): boolean {
  return FILE_ID.test(text);
}

export function isSubfolder(text: string): boolean {
  return SUBFOLDER.test(text);
}

/** A media type without parameters, `image/png`. */
export function isMimeType(text: string): boolean {
  return text.length <= MAX_MIME_LENGTH && MIME.test(text);
}

export function encodeFileRef({ id, sub, name, size, mime, sha256 }: FileRef): string {
  return JSON.stringify({ id, sub, name, size, mime, sha256 });
}

/** Throws INVALID_VALUE for what is no reference. Whether there is such a file is for the store to say. */
export function decodeFileRef(text: string): FileRef {
  const { id, sub, name, size, mime, sha256 } = membersOf(text);
  const isRef =
    typeof id === "string" &&
    typeof sub === "string" &&
    typeof name === "string" &&
    typeof size === "number" &&
    typeof mime === "string" &&
    typeof sha256 === "string" &&
    isFileId(id) &&
    isSubfolder(sub) &&
    byteLength(name) <= MAX_FILE_NAME_BYTES &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    isMimeType(mime) &&
    SHA256.test(sha256);
  if (!isRef) throw notARef();
  return { id, sub, name, size, mime, sha256 };
}

/** Also where there is no Buffer: browsers read references too. */
function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function notARef(): DbError {
  return new DbError(
    "INVALID_VALUE",
    "invalid input syntax for type file: it takes the reference of an uploaded file",
    {
      hint: "Upload with a multipart request whose SQL says FILE('name'), or pass the value of a FILE column on.",
    },
  );
}

const MAX_SLUG = 50;
const MAX_EXTENSION = 10;

/** Name of the object, within its folder: `{id}-{slug}.{ext}`. Nothing of a client's name is in it but ASCII letters and digits. */
export function storedNameOf({ id, name }: Pick<FileRef, "id" | "name">): string {
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const extension = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  const slug = stem
    .toLowerCase()
    .replace(/[ _-]/g, "-")
    .replace(/[^a-z0-9-]/g, "")
    .slice(0, MAX_SLUG)
    .replace(/-+/g, "-")
    .replace(/^-|-$/g, "");
  const isShort = extension.length <= MAX_EXTENSION && /^[a-z0-9]+$/.test(extension);
  return `${id}${slug === "" ? "" : `-${slug}`}.${isShort ? extension : "bin"}`;
}
