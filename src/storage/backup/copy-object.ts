// One object copied from a storage to another, a piece at a time, with its checksum.
import type { AsyncBuffer } from "hyparquet";
import { DbError } from "../../base/errors.ts";
import { fileBuffer } from "../cold/segment-footer.ts";
import type { ObjectKey, ObjectReader, ObjectStore } from "../objects/object-store.ts";
import type { BackupFile } from "./backup-manifest.ts";

const PIECE_BYTES = 1024 * 1024;

export interface CopyRequest {
  readonly from: ObjectStore;
  readonly fromKey: ObjectKey;
  readonly to: ObjectStore;
  readonly toKey: ObjectKey;
  /** What the source is known to have; another size is damage. */
  readonly bytes?: number;
  /** Likewise. The target is not finished when it differs. */
  readonly sha256?: string;
  /** How its bytes are read; as they are when left out. Rejects, and its reads reject, when the object is damaged. */
  readonly sound?: (reader: ObjectReader) => Promise<AsyncBuffer>;
}

/** Throws STORAGE_ERROR, with the name of the object, when it is missing or not what it should be. */
export async function copyObject(request: CopyRequest): Promise<BackupFile> {
  const { from, fromKey, to, toKey } = request;
  const reader = await from.open(fromKey).catch((cause: unknown) => {
    throw new DbError("STORAGE_ERROR", `${fromKey} cannot be read`, { cause });
  });
  try {
    if (request.bytes !== undefined && request.bytes !== reader.sizeBytes) {
      throw new DbError("STORAGE_ERROR", `${fromKey} has ${reader.sizeBytes} bytes instead of ${request.bytes}`);
    }
    const writer = await to.create(toKey);
    try {
      const sha256 = await hashPieces(await soundSource(request, reader), (piece) => writer.write(piece));
      if (request.sha256 !== undefined && request.sha256 !== sha256) throw wrongChecksum(fromKey);
      await writer.finish();
      return { key: toKey, bytes: reader.sizeBytes, sha256 };
    } catch (error) {
      writer.discard();
      throw error;
    }
  } finally {
    reader.close();
  }
}

export async function hashObject(store: ObjectStore, key: ObjectKey): Promise<BackupFile> {
  const reader = await store.open(key);
  try {
    return { key, bytes: reader.sizeBytes, sha256: await hashPieces(fileBuffer(reader), () => undefined) };
  } finally {
    reader.close();
  }
}

async function soundSource({ fromKey, sound }: CopyRequest, reader: ObjectReader): Promise<AsyncBuffer> {
  if (sound === undefined) return fileBuffer(reader);
  const unsound = (cause: unknown): DbError => {
    if (cause instanceof DbError && cause.code !== "STORAGE_ERROR") return cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new DbError("STORAGE_ERROR", `${fromKey} cannot be read: ${why}`, { cause });
  };
  const source = await sound(reader).catch((cause: unknown) => {
    throw unsound(cause);
  });
  return {
    byteLength: source.byteLength,
    async slice(start, end) {
      try {
        return await source.slice(start, end);
      } catch (cause) {
        throw unsound(cause);
      }
    },
  };
}

async function hashPieces(file: AsyncBuffer, take: (piece: Uint8Array) => void): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < file.byteLength; at += PIECE_BYTES) {
    const piece = new Uint8Array(await file.slice(at, Math.min(at + PIECE_BYTES, file.byteLength)));
    hasher.update(piece);
    take(piece);
  }
  return hasher.digest("hex");
}

function wrongChecksum(key: ObjectKey): DbError {
  return new DbError("STORAGE_ERROR", `${key} is damaged: its checksum is another`);
}
