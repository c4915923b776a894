import { expect, test } from "bun:test";
import { join } from "node:path";
import { indexProcessStarter } from "../../src/server/index-process.ts";
import { failureOf } from "../storage/open-test-store.ts";

test("TB-02 an index process that has ended while it waited fails the index with a code, and is waited for by nobody", async () => {
  const start = indexProcessStarter({
    command: [process.execPath, join(import.meta.dir, "ending-index-process.ts")],
    durability: "normal",
  });
  await using ended = await start("nowhere.sqlite");
  const run = (): Promise<void> => ended.run(["SELECT 1"], new AbortController().signal);
  const early = { code: "STORAGE_ERROR", message: expect.stringContaining("ended early (exit 3)") };
  expect(await failureOf(run())).toMatchObject(early);
  // It is known to be gone by now.
  expect(await failureOf(run())).toMatchObject(early);
});
