// TB-12: where an error points, what it suggests, and what it keeps to itself.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ERRORS, type ErrorCode } from "../../src/base/errors.ts";
import { createCompactLog } from "../../src/base/log.ts";
import { createClient } from "../../src/link/client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;
const logged: string[] = [];

beforeAll(async () => {
  server = await startTestServer({}, { log: createCompactLog("error", (line) => logged.push(line)) });
  await server.root.sql(
    "CREATE NAMESPACE app; CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT, size INT)",
  );
  alice = await server.user("alice");
  await alice.sql("INSERT INTO app.notes VALUES (1, 'first', 5), (5, 'fifth', 1)");
});

afterAll(() => server[Symbol.asyncDispose]());

describe("TB-12 a position counts UTF-16 units from the start of the request", () => {
  test.each([
    ["a column", "SELECT bdy FROM app.notes", "bdy"],
    ["in the second statement", "SELECT 1; SELECT bdy FROM app.notes", "bdy"],
    ["after a comment with an emoji", "/* 😀 */ SELECT 'é', bdy FROM app.notes", "bdy"],
    ["after white space and a line comment", "  -- why\n\tSELECT bdy FROM app.notes", "bdy"],
    ["in a transaction", "BEGIN; SELECT bdy FROM app.notes; COMMIT", "bdy"],
    ["an assignment", "UPDATE app.notes SET bdy = 'x' WHERE id = 1", "bdy"],
    ["a list of columns", "INSERT INTO app.notes (id, bdy) VALUES (1, 'x')", "bdy"],
    ["a table", "SELECT 1 FROM\n app.note", "app.note"],
    ["a function", "SELECT 1, lenght(body) FROM app.notes", "lenght"],
    ["a syntax error", "SELECT 1;\n SELECT * FORM app.notes", "FORM"],
    ["a type", "SELECT CAST(1 AS intt)", "intt"],
    ["EXPLAIN", "EXPLAIN SELECT bdy FROM app.notes", "bdy"],
    ["EXPLAIN LIVE", "SELECT 1; EXPLAIN LIVE /* é */ SELECT bdy FROM app.notes", "bdy"],
    ["EXECUTE AS USER", "EXECUTE AS USER 'alice' (SELECT bdy FROM app.notes)", "bdy"],
    ["EXECUTE AS USER, syntax", "EXECUTE AS USER 'alice' (SELECT * FORM app.notes)", "FORM"],
    ["CREATE VIEW", "CREATE VIEW app.v AS SELECT bdy FROM app.notes", "bdy"],
  ])("%s", async (_why, sql, wrong) => {
    const { position = -1 } = await server.root.fails(sql);
    expect(sql.slice(position, position + wrong.length)).toBe(wrong);
  });
});

test.each([
  ["SELECT bdy FROM app.notes", 'Perhaps you meant "body".'],
  ["SELECT * FROM app.note", 'Perhaps you meant "notes".'],
  ["SELECT * FROM ap.notes", 'Namespace "ap" does not exist. Perhaps you meant "app".'],
  ["USE ap", 'Perhaps you meant "app".'],
  ["SELECT lenght('x')", 'Perhaps you meant "length".'],
  ["SELECT CAST(1 AS bignt)", 'Perhaps you meant "bigint".'],
  ["UPDATE app.notes SET bdy = 'x' WHERE id = 1", 'Perhaps you meant "body".'],
  ["DESCRIBE app.note", 'Perhaps you meant "notes".'],
  ["TRUNCATE app.note", 'Perhaps you meant "notes".'],
  ["ALTER TABLE app.note ADD COLUMN x INT", 'Perhaps you meant "notes".'],
  ["TRUNCATE system.settings", '"settings" is a view.'],
  ["SELECT * FROM app.something_else", undefined],
])("TB-12 %s suggests: %s", async (sql, hint) => {
  expect((await alice.fails(sql)).hint).toBe(hint);
});

test("TB-12 DROP TABLE suggests a name", async () => {
  expect((await server.root.fails("DROP TABLE app.note")).hint).toBe('Perhaps you meant "notes".');
});

test.each<[ErrorCode, string, (readonly unknown[])?]>([
  ["EMPTY_SQL", ";"],
  ["BATCH_PARSE_ERROR", "SELECT 'x"],
  ["INVALID_SQL", "SELEC 1"],
  ["PARAMS_WITH_BATCH", "SELECT $1; SELECT 1"],
  ["INVALID_PARAMETER", "SELECT $1, $2"],
  ["INVALID_INPUT", "EXECUTE AS USER 'alice' (EXPLAIN SELECT 1)"],
  ["UNSUPPORTED", "COPY app.notes TO '/tmp/x'"],
  ["SQL_EXECUTION_ERROR", "SELECT 1 / 0"],
  ["INVALID_NAME", "CREATE NAMESPACE pg_catalog"],
  ["NAMESPACE_NOT_FOUND", "USE nowhere"],
  ["TABLE_NOT_FOUND", "SELECT * FROM app.nothing"],
  ["COLUMN_NOT_FOUND", "SELECT nothing FROM app.notes"],
  ["NOT_FOUND", "KILL JOB 'nothing'"],
  ["ALREADY_EXISTS", "CREATE NAMESPACE app"],
  ["DEPENDENT_OBJECTS", "CREATE VIEW app.watching AS SELECT body FROM app.notes; DROP TABLE app.notes"],
  ["INVALID_VALUE", "INSERT INTO app.notes (id, size) VALUES (9, 3000000000)"],
  ["NOT_NULL_VIOLATION", "INSERT INTO app.notes (id) VALUES (NULL)"],
  ["DUPLICATE_KEY", "INSERT INTO app.notes (id) VALUES (77), (77)"],
  ["WEAK_PASSWORD", "CREATE USER weak WITH PASSWORD 'x'"],
  ["PERMISSION_DENIED", "ALTER USER root SET ROLE user"],
])("TB-12 %s travels with the status of its row: %s", async (code, sql) => {
  const { http, reason, ...error } = await server.root.fails(sql, sql.includes("$") ? [1] : undefined);
  expect({ code: reason ?? error.code, http }).toEqual({ code, http: ERRORS[code].http });
});

