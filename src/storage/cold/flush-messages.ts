// What the main thread and the Parquet worker say to each other.
import type { ErrorCode } from "../../base/errors.ts";
import type { StorageLocations } from "../objects/routed-store.ts";
import type { Merged, MergeTask } from "./merge-scope.ts";
import type { ScopeTask, ScopeWritten } from "./write-scope.ts";

/** Where a request stands, as `STANDING` says. Shared, since a thread that encodes takes no messages. */
export type StopFlag = Int32Array<SharedArrayBuffer>;

/**
 * A request is `wanted`. Aborted, it is `unwanted`: a step that has not begun does not begin, what is complete may still be answered. It is then either `answered`, and the
 * answer counts, or `givenUp`, and nobody hears the answer: whichever side is first.
 */
export const STANDING = { wanted: 0, unwanted: 1, givenUp: 2, answered: 3 } as const;

export function isWanted(stop: StopFlag): boolean {
  return Atomics.load(stop, 0) === STANDING.wanted;
}

/** By the thread that asked. False: it is answered. */
export function giveUp(stop: StopFlag): boolean {
  Atomics.compareExchange(stop, 0, STANDING.wanted, STANDING.unwanted);
  return Atomics.compareExchange(stop, 0, STANDING.unwanted, STANDING.givenUp) === STANDING.unwanted;
}

/** By the thread that worked. False: what was made for it is nobody's. */
export function takeAnswer(stop: StopFlag): boolean {
  Atomics.compareExchange(stop, 0, STANDING.wanted, STANDING.answered);
  Atomics.compareExchange(stop, 0, STANDING.unwanted, STANDING.answered);
  return Atomics.load(stop, 0) === STANDING.answered;
}

export interface FlushRequest {
  readonly kind: "flush";
  readonly databasePath: string;
  readonly storages: StorageLocations;
  readonly task: ScopeTask;
}

/** One step of a merge that the worker keeps in between. */
export interface MergeRequest {
  readonly kind: "merge";
  /** A number the merge alone has. */
  readonly merge: number;
  /** With the first step. */
  readonly start: { readonly storages: StorageLocations; readonly task: MergeTask } | undefined;
}

/** Ends a merge; its files go. */
export interface DiscardRequest {
  readonly kind: "discard";
  readonly merge: number;
}

export type WorkerRequest = FlushRequest | MergeRequest | DiscardRequest;
export type WorkerMessage = WorkerRequest & { readonly id: number; readonly stop: StopFlag };

export interface WorkerUsage {
  /** Resident bytes of the process, of which the worker is a part, when the step was complete. */
  readonly memoryBytes: number;
  readonly cpuUs: number;
}

export type WorkerOutcome =
  | ({ readonly kind: "flushed" } & ScopeWritten)
  /** Undefined: there is more to do. */
  | { readonly kind: "merged"; readonly merged: Merged | undefined }
  | { readonly kind: "discarded" };

export type WorkerReply =
  /** The rows are a file now, which is on its way to where it lasts; the answer follows. */
  | { readonly id: number; readonly kind: "encoded" }
  | { readonly id: number; readonly kind: "done"; readonly outcome: WorkerOutcome; readonly usage: WorkerUsage }
  | { readonly id: number; readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
