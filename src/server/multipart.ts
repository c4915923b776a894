// Receives a form with files: text parts in memory, files on the disk as they come, so that a request takes no more memory than its pieces on the way.
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { DbError } from "../base/errors.ts";
import { isMimeType, MAX_FILE_NAME_BYTES } from "../model/file-ref.ts";
import type { ReceivedFile } from "../storage/files/file-store.ts";
import { toStorageError } from "../storage/hot/storage-error.ts";

export interface FormLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** Of each text part. */
  readonly maxTextBytes: number;
  readonly maxBodyBytes: number;
  /** `image/png`, `image/*`; none: all. */
  readonly allowedMimeTypes: readonly string[];
}

export interface ReceivedForm extends AsyncDisposable {
  readonly texts: ReadonlyMap<string, string>;
  /** By the name after `file:`. */
  readonly files: ReadonlyMap<string, ReceivedFile>;
}

const FILE_PART = "file:";
const MAX_TEXT_PARTS = 20;
const MAX_PART_HEADERS = 20;
const MAX_PART_NAME_BYTES = 200;
const UNTYPED = "application/octet-stream";

export function isForm(request: Request): boolean {
  return (request.headers.get("content-type") ?? "").toLowerCase().startsWith("multipart/form-data");
}

/** Throws what is wrong with the form, and then keeps nothing of it. `folder` is made for it and goes with the answer. */
export async function receiveForm(request: Request, folder: string, limits: FormLimits): Promise<ReceivedForm> {
  const form = new Form(folder, limits);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await form.receive(request);
    return form;
  } catch (error) {
    await form[Symbol.asyncDispose]();
    throw toStorageError(error);
  }
}

class Form implements ReceivedForm {
  readonly texts = new Map<string, string>();
  readonly files = new Map<string, ReceivedFile>();
  readonly #folder: string;
  readonly #limits: FormLimits;
  readonly #streams: BusboyFileStream[] = [];
  readonly #writing: Promise<void>[] = [];
  #failure: unknown;

