// Compaction as the server runs it, over a test's store.
import type { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import type { SettingValues } from "../../src/config/settings.ts";
import { createServerCompaction, type ServerCompaction } from "../../src/server/server-compaction.ts";
import { createDroppedFiles } from "../../src/storage/cold/dropped-files.ts";
import type { Flusher } from "../../src/storage/cold/flush.ts";
import { localPlaces } from "../../src/storage/cold/places.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";
import type { Store } from "../../src/storage/store.ts";

export interface TestCompactionInput {
  readonly store: Store;
  readonly storageDir: string;
  readonly flusher: Flusher;
  readonly clock: Clock;
  readonly settings?: Partial<SettingValues>;
}

export function testCompaction(input: TestCompactionInput): ServerCompaction {
  const { store, storageDir, flusher, clock, settings } = input;
  const objects = openFilesystemStore(storageDir);
  const droppedFiles = createDroppedFiles({ foldersOf: () => [], objects, databasePath: store.path, log: silentLog });
  const storages = {
    objects,
    places: localPlaces(storageDir),
    describe: () => Promise.resolve(),
    describeLeft: () => Promise.resolve(),
  };
  const parts = { store, storageDir, storages, clock, droppedFiles, log: silentLog };
  return createServerCompaction({ ...parts, config: configOf(settings), worker: flusher.worker });
}
