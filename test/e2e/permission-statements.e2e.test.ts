// TB-11: who may run which statement, by the table of statements in specs/sql.md, and what a refusal tells: nothing, not even whether the thing it names is there.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { StatementKind } from "../../src/auth/access.ts";
import { PeerClient } from "../support/peer-client.ts";
import { ACCOUNT_ROLES, type AccountRole, mayRun } from "../support/permission-policy.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

/** One of each kind, with its name in the table. `n` is another number each time; what is named need not be there. */
const STATEMENTS: Record<StatementKind, readonly [name: string, sql: (n: number) => string]> = {
  select: ["SELECT", () => "SELECT 1"],
  insert: ["INSERT", (n) => `INSERT INTO app.notes VALUES (${n}, 'x')`],
  update: ["UPDATE", (n) => `UPDATE app.notes SET body = 'x' WHERE id = ${n}`],
  delete: ["DELETE", (n) => `DELETE FROM app.notes WHERE id = ${n}`],
  explain: ["EXPLAIN", () => "EXPLAIN SELECT 1"],
  createTable: ["CREATE TABLE", (n) => `CREATE USER TABLE app.made${n} (id BIGINT PRIMARY KEY)`],
  alterTable: ["ALTER TABLE", (n) => `ALTER TABLE app.notes ADD COLUMN more${n} INT`],
  dropTable: ["DROP TABLE", (n) => `DROP TABLE IF EXISTS app.gone${n}`],
  truncate: ["TRUNCATE", () => "TRUNCATE app.notes"],
  clearCache: ["CLEAR CACHE", () => "CLEAR CACHE"],
  showCreate: ["SHOW CREATE", () => "SHOW CREATE TABLE app.notes"],
  createIndex: ["CREATE INDEX", (n) => `CREATE INDEX made${n} ON app.notes (body, id)`],
  dropIndex: ["DROP INDEX", (n) => `DROP INDEX IF EXISTS app.gone${n}`],
  showIndexes: ["SHOW INDEXES", () => "SHOW INDEXES FROM app.notes"],
  createView: ["CREATE VIEW", (n) => `CREATE VIEW app.view${n} AS SELECT 1 AS one`],
  dropView: ["DROP VIEW", (n) => `DROP VIEW IF EXISTS app.gone${n}`],
  showViews: ["SHOW VIEWS", () => "SHOW VIEWS"],
  createNamespace: ["CREATE NAMESPACE", (n) => `CREATE NAMESPACE made${n}`],
  alterNamespace: ["ALTER NAMESPACE", () => "ALTER NAMESPACE app SET OPTIONS (note = 'x')"],
  dropNamespace: ["DROP NAMESPACE", (n) => `DROP NAMESPACE IF EXISTS gone${n}`],
  useNamespace: ["USE", () => "USE app"],
  showNamespaces: ["SHOW NAMESPACES", () => "SHOW NAMESPACES"],
  showTables: ["SHOW TABLES", () => "SHOW TABLES"],
  describeTable: ["DESCRIBE", () => "DESCRIBE app.notes"],
  showStorages: ["SHOW STORAGES", () => "SHOW STORAGES"],
  createStorage: ["CREATE STORAGE", (n) => `CREATE STORAGE s${n} TYPE filesystem PATH 's${n}'`],
  alterStorage: ["ALTER STORAGE", () => "ALTER STORAGE local SET DESCRIPTION 'here'"],
  dropStorage: ["DROP STORAGE", (n) => `DROP STORAGE IF EXISTS gone${n}`],
  checkStorage: ["STORAGE CHECK", () => "STORAGE CHECK local"],
  tableStats: ["SHOW TABLE STATS", () => "SHOW TABLE STATS app.notes"],
  begin: ["BEGIN", () => "BEGIN; COMMIT"],
  commit: ["COMMIT", () => "BEGIN; COMMIT"],
  rollback: ["ROLLBACK", () => "BEGIN; ROLLBACK"],
  flushTable: ["STORAGE FLUSH", () => "STORAGE FLUSH TABLE app.notes"],
  flushAll: ["STORAGE FLUSH", () => "STORAGE FLUSH ALL IN app"],
  exportUserData: ["EXPORT USER DATA", () => "EXPORT USER DATA"],
  showExport: ["SHOW EXPORT", () => "SHOW EXPORT"],
  backupDatabase: ["BACKUP DATABASE", () => "BACKUP DATABASE TO '/etc/refused'"],
  restoreDatabase: ["RESTORE DATABASE", () => "RESTORE DATABASE FROM 'refused'"],
  compactTable: ["STORAGE COMPACT", () => "STORAGE COMPACT TABLE app.notes"],
  compactAll: ["STORAGE COMPACT", () => "STORAGE COMPACT ALL IN app"],
  killConnection: ["KILL CONNECTION", () => "KILL CONNECTION 'none'"],
  killLiveQuery: ["KILL LIVE QUERY", () => "KILL LIVE QUERY 'none-of-these'"],
  killJob: ["KILL JOB", () => "KILL JOB 'none'"],
  subscribe: ["SUBSCRIBE TO", () => "SUBSCRIBE TO app.notes"],
  createUser: ["CREATE USER", (n) => `CREATE USER made${n} WITH INTERNAL`],
  alterUser: ["ALTER USER", () => "ALTER USER other SET EMAIL 'other@example.com'"],
  dropUser: ["DROP USER", (n) => `DROP USER IF EXISTS gone${n}`],
  insertUser: [
    "INSERT INTO system.users",
    (n) => `INSERT INTO system.users (user_id, password) VALUES ('row${n}', 'correct-horse-${n}')`,
  ],
  updateUser: ["UPDATE system.users", () => "UPDATE system.users SET email = 'o@example.com' WHERE user_id = 'other'"],
  deleteUser: ["DELETE FROM system.users", (n) => `DELETE FROM system.users WHERE user_id = 'gone${n}'`],
  createApiKey: ["CREATE API KEY", (n) => `CREATE API KEY key${n}`],
  dropApiKey: ["DROP API KEY", (n) => `DROP API KEY IF EXISTS gone${n}`],
  showApiKeys: ["SHOW API KEYS", () => "SHOW API KEYS"],
  executeAs: ["EXECUTE AS USER", () => "EXECUTE AS USER 'nobody' (SELECT 1)"],
};

