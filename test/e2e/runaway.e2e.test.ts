// AU-04: a statement that would take the machine is stopped in fact, as the operating system's own accounts of the query processes say: its process has worked, then it
// is gone, nothing that is left works on, and the memory is given back. The caller is told why, and everybody else is served meanwhile.
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { SettingValues } from "../../src/config/settings.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(240_000);

const PAGE_BYTES = 4096;
const MIB = 1024 * 1024;
const MEMORY_LIMIT = 256 * MIB;

interface Usage {
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number;
  readonly residentBytes: number;
}

/** The query processes of this process's servers, by id. */
function queryProcesses(): Map<number, Usage> {
  const found = new Map<number, Usage>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // What is in brackets may hold anything; the fields begin after it.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      const [state, parent] = fields;
      if (Number(parent) !== process.pid || state === "Z") continue;
      if (!readFileSync(`/proc/${name}/cmdline`, "utf8").includes("__query-process")) continue;
      const cpuTicks = Number(fields[11]) + Number(fields[12]);
      found.set(Number(name), { cpuTicks, residentBytes: Number(fields[21]) * PAGE_BYTES });
    } catch {
      // It ended between two looks.
    }
  }
  return found;
}

const cpuTicks = (): number =>
  Array.from(queryProcesses().values(), (usage) => usage.cpuTicks).reduce((a, b) => a + b, 0);

/** No query process uses the processor any more. */
async function allIdle(): Promise<void> {
  await until(async () => {
    const before = cpuTicks();
    await Bun.sleep(300);
    return cpuTicks() === before;
  });
}

async function open(settings: Partial<SettingValues>): Promise<TestServer> {
  const server = await startTestServer({ "query.processes": 2, ...settings });
  await server.root.sql("CREATE NAMESPACE app; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, n INT)");
  // Not by a SELECT: the first query waits for a process to start, and a busy machine takes longer for that than a short deadline leaves.
  const values = Array.from({ length: 100 }, (_, n) => `(${n + 1}, ${n + 1})`).join(", ");
  await server.root.sql(`INSERT INTO app.t VALUES ${values}`);
  await allIdle();
  return server;
}

/** A query of others, right however often a busy machine makes it miss a short deadline. */
async function expectSum(server: TestServer): Promise<void> {
  await until(async () => {
    const reply = await server.root.send("SELECT sum(n) FROM app.t WHERE id <= 100");
    if (reply.error?.reason === "STATEMENT_TIMEOUT") return false;
    expect(reply.results?.[0]?.rows).toEqual([["5050"]]);
    return true;
  }, "others are answered");
}

/** What others ask for while the statement runs; each must be answered, and right. */
async function serveOthers(server: TestServer, isOver: () => boolean): Promise<number> {
  let served = 0;
  for (; !isOver() || served === 0; served += 1) {
    expect(await server.root.rows("SELECT n FROM app.t WHERE id = 7")).toEqual([[7]]);
    await expectSum(server);
    await server.root.sql("INSERT INTO app.t VALUES ($1, 0)", [String(1000 + served)]);
  }
  return served;
}

interface Stopped {
  readonly code: string;
  /** The process that the statement kept busy. */
  readonly pid: number;
  readonly cpuTicks: number;
  readonly peakBytes: number;
}

async function runAway(server: TestServer, sql: string): Promise<Stopped> {
  const before = queryProcesses();
  let isOver = false;
  const failing = server.root.fails(sql).finally(() => {
    isOver = true;
  });
  const others = serveOthers(server, () => isOver);
  const used = new Map<number, { ticks: number; peakBytes: number }>();
  while (!isOver) {
    for (const [pid, usage] of queryProcesses()) {
      const ticks = usage.cpuTicks - (before.get(pid)?.cpuTicks ?? 0);
      const peakBytes = Math.max(used.get(pid)?.peakBytes ?? 0, usage.residentBytes);
      used.set(pid, { ticks, peakBytes });
    }
    await Bun.sleep(10);
  }
  const { code, reason } = await failing;
  expect(await others).toBeGreaterThan(0);
  const left = queryProcesses();
  const [[pid, most] = [0, { ticks: 0, peakBytes: 0 }]] = [...used]
    .filter(([each]) => !left.has(each))
    .sort(([, a], [, b]) => b.ticks - a.ticks);
  return { code: reason ?? code, pid, cpuTicks: most.ticks, peakBytes: most.peakBytes };
}

test.each([
  [
    "a recursion without an end",
    "WITH RECURSIVE n(i) AS (SELECT 1::bigint UNION ALL SELECT (i + 1) % 1000000 FROM n) SELECT count(*) FROM n",
  ],
  [
    "a join of everything with everything",
    "SELECT count(*) FROM generate_series(1, 3000) AS a(x), generate_series(1, 3000) AS b(y), generate_series(1, 3000) AS c(z) WHERE (x * y + z) % 7 = 8",
  ],
])("AU-04 %s is stopped at the deadline, its process with it", async (_what, sql) => {
  await using server = await open({ "query.timeout_ms": 2_000 });
  let stopped: Stopped;
  // On a busy machine the deadline may come before the process had any of the processor: then there was nothing to stop.
  do {
    stopped = await runAway(server, sql);
    expect(stopped.code).toBe("STATEMENT_TIMEOUT");
  } while (stopped.cpuTicks === 0);
  // It was at work and is no more: neither it nor anything else works on.
  expect(queryProcesses().has(stopped.pid)).toBe(false);
  await allIdle();
  expect(queryProcesses().has(stopped.pid)).toBe(false);
  await expectSum(server);
});

test.each([
  [
    "a sort of more than fits",
    "SELECT x FROM (SELECT md5(g::text) || repeat('x', 1000) AS x FROM generate_series(1, 1000000) AS s(g)) AS t ORDER BY x OFFSET 999999",
  ],
  [
    "a recursion that keeps its rows",
    "WITH RECURSIVE n(i, x) AS (SELECT 1, '' UNION SELECT i + 1, repeat('y', 1000) || i FROM n) SELECT count(*) FROM n",
  ],
])("AU-04 %s is stopped at the memory limit, and the memory is given back", async (_what, sql) => {
  await using server = await open({ "query.timeout_ms": 100_000, "query.memory_limit_bytes": MEMORY_LIMIT });
  const stopped = await runAway(server, sql);
  expect(stopped.code).toBe("OUT_OF_MEMORY");
  await allIdle();
  const left = [...queryProcesses().values()];
  expect(left.length).toBeGreaterThan(0);
  // The process is gone, or has given back what it took.
  for (const { residentBytes } of left) expect(residentBytes).toBeLessThan(MEMORY_LIMIT);
  await expectSum(server);
});
