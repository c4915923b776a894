// What the runner can ask of the load client, and what it gets back. They talk over IPC, so everything here is plain data.
import type { Latency } from "./stats.ts";
import type { Operation, Target } from "./workload.ts";

export type Protocol = "native" | "peer";

export type Task =
  /** Closed loop: each connection sends its next request when its last was answered. */
  | {
      readonly kind: "requests";
      readonly target: Target;
      readonly operation: Operation;
      readonly connections: number;
      /** Ends the loop, unless `count` requests have been sent before. */
      readonly durationMs: number;
      readonly count?: number;
      readonly ids: IdRange;
    }
  /** One connection, one request after the other: insert, select, update, delete of one row, again and again. */
  | {
      readonly kind: "sequence";
      readonly target: Target;
      readonly durationMs: number;
      readonly firstId: number;
    }
  /** Writers beside subscribers of everything; every delivery is checked. */
  | {
      readonly kind: "fanOut";
      readonly target: Target;
      readonly operation: Operation;
      readonly protocol: Protocol;
      readonly subscribers: number;
      readonly messages: number;
      /** Writes that are not yet acknowledged and, with `awaitDelivery`, delivered to every subscriber. */
      readonly window: number;
      readonly awaitDelivery: boolean;
      readonly firstId: number;
    }
  /** Open loop at a fixed rate; each user hears of their own writes and of no other. */
  | {
      readonly kind: "paced";
      readonly target: Target;
      readonly operation: Operation;
      readonly tokens: readonly string[];
      readonly ratePerSecond: number;
      readonly durationMs: number;
      readonly firstId: number;
      /** The result says when each write was due and when it arrived. */
      readonly timesEach?: boolean;
    }
  /** Opens subscriptions and keeps them until the client ends. Any frame with a row is counted against them. */
  | {
      readonly kind: "hold";
      readonly target: Target;
      readonly queries: readonly string[];
      readonly perConnection: number;
    }
  | { readonly kind: "countHeld" }
  /** Sockets that all connect now and resume from a cursor, one live query each; they close when the last is live. */
  | {
      readonly kind: "storm";
      readonly target: Target;
      /** Whose sockets, in turn. */
      readonly tokens: readonly string[];
      readonly sockets: number;
      readonly query: string;
      readonly resumeFrom: string;
      /** Rows that each is to be told of. */
      readonly rows: number;
    };

export interface IdRange {
  readonly first: number;
  /** The ids are taken in order, from the start again after this many. */
  readonly count: number;
}

export interface RequestsResult {
  readonly kind: "requests";
  readonly done: number;
  readonly elapsedMs: number;
  readonly latency: Latency;
  readonly faults: readonly string[];
}

export const SEQUENCE = ["insert", "select", "update", "delete"] as const;

export interface SequenceResult {
  readonly kind: "sequence";
  readonly latency: Readonly<Record<(typeof SEQUENCE)[number], Latency>>;
  readonly faults: readonly string[];
}

export interface FanOutResult {
  readonly kind: "fanOut";
  readonly deliveries: number;
  /** Until the last write was acknowledged, and until the last delivery. */
  readonly acknowledgedMs: number;
  readonly elapsedMs: number;
  /** From sending the write to its arrival at the last subscriber. */
  readonly latency: Latency;
  readonly faults: readonly string[];
}

export interface PacedResult {
  readonly kind: "paced";
  readonly deliveries: number;
  /** Of these, what came when the run should have been over: late, not lost. */
  readonly late: number;
  /** Writes a second that were reached. */
  readonly rate: number;
  /** From the moment the write was due to its arrival. */
  readonly latency: Latency;
  /** From the same moment to its answer. */
  readonly writeLatency: Latency;
  /** By id; milliseconds, by a clock that all processes share. */
  readonly times?: readonly { readonly dueAt: number; readonly arrivedAt: number }[];
  readonly faults: readonly string[];
}

export interface HoldResult {
  readonly kind: "hold" | "countHeld";
  readonly open: number;
  /** Rows that arrived at subscriptions which must not match any. */
  readonly rows: number;
  readonly faults: readonly string[];
}

export interface StormResult {
  readonly kind: "storm";
  /** Until the last socket was live. */
  readonly elapsedMs: number;
  readonly faults: readonly string[];
}

export type TaskResult = RequestsResult | SequenceResult | FanOutResult | PacedResult | HoldResult | StormResult;
export type Reply =
  | { readonly kind: "result"; readonly result: TaskResult }
  | { readonly kind: "failed"; readonly error: string };
