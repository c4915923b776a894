// The client's side of what comes down: checked messages of both protocol families. Cells stay as they travelled; who knows the schema
// decodes them.
import { DbError } from "../base/errors.ts";
import type { ChangeKind } from "../model/change.ts";
import type { WireFormat } from "./frame.ts";
import { isObject, type JsonObject } from "./json.ts";
import { parseSchema, type SchemaField } from "./schema-field.ts";

export type WireRow = readonly unknown[];
export type WireRowMap = JsonObject;

export interface WireBatchControl {
  readonly batchNum: number;
  readonly hasMore: boolean;
  readonly lastSeq: bigint | undefined;
}

export interface WireChange {
  readonly op: ChangeKind;
  readonly key: WireRow;
  readonly row: WireRow | undefined;
  readonly old: WireRow | undefined;
}

/** A group's channel, or one subscription by its id. */
export type Address =
  | { readonly kind: "channel"; readonly channel: number }
  | { readonly kind: "subscription"; readonly id: string };

/** Positions of the key's columns in a row, or undefined when rows do not hold the key and it travels beside them. */
export type KeyColumns = readonly number[] | undefined;

export type ServerMessage =
  | {
      readonly kind: "authSuccess";
      readonly user: string;
      readonly role: string;
      readonly version: number;
      readonly format: WireFormat;
    }
  | { readonly kind: "authError"; readonly message: string; readonly code: string | undefined }
  | {
      readonly kind: "error";
      readonly id: string;
      readonly code: string;
      readonly message: string;
      /** The server was too busy to serve it: to be asked again after so long. */
      readonly retryAfterMs: number | undefined;
    }
  | { readonly kind: "pong" }
  // peer
  | {
      readonly kind: "peerAck";
      readonly id: string;
      readonly control: WireBatchControl;
      readonly schema: readonly SchemaField[];
    }
  | {
      readonly kind: "peerBatch";
      readonly id: string;
      readonly control: WireBatchControl;
      readonly rows: readonly WireRowMap[];
    }
  | {
      readonly kind: "peerChange";
      readonly id: string;
      readonly op: ChangeKind;
      readonly rows: readonly WireRowMap[];
      readonly oldRows: readonly WireRowMap[];
    }
  // native
  | {
      readonly kind: "ack";
      readonly id: string;
      readonly channel: number;
      readonly epoch: string;
      readonly resumed: boolean;
      readonly schema: readonly SchemaField[];
      readonly key: KeyColumns;
    }
  | {
      readonly kind: "snapshot";
      readonly id: string;
      readonly rows: readonly WireRow[];
      /** Beside `rows`, when rows do not hold their key. */
      readonly keys: readonly WireRow[] | undefined;
      readonly deleted: readonly WireRow[];
      /** Given on the last page. */
      readonly readyAt: bigint | undefined;
    }
  | { readonly kind: "changes"; readonly to: Address; readonly seq: bigint; readonly changes: readonly WireChange[] }
  | { readonly kind: "progress"; readonly channel: number; readonly seq: bigint }
  | {
      readonly kind: "schema";
      readonly channel: number;
      readonly schema: readonly SchemaField[];
      readonly key: KeyColumns;
    }
  | { readonly kind: "reset"; readonly id: string; readonly reason: string }
  | { readonly kind: "killed"; readonly id: string; readonly message: string }
  | { readonly kind: "unsubscribed"; readonly id: string; readonly found: boolean }
  | { readonly kind: "expired"; readonly message: string };

function malformed(text: string): DbError {
  return new DbError("PROTOCOL_ERROR", `server message: ${text}`);
}

function stringField(message: JsonObject, name: string): string {
  const value = message[name];
  if (typeof value !== "string") throw malformed(`${name} is not text`);
  return value;
}

function integerField(message: JsonObject, name: string): number {
  const value = message[name];
  if (typeof value !== "number" || !Number.isInteger(value)) throw malformed(`${name} is not an integer`);
  return value;
}

function listField(message: JsonObject, name: string): readonly unknown[] {
  const value = message[name];
  if (!Array.isArray(value)) throw malformed(`${name} is not a list`);
  return value;
}

/** Integers come as text or, from the peer protocol, as integers. */
export function parsePosition(value: unknown, name: string): bigint {
  const isInteger = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (isInteger) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw malformed(`${name} is not an integer`);
}

function parseRow(value: unknown): WireRow {
  if (!Array.isArray(value)) throw malformed("a row is not a list");
  return value;
}

function parseRowMap(value: unknown): WireRowMap {
  if (!isObject(value)) throw malformed("a row is not an object");
  return value;
}

function parseKey(value: unknown): KeyColumns {
  if (value === null || value === undefined) return undefined;
  if (!Array.isArray(value)) throw malformed("key is not a list");
  return value.map((item: unknown) => {
    if (typeof item !== "number") throw malformed("key holds no positions");
    return item;
  });
}

function parseOp(value: unknown): ChangeKind {
  if (value === "insert" || value === "update" || value === "delete") return value;
  throw malformed(`unknown change ${JSON.stringify(value)}`);
}

