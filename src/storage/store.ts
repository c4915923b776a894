// Opens and closes the data folder: lock, data file, catalog, counters, writer and reader. The one place that puts them together.
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { makePrivateFolder } from "../base/private-file.ts";
import { isIncomplete } from "./backup/backup-folder.ts";
import { prepareCatalog, readMeta } from "./catalog/catalog-ddl.ts";
import { readCatalog } from "./catalog/catalog-rows.ts";
import { CatalogState } from "./catalog/catalog-state.ts";
import { Ballast } from "./hot/ballast.ts";
import type { BatchState } from "./hot/batch.ts";
import { BufferCounts } from "./hot/buffer-counts.ts";
import { Checkpointer } from "./hot/checkpoint.ts";
import { CheckpointThread } from "./hot/checkpoint-thread.ts";
import { type Durability, dataFilePath, openReaderConnection, openWriterConnection } from "./hot/connection.ts";
import { type Failpoint, noFailpoint } from "./hot/failpoint.ts";
import { lockFolder } from "./hot/folder-lock.ts";
import { GroupCommitWriter } from "./hot/group-commit.ts";
import { settleIndexes } from "./hot/hot-index.ts";
import { createIndexBuilder, type IndexBuilder, type StartIndexProcess } from "./hot/index-builder.ts";
import { Leftovers } from "./hot/leftovers.ts";
import { HotPointReader } from "./hot/point-reader.ts";
import { isInFile } from "./hot/relation.ts";
import { RowStatements } from "./hot/row-statements.ts";
import { toStorageError } from "./hot/storage-error.ts";
import { Trimmer, type TrimmerOptions } from "./hot/trimmer.ts";
import type { CatalogView, PointReader, StreamView, Writer } from "./seams.ts";
import { persistedChanges, StreamFloors } from "./stream/persisted-rows.ts";
import { StreamExpiry } from "./stream/stream-expiry.ts";
import { DEFAULT_STREAM_LIMITS, type StreamLimits } from "./stream/stream-limits.ts";
import { type StreamChange, StreamRows } from "./stream/stream-rows.ts";
import { createStreamTables } from "./stream/stream-tables.ts";

export interface StoreOptions {
  readonly dataDir: string;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with each new connection: adds the SQL functions that rendered statements use. */
  readonly registerFunctions?: (db: Database) => void;
  readonly failpoint?: Failpoint;
  readonly streamLimits?: StreamLimits;
  /** Without it no index of a large buffer can be built. */
  readonly startIndexProcess?: StartIndexProcess;
  /** How long writes may wait for one index. */
  readonly maxIndexPauseMs?: number;
}

export interface Store {
  readonly writer: Writer;
  readonly reader: PointReader;
  /** Committed metadata. */
  readonly catalog: CatalogView;
  readonly streams: StreamView;
  readonly indexes: IndexBuilder;
  /** The data file, for readers in other threads and processes. */
  readonly path: string;
  /** Random id of this data folder's history. */
  readonly epoch: string;
  /** Resolves when nothing that was flushed or dropped takes room in the data file any more. */
  trimmed(): Promise<void>;
  /** Commits what is open, folds the log into the file, gives up the folder. */
  close(): Promise<void>;
}

/** Throws STORAGE_ERROR when the folder is in use or its file is damaged, INVALID_CONFIG when a later version wrote it. */
export function openStore(options: StoreOptions): Store {
  const { dataDir, durability } = options;
  const path = dataFilePath(dataDir);
  const opened: (() => void)[] = [];
  const closeAll = (): void => {
    for (const close of opened.splice(0).reverse()) close();
  };
  try {
    makePrivateFolder(dataDir);
    const lock = lockFolder(dataDir);
    opened.push(() => lock.release());
    if (isIncomplete(dataDir)) {
      throw new DbError("STORAGE_ERROR", `A restore into the data folder ${dataDir} was not finished`, {
        hint: "Run kalamdb restore again.",
      });
    }
    const writerDb = openWriterConnection(path, durability);
    opened.push(() => writerDb.close(true));
    prepareCatalog(writerDb, { path, epoch: crypto.randomUUID() });
    const readerDb = openReaderConnection(path);
    opened.push(() => readerDb.close(true));
    for (const db of [writerDb, readerDb]) options.registerFunctions?.(db);
    return assemble(options, { path, writerDb, readerDb, closeAll });
  } catch (error) {
    closeAll();
    throw openFailure(error, path);
  }
}

