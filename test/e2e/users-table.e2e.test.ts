// TB-10: system.users takes rows as the account statements do, with the same checks, and what it cannot do it refuses by name.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/test-server.ts";

const PASSWORD = "correct-horse-7";
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

let count = 0;
let name = "";
beforeEach(async () => {
  count += 1;
  name = `dora${count}`;
  const { row_count } = (await server.root.sql(
    `INSERT INTO system.users (user_id, password, role, email) VALUES ('${name}', '${PASSWORD}', 'user', 'd@example.com')`,
  )) as { row_count?: number };
  expect(row_count).toBe(1);
});

function refusalOf(login: Promise<unknown>): Promise<string> {
  return login.then(() => "signed in", String);
}

async function shown(): Promise<unknown> {
  const [row] = await server.root.rows(
    `SELECT role, email, auth_type, deleted_at IS NULL FROM system.users WHERE user_id = '${name}'`,
  );
  return row;
}

test("TB-10 an inserted user signs in, and is what the row says", async () => {
  expect(await shown()).toEqual(["user", "d@example.com", "password", true]);
  expect(await (await server.login(name, PASSWORD)).rows("SELECT CURRENT_USER()")).toEqual([[name]]);
});

test("TB-10 without a password the user is internal; values may be parameters", async () => {
  await server.root.sql("INSERT INTO system.users (user_id, role) VALUES ($1, $2)", [`${name}-robot`, "service"]);
  const rows = await server.root.rows(`SELECT role, auth_type FROM system.users WHERE user_id = '${name}-robot'`);
  expect(rows).toEqual([["service", "internal"]]);
});

test("TB-10 a changed role voids the user's tokens, a changed password lets in the new one only", async () => {
  const before = await server.login(name, PASSWORD);
  await server.root.sql(`UPDATE system.users SET role = 'service' WHERE user_id = '${name}'`);
  expect(await before.fails("SELECT 1")).toMatchObject({ http: 401 });
  await server.root.sql("UPDATE system.users SET password = $1 WHERE user_id = $2", ["another-horse-8", name]);
  expect(await refusalOf(server.login(name, PASSWORD))).toContain("401");
  expect((await server.login(name, "another-horse-8")).name).toBe(name);
});

test("TB-10 DELETE is soft: nobody signs in, the rows wait, and deleted_at = NULL brings all back", async () => {
  await server.root.send("CREATE NAMESPACE app");
  await server.root.send("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY)");
  const before = await server.login(name, PASSWORD);
  await before.sql("INSERT INTO app.notes VALUES (1)");
  const remove = `DELETE FROM system.users WHERE user_id = '${name}'`;
  expect(await server.root.sql(remove)).toMatchObject({ message: "Deleted 1 row(s)" });
  expect(await server.root.sql(remove)).toMatchObject({ message: "Deleted 0 row(s)" });
  expect(await shown()).toEqual(["user", "d@example.com", "password", false]);
  expect(await refusalOf(server.login(name, PASSWORD))).toContain("401");
  const restore = `UPDATE system.users SET deleted_at = NULL WHERE user_id = '${name}'`;
  expect(await server.root.sql(restore)).toMatchObject({ message: "Updated 1 row(s)" });
  expect(await server.root.sql(restore)).toMatchObject({ message: "Updated 0 row(s)" });
  expect(await before.fails("SELECT 1")).toMatchObject({ http: 401 });
  expect(await (await server.login(name, PASSWORD)).rows("SELECT id FROM app.notes")).toEqual([["1"]]);
});

test.each<[string, (id: string) => string, string]>([
  ["a user twice", (id) => `INSERT INTO system.users (user_id) VALUES ('${id}')`, "ALREADY_EXISTS"],
  ["a weak password", () => "INSERT INTO system.users (user_id, password) VALUES ('w', 'x')", "WEAK_PASSWORD"],
  ["a role that is none", (id) => `UPDATE system.users SET role = 'king' WHERE user_id = '${id}'`, "INVALID_INPUT"],
  ["an id with a path in it", () => "INSERT INTO system.users (user_id) VALUES ('../x')", "INVALID_NAME"],
  ["nobody's row", () => "UPDATE system.users SET role = 'user' WHERE user_id = 'nobody'", "NOT_FOUND"],
  ["a hash", (id) => `UPDATE system.users SET password_hash = 'x' WHERE user_id = '${id}'`, "COLUMN_NOT_FOUND"],
  ["another id", (id) => `UPDATE system.users SET user_id = 'x' WHERE user_id = '${id}'`, "INVALID_INPUT"],
  [
    "a moment of deletion",
    (id) => `UPDATE system.users SET deleted_at = 'now' WHERE user_id = '${id}'`,
    "INVALID_INPUT",
  ],
  ["many at once", () => "UPDATE system.users SET role = 'user' WHERE role = 'service'", "UNSUPPORTED"],
  ["everybody", () => "DELETE FROM system.users", "UNSUPPORTED"],
  ["two rows", () => "INSERT INTO system.users (user_id) VALUES ('a'), ('b')", "UNSUPPORTED"],
  ["a query's rows", () => "INSERT INTO system.users (user_id) SELECT 'a'", "UNSUPPORTED"],
  ["a value that is computed", () => "INSERT INTO system.users (user_id) VALUES ('a' || 'b')", "UNSUPPORTED"],
  ["a lock", (id) => `UPDATE system.users SET locked_until = '2040-01-01' WHERE user_id = '${id}'`, "INVALID_INPUT"],
  ["root", () => "DELETE FROM system.users WHERE user_id = 'root'", "PERMISSION_DENIED"],
])("TB-10 TB-12 refuses %s", async (_why, sql, code) => {
  const { code: outer, reason } = await server.root.fails(sql(name));
  expect(reason ?? outer).toBe(code);
});

test("AU-02 TB-10 an administrator ends a lock, and the user's token goes on", async () => {
  const user = await server.login(name, PASSWORD);
  const attempt = (password: string) => refusalOf(server.login(name, password));
  for (let wrong = 0; wrong < 5; wrong += 1) await attempt("wrong");
  expect(await attempt(PASSWORD)).toContain("account_locked");
  const lock = "SELECT failed_login_attempts, locked_until IS NULL FROM system.users WHERE user_id = $1";
  expect(await server.root.rows(lock, [name])).toEqual([[5, false]]);
  await server.root.sql(`UPDATE system.users SET locked_until = NULL WHERE user_id = '${name}'`);
  expect(await server.root.rows(lock, [name])).toEqual([[0, true]]);
  expect(await attempt(PASSWORD)).toBe("signed in");
  expect(await user.rows("SELECT CURRENT_USER()")).toEqual([[name]]);
});

test("TB-10 TB-11 only administrators write it, and nobody below system touches system users", async () => {
  const dba = await server.user(`${name}-dba`, "dba");
  const service = await server.user(`${name}-service`, "service");
  const sql = `UPDATE system.users SET role = 'system' WHERE user_id = '${name}'`;
  expect(await service.fails(sql)).toMatchObject({ http: 403 });
  expect(await dba.fails(sql)).toMatchObject({ http: 403 });
  expect(await shown()).toEqual(["user", "d@example.com", "password", true]);
});
