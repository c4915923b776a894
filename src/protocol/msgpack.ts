// MessagePack as the wire has it: maps with string keys, integers in their smallest form, 64-bit ones exact. The codec hides two traps of
// the library: its bigint encoder wraps silently past 64 bits, and with bigints switched on it writes numbers above 2^32 as floats.
import { Decoder, Encoder } from "@msgpack/msgpack";
import { DbError } from "../base/errors.ts";
import type { JsonValue } from "./json.ts";

const MAX_UINT32 = 0xffff_ffff;
const MIN_INT32 = -0x8000_0000;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

export interface MsgpackLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

export interface Msgpack {
  /** The bytes are the caller's own: no later call touches them. */
  encode(value: JsonValue): Uint8Array<ArrayBuffer>;
  /** Integers past 2^53 come as bigint, all others as number. Throws UNSUPPORTED_DATA. */
  decode(bytes: Uint8Array): unknown;
}

/** One encoder and one decoder, reused: making them costs more than a small message. */
export function createMsgpack(limits: MsgpackLimits): Msgpack {
  const encoder = new Encoder({ useBigInt64: true, maxDepth: limits.maxDepth, ignoreUndefined: true });
  const decoder = new Decoder({
    useBigInt64: true,
    maxStrLength: limits.maxBytes,
    maxBinLength: limits.maxBytes,
    maxExtLength: limits.maxBytes,
    // An element takes a byte at least.
    maxArrayLength: limits.maxBytes,
    maxMapLength: limits.maxBytes,
  });
  return {
    encode: (value) => encoder.encode(toEncodable(value)),
    decode(bytes) {
      if (bytes.byteLength > limits.maxBytes) {
        throw new DbError("MESSAGE_TOO_LARGE", `Message exceeds maximum size of ${limits.maxBytes} bytes`);
      }
      let value: unknown;
      try {
        value = decoder.decode(bytes);
      } catch (cause) {
        throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
      }
      return narrow(value, limits.maxDepth);
    },
  };
}

function invalid(text: string, cause?: unknown): DbError {
  return new DbError("UNSUPPORTED_DATA", `Invalid MessagePack: ${text}`, { cause });
}

function toEncodable(value: JsonValue | undefined): unknown {
  if (typeof value === "bigint") return encodableBigint(value);
  if (typeof value === "number") {
    const wide = Number.isSafeInteger(value) && (value > MAX_UINT32 || value < MIN_INT32);
    return wide ? BigInt(value) : value;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(toEncodable);
  // From entries, so that a field called __proto__ stays a field.
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toEncodable(field)]));
}

function encodableBigint(value: bigint): number | bigint {
  if (value < MIN_INT64 || value > MAX_UINT64) {
    throw new DbError("UNSUPPORTED_DATA", `integer ${value} does not fit 64 bits`);
  }
  return value >= BigInt(MIN_INT32) && value <= BigInt(MAX_UINT32) ? Number(value) : value;
}

/** 64-bit markers decode to bigint whatever the value: gives back numbers where they are exact, and holds the depth limit. */
function narrow(value: unknown, depthLeft: number): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (depthLeft === 0) throw invalid("nests too deep");
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = narrow(value[index], depthLeft - 1);
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, narrow(field, depthLeft - 1)]));
}

/** Bounds for what a server sends; a client accepts the same. */
export const FRAME_LIMITS: MsgpackLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64 };

// Pieces of a message that are put together without encoding them again.

export function mapHeader(entries: number): Uint8Array<ArrayBuffer> {
  if (entries < 16) return Uint8Array.of(0x80 | entries);
  if (entries < 0x1_0000) return Uint8Array.of(0xde, entries >> 8, entries & 0xff);
  return wideHeader(0xdf, entries);
}

export function listHeader(items: number): Uint8Array<ArrayBuffer> {
  if (items < 16) return Uint8Array.of(0x90 | items);
  if (items < 0x1_0000) return Uint8Array.of(0xdc, items >> 8, items & 0xff);
  return wideHeader(0xdd, items);
}

function wideHeader(marker: number, count: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(5);
  header[0] = marker;
  new DataView(header.buffer).setUint32(1, count);
  return header;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.byteLength;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
