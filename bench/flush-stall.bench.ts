// Question: what does a flush do to everybody else: how long is the loop held up, what does a write take, beside the same without a flush? And what does the size
// of a segment cost: memory, time of the worker, time until the rows have left the buffer?
// Run: bun bench/flush-stall.bench.ts [rows, default 200000] [segment rows …, default 10000 25000]
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { parseName, parseUserId, type Scope, SHARED_SCOPE, scopeOfUser } from "../src/base/ids.ts";
import { silentLog } from "../src/base/log.ts";
import type { TableSchema } from "../src/model/schema.ts";
import { BIGINT, TEXT } from "../src/model/sql-type.ts";
import { createFlusher } from "../src/storage/cold/flush.ts";
import { openStore, type Store } from "../src/storage/store.ts";
import { spreadOf } from "./load/stats.ts";

const [rowsText = "200000", ...segmentTexts] = process.argv.slice(2);
const ROWS = Number(rowsText);
const SEGMENT_ROWS = segmentTexts.length === 0 ? [10_000, 25_000] : segmentTexts.map(Number);
const USERS = 1_000;
const ROWS_PER_COMMIT = 500;
const QUIET_MS = 3_000;
const WRITE_EVERY_MS = 5;
const BODY = "x".repeat(150);

interface Side {
  readonly name: string;
  readonly kind: TableSchema["kind"];
  readonly scopeOf: (row: number) => Scope;
}

const SIDES: readonly Side[] = [
  { name: `${USERS} users`, kind: "user", scopeOf: (row) => scopeOfUser(parseUserId(`user-${row % USERS}`)) },
  { name: "one shared scope", kind: "shared", scopeOf: () => SHARED_SCOPE },
];

interface Observed {
  /** Each beyond the timer's own millisecond. */
  readonly stallsMs: readonly number[];
  readonly writesMs: readonly number[];
}

/** A timer of 1 ms, and a durable write of one row every few, until `stop` is called. */
function observe(write: () => Promise<unknown>): { stop(): Promise<Observed> } {
  const stallsMs: number[] = [];
  const writesMs: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    stallsMs.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      const startedAt = performance.now();
      await write();
      writesMs.push(performance.now() - startedAt);
      await Bun.sleep(WRITE_EVERY_MS);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await writing;
      clearInterval(timer);
      return { stallsMs, writesMs };
    },
  };
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

async function createTable(store: Store, kind: TableSchema["kind"]): Promise<TableSchema> {
  const bench = parseName("bench");
  const column = { default: undefined };
  const { value } = await store.writer.submit((tx) => {
    tx.createNamespace(bench);
    return tx.createTable({
      namespace: bench,
      name: parseName("messages"),
      kind,
      columns: [
        { ...column, id: 1, name: parseName("id"), type: BIGINT, nullable: false },
        { ...column, id: 2, name: parseName("body"), type: TEXT, nullable: true },
      ],
      keyIndex: 0,
      options: { storageId: "local", flushPolicy: undefined, accessLevel: "private" },
    });
  });
  return value;
}

async function fill(store: Store, table: TableSchema, side: Side): Promise<void> {
  for (let start = 0; start < ROWS; start += ROWS_PER_COMMIT) {
    await store.writer.submit((tx) => {
      for (let row = start; row < Math.min(start + ROWS_PER_COMMIT, ROWS); row += 1) {
        // Keys in no order: the worst case for the index that the removal has to keep.
        const key = BigInt((row * 7_919) % 1_000_003);
        tx.put(table, side.scopeOf(row), [key, BODY], { deleted: false, before: undefined });
      }
    });
  }
}

interface Measured {
  readonly quiet: Observed;
  readonly busy: Observed;
  readonly flushMs: number;
  readonly trimMs: number;
  readonly files: number;
  readonly cpuMs: number;
  readonly memoryMb: number;
}

async function measure(side: Side, segmentRows: number, folder: string): Promise<Measured> {
  const store = openStore({ dataDir: folder, durability: "full", clock: systemClock, log: silentLog });
  const storageDir = join(folder, "storage");
  const { writer } = store;
  const flusher = createFlusher({ databasePath: store.path, storageDir, writer, clock: systemClock, segmentRows });
  try {
    const table = await createTable(store, side.kind);
    await fill(store, table, side);
    let next = 1_000_004n;
    const write = (): Promise<unknown> => {
      next += 1n;
      const key = next;
      return writer.submit((tx) => tx.put(table, side.scopeOf(0), [key, BODY], { deleted: false, before: undefined }));
    };
    const beforeFlush = observe(write);
    await Bun.sleep(QUIET_MS);
    const quiet = await beforeFlush.stop();
    Bun.gc(true);
    const idleBytes = process.memoryUsage.rss();
    const during = observe(write);
    const startedAt = performance.now();
    const upTo = writer.position;
    let files = 0;
    let cpuUs = 0;
    let memoryBytes = 0;
    for (const scope of writer.bufferedScopes(table.id)) {
      const flushed = await flusher.flushScope({ schema: table, scope, upTo });
      files += flushed.segments.length;
      cpuUs += flushed.usage.cpuUs;
      memoryBytes = Math.max(memoryBytes, flushed.usage.memoryBytes);
    }
    const flushMs = performance.now() - startedAt;
    await store.trimmed();
    const trimMs = performance.now() - startedAt;
    const busy = await during.stop();
    return { quiet, busy, flushMs, trimMs, files, cpuMs: cpuUs / 1_000, memoryMb: (memoryBytes - idleBytes) / 2 ** 20 };
  } finally {
    flusher.close();
    await store.close();
  }
}

function lineOf(side: Side, segmentRows: number, it: Measured): string {
  const pair = (read: (one: Observed) => number): string => {
    const quiet = read(it.quiet);
    const busy = read(it.busy);
    return `${quiet.toFixed(1)} → ${busy.toFixed(1)} ms (${(busy / quiet).toFixed(1)}×)`;
  };
  return [
    `${side.name}, ${segmentRows} rows a file: ${it.files} files`,
    `  stall p99        ${pair(({ stallsMs }) => percentile(stallsMs, 0.99))}`,
    `  stall max        ${pair(({ stallsMs }) => spreadOf(stallsMs).max)}`,
    `  write p50        ${pair(({ writesMs }) => percentile(writesMs, 0.5))}`,
    `  write p99        ${pair(({ writesMs }) => percentile(writesMs, 0.99))}`,
    `  files committed  ${(it.flushMs / 1_000).toFixed(1)} s (${Math.round((ROWS / it.flushMs) * 1_000)} rows/s), CPU of the worker ${(it.cpuMs / 1_000).toFixed(1)} s`,
    `  rows removed     ${(it.trimMs / 1_000).toFixed(1)} s after the start`,
    `  memory           ${it.memoryMb.toFixed(0)} MB above before`,
  ].join("\n");
}

console.log(
  `${ROWS} rows, random keys, durability full, a write every ${WRITE_EVERY_MS} ms; quiet → during the flush; ${cpus()[0]?.model ?? "?"} x${cpus().length}, bun ${Bun.version}`,
);
for (const segmentRows of SEGMENT_ROWS) {
  for (const side of SIDES) {
    const folder = mkdtempSync(join(tmpdir(), "flush-stall-"));
    try {
      console.log(lineOf(side, segmentRows, await measure(side, segmentRows, folder)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
