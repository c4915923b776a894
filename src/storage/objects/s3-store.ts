// A storage in an S3 bucket, through Bun's S3 client. An object is visible as a whole or not at all: S3 promises that of a PUT, and of a multipart upload, which
// larger objects take.
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import {
  assertKey,
  type ObjectInfo,
  type ObjectKey,
  type ObjectReader,
  type ObjectStore,
  type ObjectWriter,
  type PutOptions,
  type Removed,
} from "./object-store.ts";
import { RangeCache } from "./range-cache.ts";
import { isMissing, S3Requests, TruncatedBody } from "./s3-requests.ts";
import type { S3Location } from "./storage-location.ts";

const SINGLE_PUT_BYTES = 16 * 1024 * 1024;
const PART_BYTES = 8 * 1024 * 1024;
/** Parts on their way at once. */
const PARTS_IN_FLIGHT = 2;
const PART_RETRIES = 2;
const PAGE_KEYS = 1000;
const DELETES_IN_FLIGHT = 16;

export function openS3Store(location: S3Location): ObjectStore {
  return new S3Store(location);
}

type Content = Uint8Array | Bun.BunFile;

class S3Store implements ObjectStore {
  readonly #location: S3Location;
  readonly #client: Bun.S3Client;
  readonly #requests: S3Requests;
  readonly #cache: RangeCache;

