// What a subscription is made of, and what it asks of everyone around it.
import type { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Frame } from "../protocol/frame.ts";
import type { SlowPolicy } from "../protocol/up.ts";
import type { AdmittedReads } from "./admitted-reads.ts";
import type { Connection } from "./connection.ts";
import type { Start } from "./delivery.ts";

export interface SubscriptionDeps<S> {
  readonly source: AdmittedReads;
  readonly readRows: number;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** History went while it was read: what the client has is void. */
  readonly reset: (subscription: S) => void;
  /** Keys a slow subscriber may have waiting. */
  readonly latestKeys: number;
  /** False while the socket has too much to send. */
  readonly isWritable: (connection: Connection) => boolean;
  /** Closes the socket of a connection that is too far behind. */
  readonly tooSlow: (connection: Connection) => void;
  /** Every commit up to here has been dispatched. */
  readonly dispatched: () => Seq;
  /** A read has seen the store at this position, maybe ahead of dispatch. */
  readonly observed: (position: Seq) => void;
  /** False: the socket is lost and everything of the connection was dropped. */
  readonly send: (connection: Connection, frames: readonly Frame[]) => boolean;
  readonly refuse: (connection: Connection, id: string, error: DbError) => void;
  readonly fail: (subscription: S, error: unknown) => void;
  /** Subscriptions that wait for dispatch to reach their boundary. */
  readonly settling: Set<S>;
}

export interface SubscriptionRequest {
  readonly id: string;
  readonly query: string;
  /** JSON, as `system.live_queries` shows them. */
  readonly options: string | undefined;
  readonly startKind: Start["kind"];
  /** What becomes of changes while the socket is slow: sent (it is closed when it takes no more), or squashed by key until it has drained. */
  readonly slow: SlowPolicy;
}
