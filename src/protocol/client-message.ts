// The client's side of what goes up: messages as values, ready for either notation.
import { NATIVE_VERSION, type ProtocolRequest } from "./dialect.ts";
import type { JsonValue } from "./json.ts";
import type { SlowPolicy } from "./up.ts";

export interface SubscribeRequest {
  readonly id: string;
  readonly sql: string;
  readonly params?: readonly JsonValue[] | undefined;
  readonly namespaceId?: string | undefined;
  /** Absent: no snapshot, only what changes from now on. */
  readonly options?:
    | {
        readonly batchSize?: number | undefined;
        readonly lastRows?: number | undefined;
        readonly from?: bigint | undefined;
        readonly epoch?: string | undefined;
        readonly slow?: SlowPolicy | undefined;
      }
    | undefined;
}

export function authenticateValue(token: string, protocol: ProtocolRequest): JsonValue {
  return {
    type: "authenticate",
    method: "jwt",
    token,
    protocol: {
      version: protocol.version === NATIVE_VERSION ? NATIVE_VERSION : undefined,
      serialization: protocol.format,
      compression: protocol.compression,
    },
  };
}

export function subscribeValue(request: SubscribeRequest): JsonValue {
  const { options } = request;
  return {
    type: "subscribe",
    subscription: {
      id: request.id,
      sql: request.sql,
      params: request.params === undefined || request.params.length === 0 ? undefined : request.params,
      namespace_id: request.namespaceId,
      options:
        options === undefined
          ? null
          : {
              batch_size: options.batchSize,
              last_rows: options.lastRows,
              from: options.from,
              epoch: options.epoch,
              slow: options.slow,
            },
    },
  };
}

export function nextBatchValue(id: string, lastSeq: bigint | undefined): JsonValue {
  return { type: "next_batch", subscription_id: id, last_seq_id: lastSeq ?? null };
}

export function unsubscribeValue(id: string): JsonValue {
  return { type: "unsubscribe", subscription_id: id };
}

export function pingValue(): JsonValue {
  return { type: "ping" };
}
