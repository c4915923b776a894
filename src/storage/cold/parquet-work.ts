// What the Parquet worker does: requests overlap where one waits for the disk, so of one flush alone the rows are in memory. Flushes that follow each other share a read-only
// connection, which is closed when none is left, and whose read transactions end with the rows of a file. Merges are kept between their steps.
import { Database } from "bun:sqlite";
import { assertNever, DbError } from "../../base/errors.ts";
import { toStorageError } from "../hot/storage-error.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { openStorages, type StorageLocations } from "../objects/routed-store.ts";
import {
  type FlushRequest,
  isWanted,
  type MergeRequest,
  takeAnswer,
  type WorkerMessage,
  type WorkerOutcome,
  type WorkerReply,
} from "./flush-messages.ts";
import { ScopeMerge } from "./merge-scope.ts";
import type { WriteStep } from "./parquet-write.ts";
import { writeScope } from "./write-scope.ts";

/** Named places where a test may end the process or make the work fail. */
export type WorkFailpoint = (work: "flush" | "merge", step: WriteStep) => void;

interface RunningMerge {
  readonly merge: ScopeMerge;
  /** Resolves when the step under way has ended, however it did. */
  step: Promise<unknown>;
}

interface Work {
  /** One at a time in practice: a compaction ends a merge before it begins the next. */
  readonly merges: Map<number, RunningMerge>;
  readonly failpoint: WorkFailpoint;
  readonly open: (storages: StorageLocations) => ObjectStore;
  readonly connections: SharedConnection;
  /** CPU time of this thread when it last answered: requests overlap, so each answers for the time since the answer before. */
  answeredAt: NodeJS.CpuUsage;
}

/** Keeps the storages open while they are the same, so that one that cannot be reached is known for it in the next task. */
function storageOpener(): Work["open"] {
  let last: { readonly description: string; readonly objects: ObjectStore } | undefined;
  return (storages) => {
    const description = JSON.stringify(storages);
    if (last?.description !== description) last = { description, objects: openStorages(storages) };
    return last.objects;
  };
}

/** `thread` is the `self` of the worker. */
export function serveParquetWork(thread: Worker, failpoint: WorkFailpoint = () => undefined): void {
  const work: Work = {
    merges: new Map(),
    failpoint,
    open: storageOpener(),
    connections: new SharedConnection(),
    answeredAt: process.threadCpuUsage(),
  };
  thread.onmessage = (event: MessageEvent<WorkerMessage>) => {
    const reply = (message: WorkerReply): void => thread.postMessage(message);
    void answer(event.data, work, reply).then(reply);
  };
}

type Tell = (reply: WorkerReply) => void;

async function answer(message: WorkerMessage, work: Work, tell: Tell): Promise<WorkerReply> {
  try {
    const outcome = await run(message, work, tell);
    const { user, system } = process.threadCpuUsage(work.answeredAt);
    work.answeredAt = process.threadCpuUsage();
    return {
      id: message.id,
      kind: "done",
      outcome,
      usage: { memoryBytes: process.memoryUsage.rss(), cpuUs: user + system },
    };
  } catch (error) {
    return { id: message.id, kind: "failed", ...describe(toStorageError(error)) };
  }
}

async function run(message: WorkerMessage, work: Work, tell: Tell): Promise<WorkerOutcome> {
  switch (message.kind) {
    case "flush":
      return { kind: "flushed", ...(await flush(message, work, tell)) };
    case "merge":
      return { kind: "merged", merged: await mergeStep(message, work) };
    case "discard":
      await discard(message.merge, work);
      return { kind: "discarded" };
    default:
      return assertNever(message, "worker request");
  }
}

async function flush(
  message: FlushRequest & Pick<WorkerMessage, "id" | "stop">,
  { failpoint, open, connections }: Work,
  tell: Tell,
): ReturnType<typeof writeScope> {
  const { id, databasePath, storages, task, stop } = message;
  using connection = connections.open(databasePath);
  const objects = open(storages);
  const requireWanted = (): void => {
    if (!isWanted(stop)) throw killed();
  };
  const onEncoded = (): void => tell({ id, kind: "encoded" });
  const steps = { failpoint: (step: WriteStep) => failpoint("flush", step), requireWanted, onEncoded };
  const written = await writeScope({ db: connection.db, objects, ...steps }, task);
  if (takeAnswer(stop)) return written;
  if (written.segment !== undefined) await objects.remove([written.segment.path]);
  throw killed();
}

function killed(): DbError {
  return new DbError("KILLED", "The job was ended");
}

/** One connection for all who have it open at a time: to open a file, and to prepare for it, takes longer than a small user's rows do. */
class SharedConnection {
  #current: { readonly path: string; readonly db: Database; users: number } | undefined;

  open(path: string): Disposable & { readonly db: Database } {
    const shared = this.#current?.path === path ? this.#current : { path, db: openReadOnly(path), users: 0 };
    this.#current = shared;
    shared.users += 1;
    return {
      db: shared.db,
      [Symbol.dispose]: () => {
        shared.users -= 1;
        if (shared.users > 0) return;
        if (this.#current === shared) this.#current = undefined;
        shared.db.close();
      },
    };
  }
}

function openReadOnly(path: string): Database {
  return new Database(path, { readonly: true });
}

async function mergeStep(
  { merge: number, start, stop }: MergeRequest & Pick<WorkerMessage, "stop">,
  work: Work,
): ReturnType<ScopeMerge["step"]> {
  const merge = start === undefined ? work.merges.get(number)?.merge : openMerge(start, work);
  if (merge === undefined) throw new DbError("STORAGE_ERROR", "The Parquet worker was started anew during the merge");
  const step = merge.step();
  work.merges.set(number, { merge, step: step.catch(() => undefined) });
  const merged = await step;
  // Of one that was given up the files are there until it is discarded.
  if (takeAnswer(stop) && merged !== undefined) work.merges.delete(number);
  return merged;
}

/** A step that was given up writes until it ends. */
async function discard(number: number, { merges }: Work): Promise<void> {
  const running = merges.get(number);
  merges.delete(number);
  await running?.step;
  await running?.merge.discard();
}

function openMerge({ storages, task }: NonNullable<MergeRequest["start"]>, { failpoint, open }: Work): ScopeMerge {
  const objects = open(storages);
  return new ScopeMerge({ objects, failpoint: (step) => failpoint("merge", step) }, task);
}

function describe(error: unknown): Pick<Extract<WorkerReply, { kind: "failed" }>, "code" | "message"> {
  if (error instanceof DbError) return { code: error.code, message: error.message };
  // The buffer's table goes when its table is dropped.
  if (error instanceof Error && error.message.startsWith("no such table: hot_")) {
    return { code: "TABLE_NOT_FOUND", message: "The table was dropped while it was flushed" };
  }
  return { code: "INTERNAL_ERROR", message: error instanceof Error ? error.message : String(error) };
}
