// Compaction on a disk that is full or fails: through the declared seam of the worker, and, where a file system can be mounted, for real.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WriteStep } from "../../../src/storage/cold/parquet-write.ts";
import { ALICE, createTable, failureOf } from "../open-test-store.ts";
import {
  type CompactionFixture,
  committedPaths,
  filesBelow,
  flush,
  newestVersions,
  openCompactionFixture,
  putRows,
  type ScopeOf,
} from "./compaction-fixture.ts";

const STEPS: readonly WriteStep[] = ["written", "synced", "renamed", "folder-synced"];
const CODES = [
  ["ENOSPC", "STORAGE_FULL"],
  ["EIO", "STORAGE_ERROR"],
] as const;

/** Text that no codec makes smaller. */
function noise(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536))).toBase64();
}

/** Two files with keys in common. */
async function twoFiles(fixture: CompactionFixture, at: ScopeOf, rows: number): Promise<void> {
  for (const start of [0, rows / 2]) {
    await putRows(
      fixture,
      at,
      Array.from({ length: rows }, (_unused, index) => [BigInt(start + index), noise(2_000)]),
    );
    await flush(fixture, at);
  }
}

async function expectUntouched(
  fixture: CompactionFixture,
  at: ScopeOf,
  before: Awaited<ReturnType<typeof newestVersions>>,
): Promise<void> {
  expect(await newestVersions(fixture, at)).toEqual(before);
  expect(filesBelow(fixture.storageDir)).toEqual(committedPaths(fixture));
}

test.each(STEPS.flatMap((step) => CODES.map(([code, expected]) => [code, step, expected] as const)))(
  "ST-04 (injected) %s at '%s' of a merge: the old segments stay, no file is left, and the next merge works",
  async (code, step, expected) => {
    let isFailing = true;
    const spawn = (): Worker =>
      isFailing
        ? new Worker(new URL("./failing-worker.ts", import.meta.url), { env: { FAIL_STEP: step, FAIL_CODE: code } })
        : new Worker(new URL("../../../src/storage/cold/flush-worker.ts", import.meta.url));
    await using fixture = openCompactionFixture({ flusher: { spawn } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await twoFiles(fixture, at, 10);
    const before = await newestVersions(fixture, at);
    const request = { table: table.id, scope: ALICE, mode: "full" } as const;
    expect(await failureOf(fixture.compactor.compactScope(request))).toMatchObject({ code: expected });
    await expectUntouched(fixture, at, before);
    isFailing = false;
    await fixture.reopen();
    expect(await fixture.compactor.compactScope(request)).toMatchObject({ segmentsAfter: 1 });
    expect(await newestVersions(fixture, at)).toEqual(before);
  },
);

const mountPoint = mkdtempSync(join(tmpdir(), "kalamdb-merge-full-"));
const canMount =
  Bun.which("mount") !== null && Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", mountPoint]).success;
afterAll(() => {
  if (canMount) Bun.spawnSync(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});

const unmountable = canMount ? "" : " (skipped: no file system can be mounted here; the injected faults stand in)";
test.skipIf(!canMount)(
  `ST-04 a merge on a disk that is really full leaves the old segments and no file, and works when there is room${unmountable}`,
  async () => {
    await using fixture = openCompactionFixture({ store: { dataDir: mountPoint } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await twoFiles(fixture, at, 1_000);
    await fixture.store.current.trimmed();
    const before = await newestVersions(fixture, at);
    const { bavail, bsize } = statfsSync(mountPoint);
    const filler = join(mountPoint, "filler");
    // Less than the merged file will take.
    writeFileSync(filler, new Uint8Array(bavail * bsize - (1 << 20)));
    const request = { table: table.id, scope: ALICE, mode: "full" } as const;
    expect(await failureOf(fixture.compactor.compactScope(request))).toMatchObject({ code: "STORAGE_FULL" });
    await expectUntouched(fixture, at, before);
    rmSync(filler);
    expect(await fixture.compactor.compactScope(request)).toMatchObject({ segmentsAfter: 1, rowsAfter: 1_500 });
    expect(await newestVersions(fixture, at)).toEqual(before);
  },
);
