// Ends a writing process with SIGKILL and looks at what it left: every acknowledged write is there, unacknowledged ones are there whole or not
// at all, and no `_seq` is ever given twice.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { FAILPOINTS, type FailpointName } from "../../src/storage/hot/failpoint.ts";
import { openStore } from "../../src/storage/store.ts";
import { ALICE, CHAT, temporaryFolder } from "../storage/open-test-store.ts";

const ROUNDS = 12;
const CHILD = join(import.meta.dir, "writing-child.ts");
const seed = Number(process.env["CRASH_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** mulberry32: the kill moments are all that is random here, and the seed brings them back. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Ended {
  readonly acknowledged: ReadonlyMap<number, bigint>;
  readonly signal: NodeJS.Signals | number | null;
}

/** Runs the child until it has acknowledged `killAfter` pairs, or (undefined) until it ends itself. */
async function runChild(args: readonly string[], killAfter: number | undefined): Promise<Ended> {
  const child = Bun.spawn([process.execPath, CHILD, ...args], { stdout: "pipe", stderr: "inherit" });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (killAfter !== undefined && text.split("\n").length > killAfter) child.kill("SIGKILL");
  }
  await child.exited;
  // The last line may have been cut short by the kill.
  const lines = text.split("\n").slice(0, -1);
  const acknowledged = new Map(lines.map((line) => [Number(line.split(" ")[0]), BigInt(line.split(" ")[1] ?? "")]));
  return { acknowledged, signal: child.signalCode };
}

/** Opens what was left and checks it; returns the next free pair number. */
async function inspect(dataDir: string, acknowledged: ReadonlyMap<number, bigint>): Promise<number> {
  const store = openStore({ dataDir, durability: "full", clock: systemClock, log: silentLog });
  const table = store.catalog.table(CHAT, "pairs");
  if (table === undefined) throw new Error("the table is gone");
  const seqById = new Map<bigint, bigint>();
  using db = new Database(store.path, { readonly: true });
  expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  for (const [id, seq] of db.prepare(`SELECT c1, _seq FROM hot_${table.id}`).safeIntegers(true).values()) {
    if (typeof id === "bigint" && typeof seq === "bigint") seqById.set(id, seq);
  }
  for (const [pair, seq] of acknowledged) {
    expect([pair, seqById.get(BigInt(2 * pair))]).toEqual([pair, seq]);
  }
  const unpaired = [...seqById.keys()].filter((id) => !seqById.has(id ^ 1n));
  expect(unpaired).toEqual([]);
  expect(store.writer.bufferedRows(table.id)).toBe(seqById.size);
  const last = [...seqById.values()].reduce((a, b) => (a > b ? a : b), 0n);
  expect(store.writer.position).toBeGreaterThanOrEqual(last);
  const { value } = await store.writer.submit((tx) =>
    tx.put(table, ALICE, [-2n, "probe"], { deleted: false, before: tx.get(table, ALICE, -2n) }),
  );
  await store.writer.submit((tx) =>
    tx.put(table, ALICE, [-1n, "probe"], { deleted: false, before: tx.get(table, ALICE, -1n) }),
  );
  expect(value.seq).toBeGreaterThan(last);
  await store.close();
  const highest = [...seqById.keys()].reduce((a, b) => (a > b ? a : b), -1n);
  return Math.floor(Number(highest) / 2) + 1;
}

test(`ST-01 kill -9 at random moments loses no acknowledged write and repeats no _seq (CRASH_SEED=${seed})`, async () => {
  using folder = temporaryFolder();
  const random = randomFrom(seed);
  const acknowledged = new Map<number, bigint>();
  let nextPair = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const ended = await runChild([folder.path, String(nextPair)], 1 + Math.floor(random() * 400));
    expect([ended.signal, ended.acknowledged.size > 0]).toEqual(["SIGKILL", true]);
    for (const [pair, seq] of ended.acknowledged) acknowledged.set(pair, seq);
    nextPair = await inspect(folder.path, acknowledged);
  }
  expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
}, 240_000);

const WHERE: readonly FailpointName[] = FAILPOINTS.filter((name) => !["ballast", "checkpoint", "trim"].includes(name));
test.each(WHERE.flatMap((name) => [1, 7].map((hit) => [name, hit] as const)))(
  "ST-01 ended at the failpoint '%s', hit %d: nothing acknowledged is lost, nothing is half there",
  async (name, hit) => {
    using folder = temporaryFolder();
    const ended = await runChild([folder.path, "0", name, String(hit)], undefined);
    expect(ended.signal).toBe("SIGKILL");
    await inspect(folder.path, ended.acknowledged);
  },
);
