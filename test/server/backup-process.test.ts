import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobUsage } from "../../src/jobs/job-kind.ts";
import { createBackupProcess } from "../../src/server/backup-process.ts";
import { discardFolder } from "../../src/storage/backup/backup-folder.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";
import { createHoldableStore } from "../../src/storage/objects/holdable-store.ts";
import { failureOf } from "../storage/open-test-store.ts";

test("ST-08 OP-03 an aborted backup ends its process at once, gives up the files it kept, and tells what it used", async () => {
  const root = mkdtempSync(join(tmpdir(), "kalamdb-backup-"));
  const target = join(root, "backup");
  const objects = createHoldableStore(openFilesystemStore(join(root, "storage")));
  await objects.put("a", new Uint8Array(1));
  const makeBackup = createBackupProcess({
    command: [process.execPath, join(import.meta.dir, "hanging-backup.ts")],
    dataDir: root,
    databasePath: join(root, "kalamdb.sqlite"),
    nowMs: () => 1,
    storages: () => Promise.resolve({ localFolder: join(root, "storage"), byId: {} }),
    ready: () => Promise.resolve(),
    holdFiles: () => objects.hold(),
  });
  const abort = new AbortController();
  const begun = Promise.withResolvers<void>();
  const usages: JobUsage[] = [];
  const made = makeBackup(target, {
    jobId: "BK-1",
    signal: abort.signal,
    progress: () => begun.resolve(),
    used: (usage) => usages.push(usage),
  });
  await begun.promise;
  const removed = objects.remove(["a"]);
  expect(await Promise.race([removed.then(() => "removed"), Bun.sleep(20).then(() => "kept")])).toBe("kept");
  abort.abort("Cancelled by user");
  expect(await failureOf(made)).toMatchObject({ code: "STORAGE_ERROR" });
  await removed;
  expect(await objects.head("a")).toBeUndefined();
  expect(usages).toHaveLength(1);
  expect(usages[0]?.memoryBytes).toBe(12_345_678);
  expect(usages[0]?.cpuUs).toBeGreaterThan(0);
  discardFolder(target, "BK-1");
  expect(existsSync(target)).toBe(false);
  rmSync(root, { recursive: true });
});
