// What one subscription makes of the messages meant for it: events for the application, and the cursor to resume from. The two protocol
// families differ, so each has its own feed; neither knows a socket.

import type { SubscribeRequest } from "../protocol/client-message.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { ServerMessage } from "../protocol/server-message.ts";
import type { SlowPolicy } from "../protocol/up.ts";
import type { Cursor } from "./cursor.ts";
import { KalamError } from "./kalam-error.ts";
import type { Column, Row, Value } from "./value.ts";

/** The values of the primary key, or undefined when the query does not select it (peer protocol only). */
export type Key = readonly Value[] | undefined;

/**
 * What a subscription delivers. `cursor` is there on the last event of a commit: everything up to it has been delivered.
 * `snapshot` rows replace rows of the same key; `reset` voids every row delivered before.
 */
export type SubscriptionEvent =
  | {
      readonly kind: "snapshot";
      readonly rows: readonly Row[];
      readonly keys: readonly Key[];
      readonly cursor?: string;
    }
  | { readonly kind: "ready"; readonly cursor?: string }
  | { readonly kind: "insert"; readonly key: Key; readonly row: Row; readonly cursor?: string }
  /** `old` holds the whole old row (native) or at least what changed (peer). */
  | { readonly kind: "update"; readonly key: Key; readonly row: Row; readonly old: Row; readonly cursor?: string }
  /** `old` is unknown for rows that went while the client was away. */
  | { readonly kind: "delete"; readonly key: Key; readonly old: Row | undefined; readonly cursor?: string }
  | { readonly kind: "reset"; readonly reason: string; readonly cursor?: undefined }
  | { readonly kind: "schema"; readonly columns: readonly Column[]; readonly cursor?: string }
  /** Always the last event: the subscription has ended. */
  | { readonly kind: "error"; readonly error: KalamError; readonly cursor?: undefined };

/** Nothing for the application to see, but the stream is known up to here. */
export interface ProgressEvent {
  readonly kind: "progress";
  readonly cursor: string;
}

export type FeedEvent = SubscriptionEvent | ProgressEvent;

export interface FeedOptions {
  readonly id: string;
  readonly sql: string;
  readonly params: readonly JsonValue[];
  readonly namespace: string | undefined;
  readonly lastRows: number | undefined;
  readonly batchSize: number | undefined;
  readonly wantsSnapshot: boolean;
  readonly slow: SlowPolicy | undefined;
  readonly from: Cursor | undefined;
}

export interface FeedOutput {
  readonly events: readonly FeedEvent[];
  /** Messages to send back. */
  readonly replies: readonly JsonValue[];
  /** The server is too busy for the subscription and ended it: it is to be subscribed again after so long. */
  readonly retryAfterMs?: number;
}

export const NOTHING: FeedOutput = { events: [], replies: [] };

/** The answer to a subscription that wanted no initial data: from here on it hears every change. */
export const LIVE_AT_ONCE: FeedOutput = { events: [{ kind: "ready" }], replies: [] };

export interface Feed {
  readonly id: string;
  readonly sql: string;
  readonly columns: readonly Column[];
  /** Native: the group whose frames this subscription listens to. */
  readonly channel: number | undefined;
  readonly phase: "subscribing" | "loading" | "live";
  /** What the server calls it: the id it subscribed with last. */
  readonly wireId: string;
  /** What to send on a new socket; the events go to the application first. */
  subscribe(wireId?: string): { readonly request: SubscribeRequest; readonly events: readonly FeedEvent[] };
  receive(message: ServerMessage): FeedOutput;
}

/** A policy travels with options, and where there are options there is a snapshot, if an empty one. */
export function asksForData(options: FeedOptions, cursor: Cursor | undefined): boolean {
  return options.wantsSnapshot || options.slow !== undefined || cursor !== undefined;
}

/** With a cursor the rest is asked for even when no snapshot was wanted: otherwise a lost connection would leave a hole. */
export function subscribeRequest(options: FeedOptions, cursor: Cursor | undefined): SubscribeRequest {
  const wantsData = options.wantsSnapshot || cursor !== undefined;
  const nothing = options.slow === undefined ? undefined : { batchSize: 0, slow: options.slow };
  return {
    id: options.id,
    sql: options.sql,
    params: options.params,
    namespaceId: options.namespace,
    options: wantsData
      ? {
          batchSize: options.batchSize,
          lastRows: options.lastRows,
          from: cursor?.seq,
          epoch: cursor?.epoch,
          slow: options.slow,
        }
      : nothing,
  };
}

export function failed(code: string, message: string): FeedOutput {
  return { events: [{ kind: "error", error: new KalamError(code, message) }], replies: [] };
}

/** Puts the cursor on the last event; without one it travels alone. */
export function withCursor(events: readonly SubscriptionEvent[], cursor: string): readonly FeedEvent[] {
  const last = events.at(-1);
  if (last === undefined) return [{ kind: "progress", cursor }];
  if (last.kind === "reset" || last.kind === "error") return events;
  return [...events.slice(0, -1), { ...last, cursor }];
}
