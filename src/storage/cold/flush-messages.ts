// What the main thread and the Parquet worker say to each other.
import type { ErrorCode } from "../../base/errors.ts";
import type { StorageLocations } from "../objects/routed-store.ts";
import type { Merged, MergeTask } from "./merge-scope.ts";
import type { ScopeTask, ScopeWritten } from "./write-scope.ts";

/** Not zero: the request is not wanted any more. Shared, since a thread that encodes takes no messages. */
export type StopFlag = Int32Array<SharedArrayBuffer>;

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
