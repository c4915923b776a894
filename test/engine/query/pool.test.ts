import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseUserId, SHARED_SCOPE, scopeOfUser } from "../../../src/base/ids.ts";
import { residentBytes } from "../../../src/engine/query/process-limits.ts";
import { BIGINT, INT, JSON_TYPE, TEXT } from "../../../src/model/sql-type.ts";
import { rejection } from "../../storage/cold/rejection.ts";
import { ALICE, BOB, createTable, write } from "../../storage/open-test-store.ts";
import { until } from "../../support/until.ts";
import { openQueryFixture, relationOf, tableRequest, textRequest, versionsOf } from "./query-fixture.ts";

// Processes start in each test; a busy machine takes its time.
const RUNAWAY = textRequest("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");

/** Gone, or a zombie whose parent has not collected it yet: neither takes CPU time. */
async function isGone(pid: number): Promise<boolean> {
  const text = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => undefined);
  if (text === undefined) return true;
  return text.slice(text.lastIndexOf(")") + 2).startsWith("Z");
}

/** What a process holds that has done next to nothing. */
async function residentAfterOneQuery(): Promise<number> {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  await until(() => fixture.pool.stats.ready === 1);
  await fixture.pool.run(textRequest("SELECT '1'"));
  const [pid = 0] = fixture.pool.pids;
  return residentBytes(pid) ?? 0;
}

