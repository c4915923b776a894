// TB-04 ST-03: a server is ended with SIGKILL at every step of an upload. After the next start each row's file is there whole, and a grace later nothing else is.
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { parseFileRef } from "../../src/link/index.ts";
import { storedNameOf } from "../../src/model/file-ref.ts";
import { localPlaces } from "../../src/storage/cold/places.ts";
import { createFileStore } from "../../src/storage/files/file-store.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";
import { openStore } from "../../src/storage/store.ts";
import { freePort } from "../support/free-port.ts";
import { startTestServer } from "../support/test-server.ts";
import { arm } from "./kill-plan.ts";
import { crashSettings } from "./kill-settings.ts";
import { clientAt, startKilledServer } from "./killed-server.ts";

const HOUR_MS = 3_600_000;
const REPLACE = "UPDATE app.docs SET doc = FILE('f') WHERE id = 1";
/** Fails, so its file goes again. */
const REFUSED = "INSERT INTO app.docs VALUES (1, FILE('f'))";

/** A step, the statement that comes to it, and whether its row may be there after the crash. */
const CASES = [
  ["file recorded", REPLACE, false],
  ["file stored", REPLACE, false],
  ["writer commit", REPLACE, false],
  ["writer committed", REPLACE, true],
  ["file letGo", REFUSED, false],
  ["before removal", REFUSED, false],
  ["after removal", REFUSED, false],
  ["file removed", REFUSED, false],
] as const;

const note = (content: string): File => new File([content], "note.txt", { type: "text/plain" });

function filesIn(folder: string): string[] {
  const names = readdirSync(join(folder, "storage"), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => /\d.*(txt|tmp)$/.test(name))
    .map((name) => basename(name))
    .sort();
}

test.each(CASES)(
  "TB-04 a kill -9 at '%s' of an upload: the row has a whole file, and no other is left",
  async (step, statement, isDone) => {
    const folder = await mkdtemp(join(tmpdir(), "kalamdb-file-kill-"));
    try {
      const port = await freePort();
      const server = startKilledServer(folder, port, { step, hit: 1 });
      await server.ready;
      await using client = clientAt(port);
      await client.batch("CREATE NAMESPACE app; CREATE USER TABLE app.docs (id INT PRIMARY KEY, doc FILE)");
      await client.queryWithFiles("INSERT INTO app.docs VALUES (1, FILE('f'))", { f: note("first") });
      arm(folder);
      await client.queryWithFiles(statement, { f: note("second") }).catch(() => undefined);
      await server.process.exited;
      expect(server.process.signalCode).toBe("SIGKILL");

      let held = "";
      {
        await using _next = await startTestServer(crashSettings(folder, port), { folder });
        const { rows } = await client.query("SELECT doc FROM app.docs");
        const ref = parseFileRef(rows[0]?.["doc"] ?? null);
        if (ref === null) throw new Error("no file");
        expect(await (await client.download("app.docs", ref)).text()).toBe(isDone ? "second" : "first");
        held = storedNameOf(ref);
      }
      await sweepLater(folder);
      expect(filesIn(folder)).toEqual([held]);
      expect(existsSync(join(folder, "uploads"))).toBe(false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

/** As a server an hour later does. */
async function sweepLater(folder: string): Promise<void> {
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + HOUR_MS };
  const store = openStore({ dataDir: folder, durability: "normal", clock, log: silentLog });
  const storageDir = join(folder, "storage");
  const objects = openFilesystemStore(storageDir);
  const files = createFileStore({
    objects,
    places: localPlaces(storageDir),
    writer: store.writer,
    reader: store.reader,
    clock,
    log: silentLog,
    newId: () => 1n,
    graceMs: HOUR_MS / 2,
  });
  await files.sweep();
  await store.close();
}
