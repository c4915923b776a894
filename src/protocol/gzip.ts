// Compression on the server's side of a socket. A client opts out with `compress=false`; small payloads are never worth it.
import { gunzipSync } from "node:zlib";
import { DbError } from "../base/errors.ts";
import type { Frame } from "./frame.ts";

/** Below this a frame fits a packet or two anyway. */
export const MIN_GZIP_BYTES = 512;

/** 1 MiB takes 2 ms here at level 1 (10 ms at level 6, for a quarter less); a larger frame goes as it is rather than hold the loop. */
const MAX_GZIP_BYTES = 1024 * 1024;
const GZIP_LEVEL = 1;

/** Gzipped when that makes it smaller. A compressed JSON message becomes a binary frame: that is how receivers tell. */
export function gzipFrame(frame: Frame): Frame {
  if (frame.length > MAX_GZIP_BYTES) return frame;
  const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
  if (bytes.byteLength < MIN_GZIP_BYTES || bytes.byteLength > MAX_GZIP_BYTES) return frame;
  const packed = Bun.gzipSync(bytes, { level: GZIP_LEVEL });
  return packed.byteLength < bytes.byteLength ? packed : frame;
}

/** Stops at `maxBytes` of output, so that a small frame cannot fill the memory. */
export function gunzipBounded(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new DbError("MESSAGE_TOO_LARGE", `Message exceeds maximum size of ${maxBytes} bytes`, { cause });
    }
    throw new DbError("UNSUPPORTED_DATA", "Invalid gzip data", { cause });
  }
}