describe("answers", () => {
  test("TB-14 JSON rows come as the wire has them, however many chunks they took", async () => {
    await using fixture = openQueryFixture();
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT CAST(i AS TEXT), 'row "' || i || '"', i % 2 = 0 FROM n`;
    const output = [BIGINT, TEXT, { kind: "boolean" }] as const;
    const { json, rowCount } = await fixture.pool.run(textRequest(sql, { output }));
    const rows: unknown = JSON.parse(json);
    expect(rowCount).toBe(20_000);
    expect(rows).toEqual(
      Array.from({ length: 20_000 }, (_unused, i) => [String(i + 1), `row "${i + 1}"`, (i + 1) % 2 === 0]),
    );
  });

  test("TB-14 no rows are an empty array", async () => {
    await using fixture = openQueryFixture();
    expect(await fixture.pool.run(textRequest("SELECT 1 WHERE false"))).toMatchObject({ json: "[]", rowCount: 0 });
  });

  test("TB-14 a result over the cap is an error that says so, and the process goes on", async () => {
    await using fixture = openQueryFixture({ pool: { maxResultBytes: 100_000 } });
    const big =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT hex(zeroblob(500)) FROM n";
    for (const format of ["json", "cells"] as const) {
      const request = { ...textRequest(big, { output: [TEXT] }), format };
      expect(await rejection(fixture.pool.run(request))).toMatchObject({
        code: "RESULT_TOO_LARGE",
        message: expect.stringContaining("100000"),
      });
    }
    expect(await fixture.pool.run(textRequest("SELECT '7'"))).toMatchObject({ json: '[["7"]]' });
    expect(fixture.pool.stats).toMatchObject({ killed: 0, died: 0 });
  });

  test("TB-05 an integer parameter arrives as an integer, and one the text has no place for is left out", async () => {
    await using fixture = openQueryFixture();
    const request = textRequest("SELECT ?1 / 2, typeof(?1)", { values: [7, "spare"], output: [INT, TEXT] });
    expect((await fixture.pool.run(request)).json).toBe('[[3,"integer"]]');
  });

  test("TB-08 a system view reads the rows it was given", async () => {
    await using fixture = openQueryFixture();
    const request = {
      ...textRequest("", { output: [TEXT, INT, JSON_TYPE] }),
      sql: ["SELECT r0.v0, r0.v1, r0.v2 FROM ", 0, " AS r0 ORDER BY r0.v1"],
      relations: [{ kind: "view", columns: 3, rowsParameter: 1 }] as const,
      values: ['[["b\\"x",2,null],["a",1,"{}"]]'],
    };
    expect((await fixture.pool.run(request)).json).toBe('[["a",1,"{}"],["b\\"x",2,null]]');
  });

  test("ST-05 rows and position come from one committed state", async () => {
    await using fixture = openQueryFixture();
    const { store, pool } = fixture;
    const table = await createTable(store.current, "notes", "shared");
    const { writer } = store.current;
    const { position } = await writer.submit((tx) => write(tx, { table, scope: SHARED_SCOPE, cells: [1n, "x"] }));
    const pending: Promise<unknown>[] = [];
    for (let i = 2n; i < 200n; i += 1n) {
      const cells = [i, "x"];
      pending.push(writer.submit((tx) => write(tx, { table, scope: SHARED_SCOPE, cells })));
      if (i % 20n !== 0n) continue;
      const result = await pool.run(tableRequest({ schema: table, scope: SHARED_SCOPE }));
      const last = versionsOf(result.rows).at(-1);
      expect(last?.seq).toBe(result.position);
      expect(result.position >= position).toBe(true);
    }
    await Promise.all(pending);
  });
});

describe("a query that goes wrong", () => {
  test("AU-04 a runaway query is stopped at its deadline: its process is gone, and the next query is answered", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    await until(() => pool.stats.ready === 1);
    const before = new Set(pool.pids);
    expect(await rejection(pool.run(RUNAWAY, { timeoutMs: 200 }))).toMatchObject({
      code: "STATEMENT_TIMEOUT",
      message: "canceling statement due to statement timeout",
    });
    expect((await pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
    const [killed] = [...before].filter((pid) => !pool.pids.includes(pid));
    expect(killed).toBeDefined();
    await until(() => isGone(killed ?? 0));
    expect(pool.stats).toMatchObject({ killed: 1, died: 0, running: 0 });
  });

  test("AU-04 one process is enough for short queries; one that takes its time has a spare started, which takes over", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    await until(() => pool.stats.ready === 1);
    const before = pool.pids;
    for (let asked = 0; asked < 20; asked += 1) await pool.run(textRequest("SELECT '1'"));
    const busy = new AbortController();
    const running = rejection(pool.run(RUNAWAY, { signal: busy.signal }));
    await until(() => pool.stats.ready === 2);
    const [spare = 0] = pool.pids.filter((pid) => !before.includes(pid));
    busy.abort();
    expect(await running).toMatchObject({ code: "STATEMENT_TIMEOUT" });
    expect((await pool.run(textRequest("SELECT '2'"))).json).toBe('[["2"]]');
    // On a busy machine a short query takes its time too, and has a spare of its own.
    expect([pool.pids[0], pool.pids.some((pid) => before.includes(pid))]).toEqual([spare, false]);
  });

  test("AU-04 each query that takes its time has a spare started, up to one more than may run", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 3 } });
    const { pool } = fixture;
    const busy = new AbortController();
    const running: Promise<unknown>[] = [];
    for (let count = 1; count <= 3; count += 1) {
      running.push(rejection(pool.run(RUNAWAY, { signal: busy.signal })));
      await until(() => pool.stats.ready === count + 1, `${count + 1} processes`);
    }
    expect(pool.stats).toMatchObject({ running: 3, processes: 4 });
    busy.abort();
    await Promise.all(running);
  });

  test("AU-04 a caller that goes away stops its query, running or waiting", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    const running = new AbortController();
    const waiting = new AbortController();
    const first = rejection(pool.run(RUNAWAY, { signal: running.signal }));
    await until(() => pool.stats.running === 1);
    const second = rejection(pool.run(RUNAWAY, { signal: waiting.signal }));
    waiting.abort();
    expect(await second).toMatchObject({ code: "STATEMENT_TIMEOUT" });
    expect(pool.stats).toMatchObject({ running: 1, waiting: 0, killed: 0 });
    running.abort();
    expect(await first).toMatchObject({ code: "STATEMENT_TIMEOUT" });
    expect(await rejection(pool.run(RUNAWAY, { signal: running.signal }))).toMatchObject({ code: "STATEMENT_TIMEOUT" });
    expect((await pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
    expect(pool.stats.killed).toBe(1);
  });

  test("AU-04 a deadline also ends a call that still waits", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    const controller = new AbortController();
    const running = rejection(pool.run(RUNAWAY, { signal: controller.signal }));
    const waiting = await rejection(pool.run(textRequest("SELECT 1"), { timeoutMs: 50 }));
    expect(waiting).toMatchObject({ code: "STATEMENT_TIMEOUT" });
    controller.abort();
    await running;
  });

  test("AU-04 one call more than may wait is refused", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1, maxQueue: 2 } });
    const { pool } = fixture;
    const controller = new AbortController();
    const running = rejection(pool.run(RUNAWAY, { signal: controller.signal }));
    await until(() => pool.stats.running === 1);
    const waiting = [pool.run(textRequest("SELECT '1'")), pool.run(textRequest("SELECT '2'"))];
    expect(await rejection(pool.run(textRequest("SELECT '3'")))).toMatchObject({ code: "SERVER_BUSY" });
    controller.abort();
    await running;
    expect((await Promise.all(waiting)).map(({ json }) => json)).toEqual(['[["1"]]', '[["2"]]']);
  });

  test("AU-04 a string that grows without bound ends in OUT_OF_MEMORY, and the pool goes on", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const bomb = textRequest("SELECT length(hex(zeroblob(400000000)))");
    expect(await rejection(fixture.pool.run(bomb))).toMatchObject({ code: "OUT_OF_MEMORY" });
    expect((await fixture.pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
  });

  test("AU-04 a sort of more rows than fit ends in OUT_OF_MEMORY and writes no temporary file", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000)
SELECT substr(r, 1, 1) FROM (SELECT hex(randomblob(500)) AS r FROM n) ORDER BY r LIMIT 1 OFFSET 3999999`;
    expect(await rejection(fixture.pool.run(textRequest(sql, { output: [TEXT] })))).toMatchObject({
      code: "OUT_OF_MEMORY",
    });
    expect((await fixture.pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
  });

  test("AU-04 a process that a query left nearly full is replaced, so that the next query has the whole limit", async () => {
    const usual = await residentAfterOneQuery();
    // Under the limit, and over three quarters of it.
    const memoryLimitBytes = Math.round(usual / 0.95);
    await using fixture = openQueryFixture({ pool: { processes: 1, memoryLimitBytes } });
    const { pool } = fixture;
    await until(() => pool.stats.ready === 1);
    const before = pool.pids;
    expect((await pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
    expect(pool.stats.killed).toBe(1);
    expect(pool.pids.filter((pid) => before.includes(pid))).toHaveLength(0);
  });

  test("AU-04 a process that the system kills fails its query as out of memory, and others take over", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    const failed = rejection(pool.run(RUNAWAY));
    await until(() => pool.stats.running === 1 && pool.stats.processes === 2);
    const { pids } = pool;
    for (const pid of pids) process.kill(pid, "SIGKILL");
    expect(await failed).toMatchObject({ code: "OUT_OF_MEMORY" });
    await until(() => pool.stats.died === 2);
    expect((await pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
    expect(pool.pids.some((pid) => pids.includes(pid))).toBe(false);
  });

  test("ST-10 a process leaves the signals of its terminal to the server", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    await until(() => pool.stats.ready === 1);
    const [first = 0] = pool.pids;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(first, signal);
    expect((await pool.run(textRequest("SELECT '2'"))).json).toBe('[["2"]]');
    expect(pool.stats.died).toBe(0);
    expect(pool.pids).toContain(first);
  });

  test("TB-12 what a SQL function refuses reaches the caller with its code, position and hint", async () => {
    await using fixture = openQueryFixture();
    expect(await rejection(fixture.pool.run(textRequest("SELECT refuse('x')")))).toMatchObject({
      code: "INVALID_VALUE",
      message: "refused x",
      position: 3,
      hint: "do not",
    });
  });

  test("AU-04 a closed pool rejects what runs, what waits and what comes, and leaves no process", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { pool } = fixture;
    const outcomes = [rejection(pool.run(RUNAWAY)), rejection(pool.run(RUNAWAY))];
    await until(() => pool.stats.running === 1);
    const { pids } = pool;
    await pool.close();
    for (const outcome of [...outcomes, rejection(pool.run(RUNAWAY))]) {
      expect(await outcome).toMatchObject({ code: "SHUTTING_DOWN" });
    }
    for (const pid of pids) expect(await isGone(pid)).toBe(true);
  });
});

test("AU-04 a query process dies with the server, even when both are busy and the server is killed", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const { path } = fixture.store.current;
  const server = Bun.spawn([process.execPath, join(import.meta.dir, "doomed-server.ts"), path, fixture.storageDir], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  const pids: unknown = JSON.parse(new TextDecoder().decode(value));
  expect(pids).toBeArrayOfSize(2);
  server.kill("SIGKILL");
  await server.exited;
  for (const pid of Array.isArray(pids) ? pids : []) await until(() => isGone(Number(pid)));
});

describe("what a query process will not do", () => {
  test.each([
    ["attach another database", "ATTACH DATABASE '%' AS other"],
    ["write a copy of the database", "VACUUM INTO '%'"],
    ["change a setting", "PRAGMA query_only = 0"],
    ["read a setting as a table", "SELECT * FROM pragma_table_info('users')"],
    ["make a temporary table", "CREATE TEMP TABLE t (x)"],
    ["write a row", "INSERT INTO namespaces VALUES ('x', 1)"],
    ["delete rows", "DELETE FROM namespaces"],
    ["end the transaction it runs in", "COMMIT"],
    ["start another", "SAVEPOINT s"],
    ["load code", "SELECT load_extension('%')"],
    ["count users", "SELECT count(*) FROM users"],
    ["count the rows of a table that is not its own", "SELECT count(*) FROM hot_1"],
    ["read password hashes", "SELECT password_hash FROM users"],
    ["read the schema", "SELECT sql FROM sqlite_schema"],
    ["read the catalog", "SELECT definition FROM table_versions"],
  ])("TB-03 it refuses to %s", async (_why, sql) => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    await createTable(fixture.store.current, "notes");
    const target = join(fixture.store.dataDir, "made-by-a-query");
    const request = textRequest(sql.replace("%", target), { output: [TEXT] });
    expect(await rejection(fixture.pool.run(request))).toMatchObject({
      code: "SQL_EXECUTION_ERROR",
      message: expect.stringMatching(/^not authorized|is prohibited$|^cannot VACUUM from within a transaction/),
    });
    expect(existsSync(target)).toBe(false);
    expect((await fixture.pool.run(textRequest("SELECT '1'"))).json).toBe('[["1"]]');
  });

  test("TB-03 it reads no buffered table that the request does not name", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { store, pool } = fixture;
    const mine = await createTable(store.current, "mine");
    const other = await createTable(store.current, "other");
    const request = {
      ...textRequest("", { output: [BIGINT] }),
      sql: ["SELECT count(*) FROM ", 0, ` AS r0, hot_${other.id}`],
      values: ["alice"],
      relations: [relationOf({ schema: mine, scope: ALICE })],
    };
    expect(await rejection(pool.run(request))).toMatchObject({ code: "SQL_EXECUTION_ERROR" });
  });

  test("TB-03 a scope sees its own rows only, buffered or flushed", async () => {
    await using fixture = openQueryFixture({ pool: { processes: 1 } });
    const { store, pool, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    const { writer } = store.current;
    for (const scope of [ALICE, BOB]) {
      await writer.submit((tx) => write(tx, { table, scope, cells: [1n, `${scope}'s flushed`] }));
      await flusher.flushScope({ schema: table, scope, upTo: writer.position });
      await writer.submit((tx) => write(tx, { table, scope, cells: [2n, `${scope}'s buffered`] }));
    }
    for (const scope of [ALICE, BOB, scopeOfUser(parseUserId("eve"))]) {
      const { rows } = await pool.run(tableRequest({ schema: table, scope, includeDeleted: true }));
      const bodies = rows.map((row) => row[3]);
      expect(bodies).toEqual(scope === "eve" ? [] : [`${scope}'s flushed`, `${scope}'s buffered`]);
    }
  });
});