interface OpenFile {
  readonly path: string;
  readonly writerDb: Database;
  readonly readerDb: Database;
  readonly closeAll: () => void;
}

function assemble(options: StoreOptions, { path, writerDb, readerDb, closeAll }: OpenFile): Store {
  const { clock, log, dataDir, failpoint = noFailpoint } = options;
  const { position, committed, working, counts, leftovers, expiry } = readState(writerDb);
  settleIndexes(writerDb, committed.catalog.tables());
  const checkpointer = new Checkpointer({ db: writerDb, path, log, failpoint, thread: new CheckpointThread() });
  const ballast = new Ballast({
    path: join(dataDir, "kalamdb.reserve"),
    log,
    failpoint,
    monotonicMs: () => clock.monotonicMs(),
  });
  const memory = { committed, working, counts, expiry, streamLimits: options.streamLimits ?? DEFAULT_STREAM_LIMITS };
  const writer = new GroupCommitWriter({
    db: writerDb,
    clock,
    log,
    failpoint,
    ...memory,
    leftovers,
    ballast,
    checkpointer,
    position,
  });
  const trimmer = startTrimmer(writer, { leftovers, isBehind: () => checkpointer.isBehind(), clock, log });
  let isClosed = false;
  return {
    writer,
    reader: new HotPointReader(readerDb, committed.catalog),
    catalog: committed.catalog,
    streams: createStreamTables({
      committed: committed.streams,
      expiry,
      catalog: committed.catalog,
      writer,
      clock,
      totalBytes: memory.streamLimits.totalBytes,
    }),
    indexes: createIndexBuilder({
      db: writerDb,
      path,
      catalog: committed.catalog,
      whileIdle: (work) => writer.whileIdle(work),
      start: options.startIndexProcess,
      maxPauseMs: options.maxIndexPauseMs,
      log,
    }),
    path,
    epoch: String(readMeta(writerDb, "epoch")),
    trimmed: () => trimmer.idle(),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      trimmer.stop();
      await writer.close();
      await checkpointer.stop();
      checkpointer.truncate();
      closeAll();
    },
  };
}

function startTrimmer(writer: GroupCommitWriter, options: Omit<TrimmerOptions, "writer">): Trimmer {
  const trimmer = new Trimmer({ ...options, writer: { submit: (work) => writer.submitUnsynced(work) } });
  writer.onCommit(() => trimmer.wake());
  trimmer.wake();
  return trimmer;
}

interface StoreState {
  /** The last one that was committed. */
  readonly position: Seq;
  readonly committed: BatchState;
  /** The writer's own copy. */
  readonly working: BatchState;
  readonly counts: BufferCounts;
  readonly leftovers: Leftovers;
  readonly expiry: StreamExpiry;
}

/** All that is held in memory of what the file says. */
function readState(db: Database): StoreState {
  const position = seqOf(BigInt(String(readMeta(db, "last_seq"))));
  const [committed, working] = [emptyState(position), emptyState(position)];
  for (const change of readCatalog(db)) {
    committed.catalog.apply(change);
    working.catalog.apply(change);
  }
  const counts = new BufferCounts();
  const leftovers = new Leftovers();
  counts.load(db, committed.catalog.tables(), leftovers);
  leftovers.load(db);
  const expiry = new StreamExpiry(committed.streams);
  for (const change of persistedStreams(db, committed.catalog)) {
    committed.streams.apply(change);
    working.streams.apply(change);
    expiry.note(change);
  }
  return { position, committed, working, counts, leftovers, expiry };
}

/** Oldest first, table after table. */
function* persistedStreams(db: Database, catalog: CatalogView): Generator<StreamChange> {
  const rows = new RowStatements(db);
  const floors = new StreamFloors(db).load();
  for (const table of catalog.tables()) {
    if (table.kind !== "stream" || !isInFile(table)) continue;
    yield* persistedChanges({ table, floor: floors.get(table.id) ?? seqOf(0n), rows: rows.all(table) });
  }
}

/** Rows of STREAM tables that are not persisted did not survive the last stop. */
function emptyState(position: Seq): BatchState {
  return { catalog: new CatalogState(), streams: new StreamRows(seqOf(position + 1n)) };
}

function openFailure(error: unknown, path: string): unknown {
  const failure = toStorageError(error);
  if (failure === error || !(failure instanceof DbError)) return error;
  return new DbError(failure.code, `The data file ${path} cannot be opened: ${failure.message}`, { cause: error });
}