  constructor(folder: string, limits: FormLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  async receive(request: Request): Promise<void> {
    const parser = this.#parser(request);
    const ended = Promise.withResolvers<void>();
    parser.on("finish", ended.resolve);
    parser.on("error", ended.reject);
    ended.promise.catch((error: unknown) => this.#fail(malformed(error)));
    let bytes = 0;
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > this.#limits.maxBodyBytes) this.#fail(bodyTooLarge(this.#limits.maxBodyBytes));
      if (this.#failure !== undefined) throw this.#failure;
      if (parser.write(chunk)) continue;
      await Promise.race([new Promise((resolve) => parser.once("drain", resolve)), ended.promise]);
    }
    parser.end();
    await ended.promise.catch((error: unknown) => this.#fail(malformed(error)));
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Of a form that broke off: whoever writes one down would wait for its end.
    for (const stream of this.#streams) stream.destroy();
    await Promise.allSettled(this.#writing);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #parser(request: Request): BusboyInstance {
    const { maxFiles, maxFileBytes, maxTextBytes } = this.#limits;
    const parser = openParser({
      headers: { "content-type": request.headers.get("content-type") ?? "" },
      isPartAFile: (name) => name?.startsWith(FILE_PART) ?? false,
      limits: {
        fieldNameSize: MAX_PART_NAME_BYTES,
        fieldSize: maxTextBytes,
        fields: MAX_TEXT_PARTS,
        fileSize: maxFileBytes,
        files: maxFiles,
        headerPairs: MAX_PART_HEADERS,
      },
    });
    parser.on("field", (name, text, _nameCut, isCut) => {
      if (isCut) this.#fail(bodyTooLarge(maxTextBytes));
      else if (this.texts.has(name)) this.#fail(new DbError("INVALID_INPUT", `The form has two parts '${name}'`));
      else this.texts.set(name, text);
    });
    parser.on("file", (name, stream, fileName, _encoding, mime) => {
      this.#streams.push(stream);
      this.#writing.push(
        this.#receiveFile(name.slice(FILE_PART.length), { stream, fileName, mime }).catch((error: unknown) => {
          this.#fail(error);
          stream.resume();
        }),
      );
    });
    parser.on("filesLimit", () =>
      this.#fail(new DbError("TOO_MANY_FILES", `A request may bring ${maxFiles} files (files.max_files_per_request)`)),
    );
    parser.on("fieldsLimit", () =>
      this.#fail(new DbError("INVALID_INPUT", `A form may have ${MAX_TEXT_PARTS} parts besides its files`)),
    );
    return parser;
  }

  async #receiveFile(placeholder: string, part: FilePart): Promise<void> {
    const { maxFileBytes, allowedMimeTypes } = this.#limits;
    // Counted by its place: no part's name becomes a name on the disk.
    const localPath = join(this.#folder, String(this.#writing.length));
    const name = fileNameOf(part.fileName, placeholder);
    const mime = mimeOf(part.mime, name);
    if (!isAllowed(mime, allowedMimeTypes)) {
      throw new DbError("INVALID_MIME_TYPE", `Files of type ${mime} may not be uploaded (files.allowed_mime_types)`);
    }
    if (this.files.has(placeholder)) throw new DbError("INVALID_INPUT", `The form has two parts 'file:${placeholder}'`);
    await using file = await open(localPath, "wx", 0o600);
    const { size, sha256 } = await writeAll(part.stream, file);
    if (part.stream.truncated) {
      throw new DbError("FILE_TOO_LARGE", `File '${name}' is larger than ${maxFileBytes} bytes (files.max_size_bytes)`);
    }
    this.files.set(placeholder, { name, mime, size, sha256, localPath });
  }

  /** The first failure is the one that is told. */
  #fail(error: unknown): void {
    this.#failure ??= error;
  }
}

interface FilePart {
  readonly stream: BusboyFileStream;
  readonly fileName: string | undefined;
  readonly mime: string;
}

function openParser(config: ConstructorParameters<typeof Busboy>[0]): BusboyInstance {
  try {
    return new Busboy(config);
  } catch (cause) {
    throw malformed(cause);
  }
}

async function writeAll(
  stream: AsyncIterable<Buffer>,
  file: FileHandle,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  for await (const bytes of stream) {
    hash.update(bytes);
    for (let at = 0; at < bytes.byteLength; ) at += (await file.write(bytes, at)).bytesWritten;
    size += bytes.byteLength;
  }
  return { size, sha256: hash.digest("hex") };
}

/** What comes before the last separator is the client's business; a name that is none is the placeholder's. */
function fileNameOf(text: string | undefined, placeholder: string): string {
  const last = (text ?? "").split(/[/\\]/).at(-1) ?? "";
  const name = last.toWellFormed().replaceAll(/\p{Cc}/gu, "");
  const given = name === "" ? placeholder : name;
  if (Buffer.byteLength(given) <= MAX_FILE_NAME_BYTES) return given;
  throw new DbError("INVALID_INPUT", `A file's name may have ${MAX_FILE_NAME_BYTES} bytes`);
}

/** What the client says; where it says nothing, what the name's ending means. */
function mimeOf(given: string, name: string): string {
  const type = essence(given);
  if (isMimeType(type) && type !== UNTYPED) return type;
  const guessed = essence(Bun.file(name).type);
  return isMimeType(guessed) ? guessed : UNTYPED;
}

/** Without parameters. */
function essence(type: string): string {
  return (type.split(";")[0] ?? "").trim().toLowerCase();
}

function isAllowed(mime: string, allowed: readonly string[]): boolean {
  return (
    allowed.length === 0 ||
    allowed.some((pattern) => pattern === mime || (pattern.endsWith("/*") && mime.startsWith(pattern.slice(0, -1))))
  );
}

function malformed(cause: unknown): DbError {
  const why = cause instanceof Error ? cause.message : "it could not be read";
  return new DbError("INVALID_INPUT", `Invalid multipart body: ${why}`, { cause });
}

function bodyTooLarge(maxBytes: number): DbError {
  return new DbError("BODY_TOO_LARGE", `The request, or a part of it, is longer than ${maxBytes} bytes`);
}