function parseControl(value: unknown): WireBatchControl {
  if (!isObject(value)) throw malformed("batch_control is not an object");
  const lastSeq = value["last_seq_id"];
  return {
    batchNum: integerField(value, "batch_num"),
    hasMore: value["has_more"] === true,
    lastSeq: lastSeq === null || lastSeq === undefined ? undefined : parsePosition(lastSeq, "last_seq_id"),
  };
}

function parseChange(value: unknown): WireChange {
  if (!isObject(value)) throw malformed("a change is not an object");
  const { row, old } = value;
  return {
    op: parseOp(value["op"]),
    key: parseRow(value["key"]),
    row: row === undefined ? undefined : parseRow(row),
    old: old === undefined ? undefined : parseRow(old),
  };
}

function parseAuthSuccess(message: JsonObject): ServerMessage {
  const protocol = message["protocol"];
  if (!isObject(protocol)) throw malformed("protocol is not an object");
  return {
    kind: "authSuccess",
    user: stringField(message, "user"),
    role: stringField(message, "role"),
    version: typeof protocol["version"] === "number" ? protocol["version"] : 1,
    format: protocol["serialization"] === "msgpack" ? "msgpack" : "json",
  };
}

function parseAck(message: JsonObject): ServerMessage {
  const id = stringField(message, "subscription_id");
  const schema = parseSchema(message["schema"]);
  if (message["channel"] === undefined) {
    return { kind: "peerAck", id, control: parseControl(message["batch_control"]), schema };
  }
  return {
    kind: "ack",
    id,
    channel: integerField(message, "channel"),
    epoch: stringField(message, "epoch"),
    resumed: message["resumed"] === true,
    schema,
    key: parseKey(message["key"]),
  };
}

function parseSnapshot(message: JsonObject): ServerMessage {
  const rows = listField(message, "rows").map(parseRow);
  const keys = message["keys"] === undefined ? undefined : listField(message, "keys").map(parseRow);
  if (keys !== undefined && keys.length !== rows.length) throw malformed("keys and rows differ in number");
  return {
    kind: "snapshot",
    id: stringField(message, "subscription_id"),
    rows,
    keys,
    deleted: message["deleted"] === undefined ? [] : listField(message, "deleted").map(parseRow),
    readyAt: message["ready"] === true ? parsePosition(message["seq"], "seq") : undefined,
  };
}

function parsePeerChange(message: JsonObject): ServerMessage {
  const { rows = [], old_values: oldRows = [] } = message;
  if (!Array.isArray(rows) || !Array.isArray(oldRows)) throw malformed("rows are not a list");
  return {
    kind: "peerChange",
    id: stringField(message, "subscription_id"),
    op: parseOp(message["change_type"]),
    rows: rows.map(parseRowMap),
    oldRows: oldRows.map(parseRowMap),
  };
}

function parseAddress(message: JsonObject): Address {
  return message["channel"] === undefined
    ? { kind: "subscription", id: stringField(message, "subscription_id") }
    : { kind: "channel", channel: integerField(message, "channel") };
}

const PARSERS: Readonly<Record<string, (message: JsonObject) => ServerMessage>> = {
  auth_success: parseAuthSuccess,
  auth_error: (message) => ({
    kind: "authError",
    message: stringField(message, "message"),
    code: typeof message["code"] === "string" ? message["code"] : undefined,
  }),
  error: (message) => ({
    kind: "error",
    id: stringField(message, "subscription_id"),
    code: stringField(message, "code"),
    message: stringField(message, "message"),
    retryAfterMs: message["retry_after_ms"] === undefined ? undefined : integerField(message, "retry_after_ms"),
  }),
  pong: () => ({ kind: "pong" }),
  subscription_ack: parseAck,
  initial_data_batch: (message) => ({
    kind: "peerBatch",
    id: stringField(message, "subscription_id"),
    control: parseControl(message["batch_control"]),
    rows: listField(message, "rows").map(parseRowMap),
  }),
  change: parsePeerChange,
  snapshot: parseSnapshot,
  changes: (message) => ({
    kind: "changes",
    to: parseAddress(message),
    seq: parsePosition(message["seq"], "seq"),
    changes: listField(message, "changes").map(parseChange),
  }),
  progress: (message) => ({
    kind: "progress",
    channel: integerField(message, "channel"),
    seq: parsePosition(message["seq"], "seq"),
  }),
  schema: (message) => ({
    kind: "schema",
    channel: integerField(message, "channel"),
    schema: parseSchema(message["schema"]),
    key: parseKey(message["key"]),
  }),
  reset: (message) => ({
    kind: "reset",
    id: stringField(message, "subscription_id"),
    reason: stringField(message, "reason"),
  }),
  killed: (message) => ({
    kind: "killed",
    id: stringField(message, "subscription_id"),
    message: stringField(message, "message"),
  }),
  unsubscribed: (message) => ({
    kind: "unsubscribed",
    id: stringField(message, "subscription_id"),
    found: message["found"] === true,
  }),
  expired: (message) => ({ kind: "expired", message: stringField(message, "message") }),
};

/** Undefined for a type this version does not know: a newer server may say more. Throws PROTOCOL_ERROR for a known one that is broken. */
export function parseServerMessage(value: unknown): ServerMessage | undefined {
  if (!isObject(value)) throw malformed("not an object");
  const type = stringField(value, "type");
  return Object.hasOwn(PARSERS, type) ? PARSERS[type]?.(value) : undefined;
}