  constructor(location: S3Location) {
    const { bucket, endpoint, region, credentials, virtualHostedStyle } = location;
    this.#location = location;
    this.#client = new Bun.S3Client({
      bucket,
      virtualHostedStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(credentials === undefined ? {} : withoutUndefined(credentials)),
    });
    this.#requests = new S3Requests(location);
    this.#cache = new RangeCache(location.readCacheBytes);
  }

  /** Put together in a local file, so that an upload can be tried again and takes no memory. */
  async create(key: ObjectKey, options: PutOptions = {}): Promise<ObjectWriter> {
    assertKey(key);
    mkdirSync(this.#location.spoolDir, { recursive: true, mode: 0o700 });
    const path = join(this.#location.spoolDir, `${crypto.randomUUID()}.upload`);
    const file = openSync(path, "wx", 0o600);
    let isOpen = true;
    let sizeBytes = 0;
    const close = (): void => {
      if (isOpen) closeSync(file);
      isOpen = false;
    };
    const discard = (): void => {
      close();
      rmSync(path, { force: true });
    };
    return {
      write(bytes) {
        for (let at = 0; at < bytes.byteLength; ) at += writeSync(file, bytes, at, bytes.byteLength - at);
        sizeBytes += bytes.byteLength;
      },
      finish: async () => {
        close();
        await this.#upload({ key, content: Bun.file(path), sizeBytes }, options);
        discard();
      },
      discard,
    };
  }

  async put(key: ObjectKey, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    assertKey(key);
    await this.#upload({ key, content: bytes, sizeBytes: bytes.byteLength }, options);
  }

  async #upload(
    object: { readonly key: ObjectKey; readonly content: Content; readonly sizeBytes: number },
    { failpoint, signal, requireWanted }: PutOptions,
  ): Promise<void> {
    const { key, content, sizeBytes } = object;
    failpoint?.("written");
    const send = (): Promise<unknown> =>
      sizeBytes > SINGLE_PUT_BYTES ? this.#sendParts(key, content) : this.#client.write(this.#name(key), content);
    await this.#requests.run("write an object", send, { signal, requireWanted, sizeBytes });
    // A commit will say that the object is there: so it is asked for, whatever lies between here and the bucket.
    const written = await this.head(key);
    if (written?.sizeBytes !== sizeBytes) {
      throw new DbError(
        "STORAGE_ERROR",
        `Storage '${this.#location.storageId}' did not keep an object as it was written`,
      );
    }
    this.#cache.forget(key, sizeBytes);
    failpoint?.("folder-synced");
  }

  async #sendParts(key: ObjectKey, content: Content): Promise<void> {
    const upload = { partSize: PART_BYTES, queueSize: PARTS_IN_FLIGHT, retry: PART_RETRIES };
    const sink = this.#client.file(this.#name(key)).writer(upload);
    for await (const piece of pieces(content)) {
      await sink.write(piece);
      // Waits for room: no more than the parts on their way are in memory.
      await sink.flush();
    }
    await sink.end();
  }

  async open(key: ObjectKey): Promise<ObjectReader> {
    const info = await this.head(key);
    if (info === undefined) {
      throw new DbError("STORAGE_ERROR", `storage '${this.#location.storageId}' has no such object`);
    }
    const { sizeBytes } = info;
    const object = { key, sizeBytes, fetch: (start: number, end: number) => this.#fetch(key, start, end) };
    return {
      sizeBytes,
      read: (start, end) => {
        if (end > sizeBytes) throw new DbError("STORAGE_ERROR", "the object ends too early");
        return this.#cache.read(object, start, end);
      },
      forget: () => this.#cache.forget(key, sizeBytes),
      close: () => undefined,
    };
  }

  async head(key: ObjectKey): Promise<ObjectInfo | undefined> {
    assertKey(key);
    try {
      const { size, lastModified } = await this.#requests.run("describe an object", () =>
        this.#client.stat(this.#name(key)),
      );
      return { key, sizeBytes: size, modifiedMs: lastModified.getTime() };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<readonly ObjectInfo[]> {
    if (prefix !== "") assertKey(prefix.slice(0, -1));
    let continuationToken: string | undefined;
    do {
      const request = {
        prefix: this.#name(prefix),
        maxKeys: PAGE_KEYS,
        ...(continuationToken === undefined ? {} : { continuationToken }),
      };
      const page = await this.#requests.run("list objects", () => this.#client.list(request));
      yield (page.contents ?? []).flatMap((entry) => this.#listed(entry));
      continuationToken = page.isTruncated === true ? page.nextContinuationToken : undefined;
    } while (continuationToken !== undefined);
  }

  #listed(entry: { readonly key: string; readonly size?: number; readonly lastModified?: string }): ObjectInfo[] {
    const { prefix } = this.#location;
    if (!entry.key.startsWith(prefix)) return [];
    const modifiedMs = Date.parse(entry.lastModified ?? "");
    return [{ key: entry.key.slice(prefix.length), sizeBytes: entry.size ?? 0, modifiedMs }];
  }

  async remove(keys: readonly ObjectKey[]): Promise<void> {
    for (const key of keys) assertKey(key);
    for (let at = 0; at < keys.length; at += DELETES_IN_FLIGHT) {
      const some = keys.slice(at, at + DELETES_IN_FLIGHT);
      await Promise.all(some.map((key) => this.#removeOne(key)));
    }
  }

  async #removeOne(key: ObjectKey): Promise<void> {
    try {
      await this.#requests.run("remove an object", () => this.#client.delete(this.#name(key)));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** An upload that was not completed is no object; the bucket's own rule ends its parts (specs/storage.md). */
  async removeUnfinished(): Promise<Removed> {
    return { files: 0, bytes: 0 };
  }

  async #fetch(key: ObjectKey, start: number, end: number): Promise<Uint8Array> {
    try {
      return await this.#requests.run("read an object", async () => {
        const bytes = await this.#client.file(this.#name(key)).slice(start, end).bytes();
        if (bytes.byteLength !== end - start) throw new TruncatedBody("the body is shorter than was asked for");
        return bytes;
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new DbError("STORAGE_ERROR", `storage '${this.#location.storageId}' has no such object`);
    }
  }

  #name(key: string): string {
    return this.#location.prefix + key;
  }
}

async function* pieces(content: Content): AsyncGenerator<Uint8Array> {
  if (!(content instanceof Uint8Array)) {
    yield* content.stream();
    return;
  }
  for (let at = 0; at < content.byteLength; at += PART_BYTES) yield content.subarray(at, at + PART_BYTES);
}

function withoutUndefined(credentials: S3Location["credentials"] & object): Bun.S3Options {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