let server: TestServer;
let users: Record<AccountRole, TestUser>;
let watcher: PeerClient;
let liveId: string;
let connectionId: string;
let jobId: string;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app; CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await server.root.sql(
    "CREATE VIEW app.there AS SELECT 1 AS one; CREATE USER other WITH INTERNAL ROLE service; CREATE API KEY held FOR other",
  );
  users = {
    user: await server.user("ursula"),
    service: await server.user("sven", "service"),
    dba: await server.user("dora", "dba"),
    system: await server.user("sybil", "system"),
  };
  await users.dba.sql("INSERT INTO app.notes VALUES (1, 'x')");
  await server.root.sql("STORAGE FLUSH TABLE app.notes");
  watcher = new PeerClient({ url: server.url, token: users.dba.token });
  await watcher.connect();
  watcher.subscribe("s1", "SELECT * FROM app.notes");
  await watcher.until(() => watcher.isReady("s1"));
  const [[live, connection] = []] = await server.root.rows("SELECT live_id, connection_id FROM system.live");
  const [[job] = []] = await server.root.rows("SELECT job_id FROM system.jobs");
  [liveId, connectionId, jobId] = [String(live), String(connection), String(job)];
});

afterAll(async () => {
  await watcher[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

let next = 100;

test.each(Object.entries(STATEMENTS))(
  "TB-11 %s is for the roles of its row, and for no other",
  async (kind, [name, sql]) => {
    const may: AccountRole[] = [];
    for (const role of ACCOUNT_ROLES) {
      next += 1;
      const { http, error } = await users[role].send(sql(next));
      expect(http).toBeLessThan(500);
      if (error?.code !== "PERMISSION_DENIED") may.push(role);
      else
        expect({ role, http, message: error.message }).toMatchObject({
          http: 403,
          message: expect.stringContaining("failed: "),
        });
    }
    // A user may execute as nobody else.
    expect(may).toEqual(kind === "executeAs" ? ["service", "dba", "system"] : [...mayRun(name)]);
  },
);

test.each(Object.entries(STATEMENTS))(
  "AU-05 %s without credentials is refused before it is looked at",
  async (_kind, [, sql]) => {
    const answers = await Promise.all(
      [sql(1), "nonsense"].map(async (text) => {
        const response = await fetch(`${server.url}/v1/api/sql`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ sql: text }),
        });
        const body: unknown = await response.json();
        return { status: response.status, body: { ...(body as object), took: 0 } };
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ status: 401, body: { error: { code: "MISSING_AUTHORIZATION" } } });
  },
);

describe("TB-12 a refusal is the same whether what it names is there or not", () => {
  const pairs: readonly (readonly [
    sql: (name: string) => string,
    there: () => readonly string[],
    role: AccountRole,
  ])[] = [
    [(name) => `DROP TABLE app.${name}`, () => ["notes"], "user"],
    [(name) => `DROP TABLE IF EXISTS app.${name}`, () => ["notes"], "user"],
    [(name) => `DROP VIEW app.${name}`, () => ["there"], "user"],
    [(name) => `DROP NAMESPACE ${name}`, () => ["app"], "user"],
    [(name) => `STORAGE FLUSH TABLE app.${name}`, () => ["notes"], "user"],
    [(name) => `STORAGE CHECK ${name}`, () => ["local"], "service"],
    [(name) => `CREATE USER ${name} WITH INTERNAL`, () => ["other"], "user"],
    [(name) => `CREATE USER IF NOT EXISTS ${name} WITH INTERNAL`, () => ["other"], "service"],
    [(name) => `ALTER USER ${name} SET ROLE user`, () => ["other", "root", "dora"], "user"],
    [(name) => `ALTER USER ${name} SET PASSWORD 'correct-horse-1'`, () => ["other", "root"], "service"],
    [(name) => `DROP USER ${name}`, () => ["other", "root"], "service"],
    [(name) => `DELETE FROM system.users WHERE user_id = '${name}'`, () => ["other", "root"], "service"],
    [(name) => `SELECT * FROM system.users WHERE user_id = '${name}'`, () => ["other"], "service"],
    [(name) => `EXECUTE AS USER '${name}' (SELECT 1)`, () => ["other", "root", "dora", "sven"], "user"],
    [(name) => `SHOW API KEYS FOR ${name}`, () => ["other", "root"], "service"],
    [(name) => `CREATE API KEY mine FOR ${name}`, () => ["other", "root"], "service"],
    [(name) => `DROP API KEY ${name} FOR other`, () => ["held"], "service"],
    [(name) => `DROP API KEY held FOR ${name}`, () => ["other", "root"], "user"],
    [(name) => `KILL CONNECTION '${name}'`, () => [connectionId], "service"],
    [(name) => `KILL JOB '${name}'`, () => [jobId], "service"],
    [(name) => `KILL LIVE QUERY '${name}'`, () => [liveId], "user"],
    [(name) => `KILL LIVE QUERY '${name}'`, () => [liveId], "service"],
  ];

  test.each(pairs.map(([sql, there, role]) => [sql("…"), role, sql, there] as const))(
    "%s, for a %s",
    async (_text, role, sql, there) => {
      const answer = async (name: string): Promise<unknown> => {
        const error = await users[role].fails(sql(name));
        return JSON.parse(JSON.stringify(error).replaceAll(name, "NAME"));
      };
      const missing = await answer("absent_one");
      for (const name of there()) expect(await answer(name)).toEqual(missing);
    },
  );

  test("nothing came of any of it", async () => {
    expect(watcher.closed).toBeUndefined();
    expect(await server.root.rows("SELECT live_id FROM system.live")).toEqual([[liveId]]);
    expect(await server.root.rows("SELECT role FROM system.users WHERE user_id = 'other'")).toEqual([["service"]]);
    expect((await server.root.rows("SHOW API KEYS FOR other")).length).toBe(1);
  });
});

test("TB-03 the keys of others are no conflict, and nothing of theirs is counted", async () => {
  await users.user.sql("INSERT INTO app.notes (id, body) VALUES (1, 'mine')");
  expect(await users.user.rows("SELECT body FROM app.notes WHERE id = 1")).toEqual([["mine"]]);
  expect((await users.user.sql("DELETE FROM app.notes WHERE true")).row_count).toBe(1);
  expect((await users.user.rows("SHOW TABLE STATS app.notes")).length).toBe(1);
});

test("TB-11 where security.table_definition_role is dba, users and services write rows and define nothing", async () => {
  await using strict = await startTestServer({ "security.table_definition_role": "dba" });
  await strict.root.sql("CREATE NAMESPACE app; CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  for (const role of ["user", "service"] as const) {
    const caller = await strict.user(`a_${role}`, role);
    for (const sql of [
      "CREATE USER TABLE IF NOT EXISTS app.notes (id BIGINT PRIMARY KEY)",
      "CREATE STREAM TABLE app.typing (id BIGINT PRIMARY KEY) WITH (TTL_SECONDS = 60)",
      "ALTER TABLE app.notes DROP COLUMN body",
    ]) {
      expect(await caller.fails(sql)).toMatchObject({ code: "PERMISSION_DENIED" });
    }
    await caller.sql("INSERT INTO app.notes VALUES (1, 'mine')");
    expect(await caller.rows("SELECT body FROM app.notes")).toEqual([["mine"]]);
  }
});
