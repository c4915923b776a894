// What the main thread and the flush worker say to each other.
import type { ErrorCode } from "../../base/errors.ts";
import type { Segment } from "../seams.ts";
import type { ScopeTask } from "./write-scope.ts";

export interface FlushRequest {
  readonly id: number;
  readonly databasePath: string;
  readonly storageDir: string;
  readonly task: ScopeTask;
}

export interface WorkerUsage {
  /** Resident bytes of the process, of which the worker is a part, when the file was complete. */
  readonly memoryBytes: number;
  readonly cpuUs: number;
}

export type FlushReply =
  | {
      readonly id: number;
      readonly kind: "done";
      readonly segment: Omit<Segment, "id"> | undefined;
      readonly usage: WorkerUsage;
    }
  | { readonly id: number; readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
