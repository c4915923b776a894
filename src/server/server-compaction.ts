// Compaction as the server runs it: with its settings, its manifests, and the time after which nobody reads a replaced file any more.
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { HOUR_MS } from "../config/setting.ts";
import type { CompactDeps } from "../jobs/compact-kind.ts";
import { type CompactionSettings, createCompactor } from "../storage/cold/compact.ts";
import type { DroppedFiles } from "../storage/cold/dropped-files.ts";
import type { ParquetWorker } from "../storage/cold/parquet-worker.ts";
import { createRetiredFiles, type RetiredFiles } from "../storage/cold/retired-files.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import type { Store } from "../storage/store.ts";
import type { ServerStorages } from "./storages.ts";

export interface ServerCompactionInput {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly storageDir: string;
  readonly storages: Pick<ServerStorages, "places" | "describe" | "describeLeft"> & {
    readonly objects: Pick<ObjectStore, "remove">;
  };
  readonly worker: ParquetWorker;
  readonly droppedFiles: DroppedFiles;
}

export interface ServerCompaction {
  readonly compaction: CompactDeps["compaction"];
  readonly retired: RetiredFiles;
}

/** A query process reads no longer than its deadline; this much more for what is late. */
const GRACE_MARGIN_MS = 30_000;

export function createServerCompaction(input: ServerCompactionInput): ServerCompaction {
  const { config, clock, log, store, storageDir, worker, droppedFiles } = input;
  const { objects, places, describe, describeLeft } = input.storages;
  const { catalog, writer, path: databasePath } = store;
  const graceMs = config.query.timeoutMs + GRACE_MARGIN_MS;
  const files = createRetiredFiles({ objects, databasePath, writer, clock, log, graceMs });
  const retired: RetiredFiles = {
    ...files,
    retire(segments) {
      files.retire(segments);
      void describeLeft(segments);
    },
  };
  const settings = compactionSettings(config);
  const compactor = createCompactor({ storageDir, places, catalog, writer, worker, clock, settings, retired });
  return {
    retired,
    compaction: {
      isDue: (table, scope) => config.compaction.enabled && compactor.isDue(table, scope),
      async compactScope(table, scope, { mode, signal }) {
        const done = await compactor.compactScope({ table: table.id, scope, mode, signal }).finally(() => {
          // Dropped while its files were merged.
          if (catalog.tableById(table.id) === undefined) droppedFiles.remove(table);
        });
        if (done.merges > 0) await describe(table, scope);
        // What earlier merges replaced may go by now.
        void retired.sweep();
        return done;
      },
    },
  };
}

function compactionSettings({ compaction, retention }: Config): CompactionSettings {
  return {
    minRuns: compaction.minFiles,
    targetRows: compaction.targetRows,
    targetBytes: compaction.targetBytes,
    tombstoneRetentionMs: retention.defaultDeletedRetentionHours * HOUR_MS,
  };
}
