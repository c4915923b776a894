// OP-03 end to end: a server under load is backed up by SQL, restored by the command, and started; and the reverse of each.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

/** Several servers and programs are started, maybe on a busy machine. */
interface Folders extends AsyncDisposable {
  readonly root: string;
}

async function folders(): Promise<Folders> {
  const root = await mkdtemp(join(tmpdir(), "kalamdb-e2e-backup-"));
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

async function jobEnds(server: TestServer, id: string): Promise<readonly unknown[]> {
  for (;;) {
    const [row = []] = await server.root.rows(
      "SELECT status, message, progress, memory_used, cpu_used, result FROM system.jobs WHERE job_id = $1",
      [id],
    );
    if (row[0] !== "pending" && row[0] !== "running") return row;
    await Bun.sleep(10);
  }
}

async function startJob(server: TestServer, sql: string): Promise<string> {
  const { message = "" } = await server.root.sql(sql);
  const id = /Job ID: ([A-Z]{2}-[0-9a-f]{12})$/.exec(message)?.[1];
  if (id === undefined) throw new Error(message);
  return id;
}

async function command(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

/** Pairs of rows, each pair in one transaction, until told to stop; answers how many were acknowledged. */
async function writePairs(user: TestUser, isOver: () => boolean): Promise<number> {
  let pairs = 0;
  while (!isOver()) {
    const [a, b] = [2 * pairs, 2 * pairs + 1];
    await user.sql(`BEGIN; INSERT INTO app.notes VALUES (${a}, 'a'); INSERT INTO app.notes VALUES (${b}, 'b'); COMMIT`);
    pairs += 1;
  }
  return pairs;
}

test("OP-03 a backup under load, restored and started, is the database as of one commit", async () => {
  await using at = await folders();
  await using server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql(
    "CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT) WITH (FLUSH_POLICY = 'rows:40'); CREATE SHARED TABLE app.gone (id BIGINT PRIMARY KEY)",
  );
  await server.root.sql("INSERT INTO app.gone VALUES (1)");
  const users = await Promise.all(["ann", "ben", "cleo"].map((name) => server.user(name)));
  let isOver = false;
  const writing = users.map((user) => writePairs(user, () => isOver));
  await Bun.sleep(700);
  const before = await Promise.all(users.map((user) => user.rows("SELECT count(*) FROM app.notes")));
  const target = join(at.root, "backup");
  const id = await startJob(server, `BACKUP DATABASE TO '${target}'`);
  const second = await startJob(server, `BACKUP DATABASE TO '${target}'`).catch(() => id);
  expect(second).toBe(id);
  await server.root.sql("DROP TABLE app.gone");
  await startJob(server, "STORAGE FLUSH TABLE app.notes").catch(() => "");
  const [status, message, progress, memory, cpu] = await jobEnds(server, id);
  expect(status).toBe("completed");
  expect(message).toStartWith(`Backed up the database to '${target}' (`);
  expect(progress).toBe(1);
  expect(Number(memory)).toBeGreaterThan(1_000_000);
  expect(Number(cpu)).toBeGreaterThan(0);
  isOver = true;
  await Promise.all(writing);
  const dataDir = join(at.root, "data");
  expect(await command("restore", "--from", target, "--verify")).toMatchObject({ code: 0 });
  expect(await command("restore", "--from", target, "--data-dir", dataDir)).toMatchObject({ code: 0 });
  await using restored = await startTestServer({}, { folder: dataDir });
  for (const [index, { name }] of users.entries()) {
    const user = await restored.login(name, `pass-word-${name}-1`);
    const rows = await user.rows("SELECT id FROM app.notes ORDER BY id");
    expect(rows.length % 2).toBe(0);
    expect(rows.length).toBeGreaterThanOrEqual(Number(before[index]?.[0]?.[0]));
    expect(rows.map(([key]) => Number(key))).toEqual(Array.from(rows, (_, position) => position));
    // Tokens of the old server are good: its secret is in the backup.
    await user.sql("INSERT INTO app.notes VALUES (1000000, 'after')");
  }
  expect(await command("restore", "--from", target, "--data-dir", dataDir)).toMatchObject({ code: 1 });
});

test("ST-08 memory_used of a backup is its own process's, not that of the server, which started it", async () => {
  await using at = await folders();
  await using server = await startTestServer();
  const ofTheServer = Buffer.alloc(400 * 1024 * 1024, 1);
  const id = await startJob(server, `BACKUP DATABASE TO '${join(at.root, "backup")}'`);
  const [status, , , memory] = await jobEnds(server, id);
  expect(status).toBe("completed");
  expect(Number(memory)).toBeGreaterThan(1_000_000);
  expect(Number(memory)).toBeLessThan(ofTheServer.byteLength);
});

test("OP-03 the command backs up a folder no server runs on, and says what to do about one that is in use", async () => {
  await using at = await folders();
  await using server = await startTestServer();
  const target = join(at.root, "backup");
  const inUse = await command("backup", "--data-dir", server.folder, "--to", target);
  expect(inUse.code).toBe(1);
  expect(inUse.output).toContain("in use");
  expect(existsSync(target)).toBe(false);
  await server.root.sql("CREATE NAMESPACE app");
  await server.stop();
  expect(await command("backup", "--data-dir", server.folder, "--to", target)).toMatchObject({ code: 0 });
  expect(await command("restore", "--from", target, "--verify")).toMatchObject({ code: 0 });
  expect(await command("backup", "--to")).toMatchObject({
    code: 2,
    output: expect.stringContaining("kalamdb backup"),
  });
  expect(await command("restore", "--from", at.root, "--data-dir", join(at.root, "x"))).toMatchObject({ code: 1 });
});

test("OP-03 only administrators make backups, only into folders that may be one, and no server restores over itself", async () => {
  await using server = await startTestServer();
  const user = await server.user("ann", "service");
  expect(await user.fails("BACKUP DATABASE TO 'monday'")).toMatchObject({ http: 403 });
  expect(await user.fails("RESTORE DATABASE FROM 'monday'")).toMatchObject({ http: 403 });
  for (const target of ["../x", "/etc/x", server.folder, join(server.folder, "storage", "x")]) {
    const { reason, code } = await server.root.fails(`BACKUP DATABASE TO '${target}'`);
    expect(reason ?? code).toBe("INVALID_INPUT");
  }
  // With the folder as BACKUP understands it, wherever the command is run.
  expect(await server.root.fails("RESTORE DATABASE FROM 'monday'")).toMatchObject({
    hint: expect.stringContaining(`kalamdb restore --from '${join(server.folder, "backups", "monday")}'`),
  });
  const id = await startJob(server, "BACKUP DATABASE TO 'monday'");
  expect(await jobEnds(server, id)).toMatchObject({ 0: "completed" });
  expect(existsSync(join(server.folder, "backups", "monday", "backup.json"))).toBe(true);
  const again = await startJob(server, "BACKUP DATABASE TO 'monday'");
  expect(await jobEnds(server, again)).toMatchObject({ 0: "failed", 1: expect.stringContaining("not empty") });
  expect(existsSync(join(server.folder, "backups", "monday", "backup.json"))).toBe(true);
});