describe("TB-07 a comment before a statement changes no answer", () => {
  test("whatever its length, for its own text and for the plan that others find", async () => {
    for (let length = 0; length < 24; length += 1) {
      const comment = `--${"x".repeat(length)}\n`;
      expect(await alice.rows(`${comment}SELECT 1, 1, 'a', 'a' FROM app.notes WHERE id = 1`)).toEqual([
        ["1", "1", "a", "a"],
      ]);
      expect(await alice.rows(`${comment}SELECT 2, 1, 'b', 'a' FROM app.notes WHERE id = 1`)).toEqual([
        ["2", "1", "b", "a"],
      ]);
      expect(await alice.rows("SELECT 3, 1, 'c', 'a' FROM app.notes WHERE id = 1")).toEqual([["3", "1", "c", "a"]]);
      await server.root.sql("CLEAR CACHE");
    }
  });

  test("of a write, of another user's plan", async () => {
    for (let length = 0; length < 24; length += 1) {
      await server.root.sql(`/*${"x".repeat(length)}*/ DELETE FROM app.notes WHERE id = 1 AND size = 1`);
      expect((await alice.sql("DELETE FROM app.notes WHERE id = 5 AND size = 5")).row_count).toBe(0);
      expect((await alice.sql("UPDATE app.notes SET size = 1 WHERE id = 5 AND size = 1")).row_count).toBe(1);
      await server.root.sql("CLEAR CACHE");
    }
  });

  test("of a live query", async () => {
    await using client = createClient({ url: server.url, auth: { token: alice.token } });
    for (const comment of ["--\n", "--x\n", "/**/", "/*xxxxxxxxxxx*/ "]) {
      for (const [id, size] of [
        ["1", 1],
        ["1", 5],
        ["5", 1],
        ["5", 5],
      ] as const) {
        const live = client.live(`${comment}SELECT * FROM app.notes WHERE id = ${id} AND size = ${size}`);
        await live.ready;
        expect(live.size).toBe((id === "1") === (size === 5) ? 1 : 0);
        live.close();
      }
      await server.root.sql("CLEAR CACHE");
    }
  });
});

describe("TB-12 a file that cannot be read is named to administrators and in the log, to nobody else", () => {
  const INTERNALS = /parquet|segment|ENOENT|storage\/|kalamdb-test|\.ts\b|\bhot_|SELECT .* FROM "/i;

  test.each(["damaged", "gone"])("%s", async (how) => {
    await server.root.sql(`CREATE USER TABLE app.${how} (id BIGINT PRIMARY KEY, body TEXT)`);
    await alice.sql(`INSERT INTO app.${how} VALUES (1, 'flushed')`);
    await server.root.job(`STORAGE FLUSH TABLE app.${how}`);
    const [path = ""] = new Bun.Glob(`storage/app/${how}-*/**/*.parquet`).scanSync(server.folder);
    const file = join(server.folder, path);
    await (how === "gone" ? rm(file) : writeFile(file, "not what it was"));
    for (const sql of [
      `SELECT * FROM app.${how}`,
      `SELECT * FROM app.${how} WHERE id = 1`,
      `UPDATE app.${how} SET body = 'x' WHERE id = 1`,
    ]) {
      logged.length = 0;
      const error = await alice.fails(sql);
      expect(error).toMatchObject({ http: 500, code: "STORAGE_ERROR", message: "Storage request failed" });
      expect(JSON.stringify(error)).not.toMatch(INTERNALS);
      expect(logged.join("")).toMatch(/segment/);
    }
    const seen = await server.root.fails(`EXECUTE AS USER 'alice' (SELECT * FROM app.${how})`);
    expect(seen.message).toMatch(INTERNALS);
    for (const protocol of ["native", "peer"] as const) {
      await using client = createClient({ url: server.url, protocol, auth: { token: alice.token } });
      logged.length = 0;
      const live = client.live(`SELECT * FROM app.${how}`);
      const failure = await live.ready.then(() => "ready", String);
      expect(failure).toBe("KalamError: The live query failed; the server's log says why");
      expect(logged.join("")).toMatch(/segment/);
    }
  });
});
