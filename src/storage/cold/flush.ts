// Flush on the main thread: asks the worker for one segment file after the other and commits each in a transaction of its own. Whatever dies in between,
// a file without its row in `segments` is only an orphan, and rows are buffered no more from the transaction on that names their file.

import type { Clock } from "../../base/clock.ts";
import { assert } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Storage } from "../../model/storage.ts";
import type { Segment, Writer } from "../seams.ts";
import type { WorkerUsage } from "./flush-messages.ts";
import { type ParquetThread, ParquetWorker } from "./parquet-worker.ts";
import { assertSamePlace, localPlaces, type Places } from "./places.ts";
import { SegmentCommits } from "./segment-commits.ts";
import { segmentTag } from "./segment-paths.ts";
import type { ScopeTask, ScopeWritten } from "./write-scope.ts";

export interface FlushScopeRequest {
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Inclusive; versions above it stay buffered. */
  readonly upTo: Seq;
  /** Looked at between row groups, until a file is complete; that one is committed. Rows already committed to Parquet stay there. */
  readonly signal?: AbortSignal;
  /** Called after the commit of each file, also of a flush that does not come to its end. */
  readonly onFile?: (segment: Segment) => void;
}

export interface ScopeFlushed {
  /** Oldest first; empty when nothing was buffered. */
  readonly segments: readonly Segment[];
  readonly rows: number;
  readonly bytes: number;
  readonly usage: WorkerUsage;
}

export interface Flusher {
  /** The rows of one file of one scope are in memory at a time, whatever is asked for at once. */
  flushScope(request: FlushScopeRequest): Promise<ScopeFlushed>;
  /** Start of the oldest flush in progress: younger files may be about to be committed. Undefined when idle. */
  readonly oldestStartMs: number | undefined;
  /** Compaction uses it too. */
  readonly worker: ParquetWorker;
  /** Rejects what waits and stops the worker. */
  close(): void;
}

export interface FlusherDeps {
  readonly databasePath: string;
  /** Absolute; segments lie below it. */
  readonly storageDir: string;
  /** Undefined: everything goes below `storageDir`. */
  readonly places?: Places;
  readonly writer: Writer;
  readonly clock: Clock;
  /** Rows of one file, at most. */
  readonly segmentRows?: number;
  readonly segmentBytes?: number;
  readonly spawn?: () => ParquetThread;
}

/** A flush takes 90 MB for this many short rows, and the commit 2 ms to count them; 50,000: 110 MB and 4 ms, and not faster. */
const SEGMENT_ROWS = 25_000;
const SEGMENT_BYTES = 64 * 1024 * 1024;

interface FlushedFile extends ScopeWritten {
  /** When it was begun. */
  readonly storage: Storage | undefined;
  readonly usage: WorkerUsage;
}

export function createFlusher(deps: FlusherDeps): Flusher {
  const worker = new ParquetWorker(deps.spawn);
  const places = deps.places ?? localPlaces(deps.storageDir);
  const commits = new SegmentCommits(deps.writer);
  /** Kept until the commit, not only until the file: a sweep must not take a file for an orphan in between. */
  const running = new Set<{ readonly startedMs: number }>();

  const flushNext = async (request: FlushScopeRequest): Promise<FlushedFile> => {
    const folder = places.folderOf(request.schema, request.scope);
    const storage = places.storageOf(folder);
    await places.ready(folder);
    const task = fileTask(request, folder, deps);
    const { databasePath } = deps;
    const message = { kind: "flush", databasePath, storages: await places.locations(), task } as const;
    const { outcome, usage } = await worker.run(message, request.signal);
    assert(outcome.kind === "flushed", "the worker answers what it was asked");
    return { segment: outcome.segment, hasMore: outcome.hasMore, usage, storage };
  };

  const flushAll = async (request: FlushScopeRequest): Promise<ScopeFlushed> => {
    const segments: Segment[] = [];
    const used = { memoryBytes: 0, cpuUs: 0 };
    for (let hasMore = true; hasMore; ) {
      request.signal?.throwIfAborted();
      const next = await flushNext(request);
      used.memoryBytes = Math.max(used.memoryBytes, next.usage.memoryBytes);
      used.cpuUs += next.usage.cpuUs;
      if (next.segment === undefined) break;
      const committed = await commits.commit(next.segment, ({ catalog }) => assertSamePlace(catalog, next.storage));
      segments.push(committed);
      request.onFile?.(committed);
      hasMore = next.hasMore;
    }
    return { segments, ...totalOf(segments), usage: used };
  };

  return {
    async flushScope(request) {
      const entry = { startedMs: deps.clock.nowMs() };
      running.add(entry);
      using _underWay = commits.enter();
      try {
        return await flushAll(request);
      } finally {
        running.delete(entry);
      }
    },
    get oldestStartMs() {
      return running.size === 0 ? undefined : Math.min(...Array.from(running, ({ startedMs }) => startedMs));
    },
    worker,
    close: () => worker.close(),
  };
}

function fileTask({ schema, scope, upTo }: FlushScopeRequest, folder: string, deps: FlusherDeps): ScopeTask {
  const { clock, writer, segmentRows, segmentBytes } = deps;
  return {
    schema,
    scope,
    folder,
    upTo,
    buffered: writer.bufferedRows(schema.id, scope),
    maxRows: segmentRows ?? SEGMENT_ROWS,
    maxBytes: segmentBytes ?? SEGMENT_BYTES,
    nowMs: clock.nowMs(),
    tag: segmentTag(),
  };
}

function totalOf(segments: readonly Segment[]): { readonly rows: number; readonly bytes: number } {
  const sum = (read: (segment: Segment) => number): number => segments.reduce((total, one) => total + read(one), 0);
  return { rows: sum((one) => one.rows), bytes: sum((one) => one.bytes) };
}
