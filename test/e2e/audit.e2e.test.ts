// AU-05: administrators' actions are kept, without secrets, over restarts, within a bound; what users do with their rows is not.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const SECRET = "hunter2-hunter2-hunter2";
let folder: string;
let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-test-"));
  server = await startTestServer({}, { folder });
  alice = await server.user("alice");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** actor, action, target, status of what came after `count` entries, oldest first. */
async function entriesAfter(count: number): Promise<unknown[][]> {
  const rows = await server.root.rows(
    "SELECT actor_user_id, action, target, status FROM system.audit_log ORDER BY timestamp, length(audit_id), audit_id",
  );
  return rows.slice(count) as unknown[][];
}

async function countEntries(): Promise<number> {
  return Number((await server.root.rows("SELECT count(*) FROM system.audit_log"))[0]?.[0]);
}

test.each<[sql: string, by: "root" | "alice", expected: string[] | undefined]>([
  ["CREATE NAMESPACE app", "root", ["root", "CREATE_NAMESPACE", "namespace:app", "ok"]],
  ["CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, a TEXT)", "root", ["root", "CREATE_TABLE", "table:app.t", "ok"]],
  ["ALTER TABLE app.t ADD COLUMN b TEXT", "root", ["root", "ALTER_TABLE", "table:app.t", "ok"]],
  ["ALTER TABLE app.t DROP COLUMN nope", "root", ["root", "ALTER_TABLE", "table:app.t", "failed"]],
  ["DROP TABLE app.t", "alice", ["alice", "DROP_TABLE", "table:app.t", "denied"]],
  [`CREATE USER bob WITH PASSWORD '${SECRET}'`, "root", ["root", "CREATE_USER", "user:bob", "ok"]],
  [`ALTER USER bob SET PASSWORD '${SECRET}-2'`, "root", ["root", "ALTER_USER", "user:bob", "ok"]],
  [`CREATE USER bob WITH PASSWORD '${SECRET}'`, "alice", ["alice", "CREATE_USER", "user:bob", "denied"]],
  ["CREATE API KEY k FOR bob", "root", ["root", "CREATE_API_KEY", "api_key:k", "ok"]],
  ["EXECUTE AS USER bob (SELECT 1)", "root", ["root", "EXECUTE_AS_USER", "user:bob", "ok"]],
  ["EXECUTE AS USER bob (SELECT 2)", "root", undefined],
  ["EXECUTE AS USER root (SELECT 1)", "alice", ["alice", "EXECUTE_AS_USER_DENIED", "user:root", "denied"]],
  ["KILL JOB 'none'", "root", ["root", "KILL_JOB", "job:none", "failed"]],
  ["STORAGE FLUSH TABLE app.t", "root", ["root", "FLUSH_TABLE", "table:app.t", "ok"]],
  ["DROP USER bob", "root", ["root", "DROP_USER", "user:bob", "ok"]],
  ["INSERT INTO app.t VALUES (1, 'x')", "alice", undefined],
  ["SELECT * FROM app.t", "alice", undefined],
  ["SHOW TABLES", "alice", undefined],
  ["DESCRIBE TABLE app.t", "alice", undefined],
  ["DROP TABLE app.t", "root", ["root", "DROP_TABLE", "table:app.t", "ok"]],
])("AU-05 %s by %s is kept as %p", async (sql, by, expected) => {
  const before = await countEntries();
  await (by === "root" ? server.root : alice).send(sql);
  expect(await entriesAfter(before)).toEqual(expected === undefined ? [] : [expected]);
});

test("AU-05 the text is kept without its secrets, with the client's address", async () => {
  const rows = await server.root.rows(
    "SELECT details, ip_address, subject_user_id FROM system.audit_log WHERE action = 'CREATE_USER' AND status = 'ok' AND target = 'user:bob'",
  );
  expect(rows).toEqual([[`{"sql":"CREATE USER bob WITH PASSWORD '***'"}`, "127.0.0.1", "bob"]]);
  expect(JSON.stringify(await server.root.rows("SELECT * FROM system.audit_log"))).not.toContain("hunter2");
});

test("AU-05 logins of administrators and lockouts are kept, logins of users are not", async () => {
  const before = await countEntries();
  await server.login("alice", "pass-word-alice-1");
  await server.login("root", "correct-horse-battery-42");
  for (let attempt = 0; attempt < 6; attempt += 1) await server.login("alice", "wrong").catch(() => undefined);
  expect(await entriesAfter(before)).toEqual([
    ["root", "LOGIN", "user:root", "ok"],
    ["alice", "ACCOUNT_LOCKED", "user:alice", "denied"],
  ]);
});

test("AU-05 a refresh token that is used again is kept with the address it came from", async () => {
  await server.user("dora");
  const post = (path: string, token: string | undefined, body: string | null) =>
    fetch(`${server.url}/v1/api/auth/${path}`, {
      method: "POST",
      body,
      headers: {
        "x-forwarded-for": "198.51.100.7",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    }).then((response) => response.json() as Promise<{ refresh_token?: string }>);
  const credentials = JSON.stringify({ user: "dora", password: "pass-word-dora-1" });
  const { refresh_token: first } = await post("login", undefined, credentials);
  const { refresh_token: second } = await post("refresh", first, null);
  await post("refresh", second, null);
  expect(await post("refresh", first, null)).toMatchObject({ error: "unauthorized" });
  const rows = await server.root.rows(
    "SELECT target, status, ip_address FROM system.audit_log WHERE action = 'REFRESH_TOKEN_REUSED'",
  );
  expect(rows).toEqual([["user:dora", "denied", "198.51.100.7"]]);
});

test("AU-05 nobody but an administrator reads it, and nobody writes it", async () => {
  const user = await server.user("carol", "service");
  expect((await user.fails("SELECT * FROM system.audit_log")).message).toContain("System tables require");
  for (const sql of ["DELETE FROM system.audit_log WHERE true", "INSERT INTO system.audit_log (action) VALUES ('x')"]) {
    await server.root.fails(sql);
  }
});

test("AU-05 entries outlive a restart, and the oldest make room", async () => {
  const before = await countEntries();
  await server.stop();
  server = await startTestServer({ "audit.max_entries": 5 }, { folder });
  // The login of this start.
  expect(await countEntries()).toBe(Math.min(before + 1, 5));
  for (const name of ["one", "two", "three"]) await server.root.sql(`CREATE NAMESPACE ${name}`);
  expect(await countEntries()).toBe(5);
  const targets = (await entriesAfter(0)).map(([, , target]) => target);
  expect(targets.slice(-3)).toEqual(["namespace:one", "namespace:two", "namespace:three"]);
});
