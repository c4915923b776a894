// Client messages: from the bytes of one frame to a checked value, or an error that says what is wrong with them.

import { DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { Param } from "../model/param.ts";
import type { ProtocolRequest } from "./dialect.ts";
import type { WireFormat } from "./frame.ts";
import { isGzipped } from "./gunzip.ts";
import { gunzipBounded } from "./gzip.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import { createMsgpack } from "./msgpack.ts";
import { parseParams } from "./params.ts";

/** What becomes of changes that a slow socket does not take. */
export type SlowPolicy = "disconnect" | "latest";

export interface SubscribeOptions {
  readonly batchSize: number | undefined;
  readonly lastRows: number | undefined;
  /** Exclusive. */
  readonly from: Seq | undefined;
  /** The history that `from` belongs to; a peer client never says. */
  readonly epoch: string | undefined;
  readonly slow: SlowPolicy | undefined;
}

export type ClientMessage =
  | { readonly kind: "authenticate"; readonly token: string; readonly protocol: ProtocolRequest }
  /** Negotiates the protocol of a socket that authenticated in its upgrade. `client` names library and version. */
  | { readonly kind: "hello"; readonly protocol: ProtocolRequest; readonly client: string | undefined }
  | {
      readonly kind: "subscribe";
      /** Well-formed and bounded, but possibly blank. */
      readonly id: string;
      readonly sql: string;
      /** Undefined: no snapshot wanted. */
      readonly options: SubscribeOptions | undefined;
      readonly params: readonly Param[];
      readonly namespaceId: string | undefined;
    }
  | { readonly kind: "nextBatch"; readonly id: string; readonly lastSeq: Seq | undefined }
  | { readonly kind: "unsubscribe"; readonly id: string }
  | { readonly kind: "ping" };

export interface UpLimits {
  readonly maxMessageBytes: number;
}

export type ParseClientMessage = (frame: string | Uint8Array, format: WireFormat) => ClientMessage;

const MAX_DEPTH = 32;
export const MAX_SUBSCRIPTION_ID_LENGTH = 256;
const MAX_CLIENT_NAME_LENGTH = 128;

/**
 * PROTOCOL_ERROR: the text makes no sense (peer sockets close with 1011). UNSUPPORTED_DATA, MESSAGE_TOO_LARGE, INVALID_SUBSCRIPTION_ID,
 * INVALID_PARAMETER: refused, the socket stays open.
 */
export function createClientMessageParser(limits: UpLimits): ParseClientMessage {
  const msgpack = createMsgpack({ maxBytes: limits.maxMessageBytes, maxDepth: MAX_DEPTH });
  return (frame, format) => {
    if (typeof frame === "string") {
      if (Buffer.byteLength(frame) > limits.maxMessageBytes) throw tooLarge(limits.maxMessageBytes);
      return parseMessage(parseJson(frame, { maxDepth: MAX_DEPTH }));
    }
    if (format === "json") throw new DbError("UNSUPPORTED_DATA", "Binary not supported");
    const bytes = isGzipped(frame) ? gunzipBounded(frame, limits.maxMessageBytes) : frame;
    return parseMessage(msgpack.decode(bytes));
  };
}

function tooLarge(maxBytes: number): DbError {
  return new DbError("MESSAGE_TOO_LARGE", `Message exceeds maximum size of ${maxBytes} bytes`);
}

function malformed(text: string): DbError {
  return new DbError("PROTOCOL_ERROR", text);
}

function parseMessage(value: unknown): ClientMessage {
  if (!isObject(value)) throw malformed("a message is an object");
  const type = value["type"];
  switch (type) {
    case "authenticate":
      return parseAuthenticate(value);
    case "hello":
      return {
        kind: "hello",
        protocol: parseProtocol(value["protocol"]),
        client: optionalString(value, "client")?.slice(0, MAX_CLIENT_NAME_LENGTH).toWellFormed(),
      };
    case "subscribe":
      return parseSubscribe(value["subscription"]);
    case "next_batch":
      return {
        kind: "nextBatch",
        id: parseId(requiredString(value, "subscription_id")),
        lastSeq: parseSeq(value["last_seq_id"], "last_seq_id"),
      };
    case "unsubscribe":
      return { kind: "unsubscribe", id: parseId(requiredString(value, "subscription_id")) };
    case "ping":
      return { kind: "ping" };
    default:
      throw malformed(typeof type === "string" ? `unknown message type ${quoted(type)}` : "missing field `type`");
  }
}

/** Bounded, because the text goes into logs and close reasons. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function requiredString(message: JsonObject, name: string): string {
  const value = message[name];
  if (typeof value === "string") return value;
  throw malformed(value === undefined ? `missing field \`${name}\`` : `\`${name}\` must be a string`);
}

function optionalString(message: JsonObject, name: string): string | undefined {
  return message[name] === undefined || message[name] === null ? undefined : requiredString(message, name);
}

function parseAuthenticate(message: JsonObject): ClientMessage {
  const method = requiredString(message, "method");
  if (method !== "jwt") throw malformed(`unknown method ${quoted(method)}, expected "jwt"`);
  return {
    kind: "authenticate",
    token: requiredString(message, "token"),
    protocol: parseProtocol(message["protocol"]),
  };
}

/** Clients of the peer's age leave the object or its fields out; unknown words are refused rather than guessed at. */
function parseProtocol(value: unknown): ProtocolRequest {
  if (value === undefined || value === null) return { version: 1, format: "json", compression: "gzip" };
  if (!isObject(value)) throw malformed("`protocol` must be an object");
  const { version = 1, serialization = "json", compression = "gzip" } = value;
  if (version !== 1 && version !== 2) throw malformed("`protocol.version` must be 1 or 2");
  if (serialization !== "json" && serialization !== "msgpack") {
    throw malformed('`protocol.serialization` must be "json" or "msgpack"');
  }
  if (compression !== "none" && compression !== "gzip") {
    throw malformed('`protocol.compression` must be "none" or "gzip"');
  }
  return { version, format: serialization, compression };
}

function parseSubscribe(value: unknown): ClientMessage {
  if (!isObject(value)) throw malformed("missing field `subscription`");
  return {
    kind: "subscribe",
    id: parseId(requiredString(value, "id")),
    sql: requiredString(value, "sql"),
    options: parseOptions(value["options"]),
    params: parseParams(value["params"]),
    namespaceId: optionalString(value, "namespace_id"),
  };
}

/** The id is echoed byte for byte, so one that cannot be encoded is refused. */
function parseId(id: string): string {
  if (id.length > MAX_SUBSCRIPTION_ID_LENGTH) {
    throw new DbError(
      "INVALID_SUBSCRIPTION_ID",
      `Subscription ID is longer than ${MAX_SUBSCRIPTION_ID_LENGTH} characters`,
    );
  }
  if (!id.isWellFormed()) throw new DbError("INVALID_SUBSCRIPTION_ID", "Subscription ID is not valid Unicode text");
  return id;
}

function parseOptions(value: unknown): SubscribeOptions | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw malformed("`options` must be an object");
  return {
    batchSize: parseCount(value["batch_size"], "batch_size"),
    lastRows: parseCount(value["last_rows"], "last_rows"),
    from: parseSeq(value["from"] ?? value["from_seq_id"], "from"),
    epoch: optionalString(value, "epoch"),
    slow: parseSlow(value["slow"]),
  };
}

function parseSlow(value: unknown): SlowPolicy | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === "disconnect" || value === "latest") return value;
  throw malformed('`slow` must be "disconnect" or "latest"');
}

const MAX_COUNT = 0xffff_ffff;

function parseCount(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const isCount = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
  if (!isCount) throw malformed(`\`${name}\` must be an integer from 0 to ${MAX_COUNT}`);
  return value;
}

const SEQ_TEXT = /^-?\d{1,19}$/;

/** An integer, or its decimal text: JavaScript clients cannot write the integers as they are. */
function parseSeq(value: unknown, name: string): Seq | undefined {
  if (value === undefined || value === null) return undefined;
  const isInteger =
    typeof value === "bigint" || Number.isSafeInteger(value) || (typeof value === "string" && SEQ_TEXT.test(value));
  const seq =
    isInteger && (typeof value === "bigint" || typeof value === "number" || typeof value === "string")
      ? BigInt(value)
      : undefined;
  if (seq === undefined || BigInt.asIntN(64, seq) !== seq) throw malformed(`\`${name}\` must be a 64-bit integer`);
  return seqOf(seq);
}
