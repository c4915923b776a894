// Storage, the processes that read it and the jobs that keep it: opened in this order at the start of the server, closed in the reverse order.
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { ownCommand } from "../base/program.ts";
import type { Config } from "../config/config.ts";
import { createQueryPool, type QueryPool } from "../engine/query/pool.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { LogFilesView } from "../jobs/log-cleanup-kind.ts";
import { createGenerators, type Generators } from "../sql/functions/generators.ts";
import { registerFunctions } from "../sql/functions/register.ts";
import { createDroppedFiles, type DroppedFiles } from "../storage/cold/dropped-files.ts";
import { createFlusher, type Flusher } from "../storage/cold/flush.ts";
import type { ParquetThread } from "../storage/cold/parquet-worker.ts";
import type { RetiredFiles } from "../storage/cold/retired-files.ts";
import { createFileStore, type FileStep, type FileStore } from "../storage/files/file-store.ts";
import type { Failpoint } from "../storage/hot/failpoint.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import { deriveSealingKey } from "../storage/objects/sealed-credentials.ts";
import { openStore, type Store } from "../storage/store.ts";
import { createExportFiles, type ExportFiles } from "./export-files.ts";
import { indexProcessStarter } from "./index-process.ts";
import { createServerCompaction } from "./server-compaction.ts";
import { createServerJobs } from "./server-jobs.ts";
import { openServerStorages, type ServerStorages } from "./storages.ts";

const MAX_QUEUED_QUERIES = 10_000;

/** The declared seams of a server: tests make it fail there, or end its process. */
export interface ServerSeams {
  readonly failpoint?: Failpoint;
  readonly fileStep?: (step: FileStep) => void;
  readonly spawnParquetThread?: () => ParquetThread;
  /** Around the storage as the main thread uses it. */
  readonly objects?: (objects: ObjectStore) => ObjectStore;
}

export interface FoundationInput {
  readonly seams: ServerSeams;
  readonly config: Config;
  readonly log: Log;
  readonly logFiles: LogFilesView;
  readonly clock: Clock;
  /** What to undo when a later step fails, oldest first. */
  readonly opened: (() => Promise<void> | void)[];
}

export interface Foundation {
  readonly dataDir: string;
  readonly storageDir: string;
  readonly generators: Generators;
  readonly store: Store;
  readonly storages: ServerStorages;
  readonly files: FileStore;
  readonly pool: QueryPool;
  readonly flusher: Flusher;
  readonly droppedFiles: DroppedFiles;
  readonly retired: RetiredFiles;
  readonly jobs: Jobs;
  readonly exports: ExportFiles;
}

export async function openFoundation(
  input: FoundationInput & { readonly secret: Uint8Array<ArrayBuffer> },
  dataDir: string,
): Promise<Foundation> {
  const { config, log, clock, opened, seams } = input;
  const storageDir = join(dataDir, "storage");
  const generators = createGenerators(clock);
  const store = openDataFolder(input, { dataDir, generators });
  opened.push(() => store.close());
  const sealingKey = await deriveSealingKey(input.secret);
  const storages = await openServerStorages({ dataDir, sealingKey, config, store, log, seam: seams.objects });
  const { objects, places, foldersOf } = storages;
  const files = openFiles(input, { store, storages, generators });
  const pool = openPool(input, { store, storageDir, storages });
  opened.push(() => pool.close());
  const flusher = createFlusher({
    databasePath: store.path,
    storageDir,
    places,
    writer: store.writer,
    clock,
    segmentRows: config.flush.segmentRows,
    ...(seams.spawnParquetThread === undefined ? {} : { spawn: seams.spawnParquetThread }),
  });
  opened.push(() => flusher.close());
  const droppedFiles = createDroppedFiles({ objects, databasePath: store.path, foldersOf, log });
  store.writer.onCommit(({ droppedTables }) => droppedTables.forEach((table) => droppedFiles.remove(table)));
  const backupCommand = ownCommand("__backup");
  const exports = createExportFiles(dataDir, files);
  const parts = { config, clock, log, store, flusher, droppedFiles };
  const { compaction, retired } = createServerCompaction({ ...parts, storages, storageDir, worker: flusher.worker });
  const { logFiles } = input;
  const jobs = createServerJobs({ ...parts, logFiles, storages, dataDir, backupCommand, compaction, retired, exports });
  await jobs.recover();
  return {
    dataDir,
    storageDir,
    generators,
    store,
    storages,
    files,
    pool,
    flusher,
    droppedFiles,
    retired,
    jobs,
    exports,
  };
}

function openDataFolder(
  { config, log, clock, seams }: FoundationInput,
  { dataDir, generators }: Pick<Foundation, "dataDir" | "generators">,
): Store {
  const { durability } = config.storage;
  return openStore({
    dataDir,
    durability,
    clock,
    log,
    registerFunctions: (db) => registerFunctions(db, generators),
    startIndexProcess: indexProcessStarter({ command: ownCommand("__index"), durability }),
    ...(seams.failpoint === undefined ? {} : { failpoint: seams.failpoint }),
  });
}

function openFiles(
  { config, log, clock, seams }: FoundationInput,
  { store, storages, generators }: Pick<Foundation, "store" | "storages" | "generators">,
): FileStore {
  return createFileStore({
    objects: storages.objects,
    places: storages.places,
    writer: store.writer,
    reader: store.reader,
    clock,
    log,
    newId: () => generators.snowflakeId(),
    graceMs: config.files.removalGraceSeconds * 1000,
    failpoint: seams.fileStep,
  });
}

function openPool(
  { config, log }: FoundationInput,
  parts: Pick<Foundation, "store" | "storageDir" | "storages">,
): QueryPool {
  return createQueryPool({
    processes: config.query.processes,
    timeoutMs: config.query.timeoutMs,
    memoryLimitBytes: config.query.memoryLimitBytes,
    maxResultBytes: config.query.maxResultBytes,
    coldCacheBytes: config.query.coldCacheBytes,
    maxQueue: MAX_QUEUED_QUERIES,
    databasePath: parts.store.path,
    storageDir: parts.storageDir,
    storages: parts.storages.access,
    command: ownCommand("__query-process"),
    log,
  });
}
