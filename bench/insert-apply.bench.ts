// Question: what does one durable insert cost in the writer, by rows a commit, against prepared statements on a bare connection?
// Run: bun bench/insert-apply.bench.ts
// One iteration is one commit of so many rows, with its sync, on a real disk: at one row it measures the disk, at a thousand the writer.
// The bare table has the same columns, key and settings, but no `_seq`, no tombstones, no counters and no change records.
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, do_not_optimize, group } from "mitata";
import { systemClock } from "../src/base/clock.ts";
import { parseName, SHARED_SCOPE } from "../src/base/ids.ts";
import { silentLog } from "../src/base/log.ts";
import { openStore } from "../src/storage/store.ts";
import { runBenchmarks } from "./micro.ts";
import { MESSAGES, messageRow } from "./sample.ts";

const ROWS_PER_COMMIT = [1, 10, 100, 1_000];
const folder = mkdtempSync(join(tmpdir(), "kalamdb-bench-"));

const store = openStore({ dataDir: join(folder, "store"), durability: "full", clock: systemClock, log: silentLog });
const { value: table } = await store.writer.submit((tx) => {
  tx.createNamespace(parseName("chat"));
  const { namespace, name, kind, columns, keyIndex, options } = MESSAGES;
  return tx.createTable({ namespace, name, kind, columns, keyIndex, options });
});

const bare = new Database(join(folder, "bare.sqlite"), { create: true, strict: true });
bare.run("PRAGMA journal_mode = WAL");
bare.run("PRAGMA synchronous = FULL");
bare.run("CREATE TABLE messages (id INTEGER PRIMARY KEY, room TEXT NOT NULL, body TEXT) STRICT");
const begin = bare.prepare("BEGIN IMMEDIATE");
const commit = bare.prepare("COMMIT");
const insert = bare.prepare("INSERT INTO messages (id, room, body) VALUES (?1, ?2, ?3)");

const [, room = null, body = null] = messageRow(0).cells;
const roomText = String(room);
const bodyText = String(body);
let nextStored = 0;
let nextBare = 0;

for (const rows of ROWS_PER_COMMIT) {
  group(`${rows} rows a commit`, () => {
    bench("hot writer, one work a row", async () => {
      const works = Array.from({ length: rows }, () => {
        const cells = [BigInt(nextStored++), room, body];
        return store.writer.submit((tx) => tx.put(table, SHARED_SCOPE, cells, { deleted: false, before: undefined }));
      });
      do_not_optimize(await Promise.all(works));
    });
    bench("bare bun:sqlite", () => {
      begin.run();
      for (let row = 0; row < rows; row++) {
        insert.run(nextBare++, roomText, bodyText);
      }
      commit.run();
    });
  });
}

try {
  await runBenchmarks();
  const buffered = store.writer.bufferedRows(table.id);
  if (buffered !== nextStored) throw new Error(`${nextStored} rows were written, ${buffered} are there`);
} finally {
  await store.close();
  bare.close(true);
  rmSync(folder, { recursive: true, force: true });
}
