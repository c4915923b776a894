import { describe, expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { isRepeatable } from "../../src/link/http-api.ts";
import { createClient, KalamError } from "../../src/link/index.ts";
import { BIGINT, TEXT } from "../../src/model/sql-type.ts";
import { encodeError, encodeSuccess } from "../../src/protocol/http.ts";
import { SEQ } from "../protocol/layout.ts";
import { setup } from "./setup.ts";

const rowsReply = (rowsJson: string) =>
  new Response(
    encodeSuccess(
      [
        {
          schema: [
            { name: "id", type: BIGINT, flags: ["pk", "nn", "uq"] },
            { name: "body", type: TEXT, flags: [] },
          ],
          rowsJson,
          rowCount: 1,
          asUser: "alice",
        },
      ],
      1.5,
    ),
  );
const errorReply = (error: DbError) => new Response(encodeError(error, { tookMs: 0 }), { status: error.httpStatus });

describe("CL-01 SQL over HTTP", () => {
  test("gives typed rows, columns and timing", async () => {
    await using context = setup({ onSql: () => rowsReply('[["327500846641356801","hi"]]') });
    const result = await context.client.query("SELECT $1", [SEQ, "x", null], { namespace: "chat" });
    expect(result.rows).toEqual([{ id: SEQ, body: "hi" }]);
    expect(result.values).toEqual([[SEQ, "hi"]]);
    expect(result.columns).toEqual([
      { name: "id", type: "BigInt", isPrimaryKey: true, nullable: false },
      { name: "body", type: "Text", isPrimaryKey: false, nullable: true },
    ]);
    expect(result.took).toBe(1.5);
    // The integer went out exactly.
    expect(context.server.requests.at(-1)).toEqual({
      path: "/v1/api/sql",
      token: "t1",
      body: `{"sql":"SELECT $1","params":[${SEQ},"x",null],"namespace_id":"chat"}`,
    });
  });

  test("LQ-19 a write tells where it committed", async () => {
    const reply = encodeSuccess([{ rowCount: 2, message: "Inserted 2 row(s)", asUser: "a", seq: String(SEQ) }], 1);
    await using context = setup({ onSql: () => new Response(reply) });
    expect(await context.client.query("INSERT …")).toMatchObject({
      rowCount: 2,
      message: "Inserted 2 row(s)",
      seq: SEQ,
    });
  });

  test("TB-08 batch gives a result for each statement, query the last one", async () => {
    const results = ["one", "two"].map((message) => ({ rowCount: 0, message, asUser: "a" }));
    await using context = setup({ onSql: () => new Response(encodeSuccess(results, 1)) });
    expect((await context.client.batch("a; b")).map(({ message }) => message)).toEqual(["one", "two"]);
    expect((await context.client.query("a; b")).message).toBe("two");
  });

  test("TB-12 an error has code, status, position and hint", async () => {
    const error = new DbError("INVALID_SQL", 'syntax error at or near "FORM"', { position: 9, hint: "FROM?" });
    await using context = setup({ onSql: () => errorReply(error) });
    const failure = await context.client.query("SELECT * FORM x").catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(KalamError);
    expect(failure).toMatchObject({
      code: "INVALID_SQL",
      status: 400,
      message: error.message,
      position: 9,
      hint: "FROM?",
    });
  });

  test("an answer that is not the protocol is an error that says so", async () => {
    await using context = setup({ onSql: () => new Response("<html>", { status: 502 }) });
    expect(await context.client.query("SELECT 1").catch((error: unknown) => error)).toMatchObject({
      code: "BAD_RESPONSE",
      status: 502,
    });
  });

  test("AU-01 user and password log in once; an expired token is replaced once", async () => {
    const expired = new DbError("TOKEN_EXPIRED", "Invalid credentials");
    await using context = setup(
      { tokens: ["t1", "t2"], onSql: (_body, token) => (token === "t1" ? errorReply(expired) : rowsReply("[]")) },
      { auth: { user: "alice", password: "right" } },
    );
    await Promise.all([context.client.query("INSERT 1"), context.client.query("SELECT 2")]);
    await context.client.query("SELECT 3");
    const paths = context.server.requests.map(({ path, token }) => `${path.split("/").at(-1)} ${token}`);
    expect(paths.slice(0, 3)).toEqual(["login ", "sql t1", "sql t1"]);
    expect(paths.at(-1)).toBe("sql t2");
    expect(paths.filter((path) => path === "sql t1")).toHaveLength(2);
  });

  test("a token that is refused for good is an error, not a loop", async () => {
    const expired = new DbError("TOKEN_EXPIRED", "Invalid credentials");
    await using context = setup({ onSql: () => errorReply(expired) });
    expect(await context.client.query("SELECT 1").catch((error: unknown) => error)).toMatchObject({
      code: "TOKEN_EXPIRED",
    });
    expect(context.server.requests).toHaveLength(1);
  });

  test("a wrong password is told with its status", async () => {
    await using context = setup({}, { auth: { user: "alice", password: "wrong" } });
    expect(await context.client.query("SELECT 1").catch((error: unknown) => error)).toMatchObject({
      code: "UNAUTHORIZED",
      status: 401,
    });
  });

  test("an aborted query rejects with the reason and is not repeated", async () => {
    const abort = new AbortController();
    await using context = setup({
      onSql: () => {
        abort.abort(new Error("enough"));
        return rowsReply("[]");
      },
    });
    const failure = await context.client
      .query("SELECT 1", [], { signal: abort.signal })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: "enough" });
    expect(context.server.requests).toHaveLength(1);
  });

  test("a read is repeated when no answer came, a write never is", async () => {
    const reserved = Bun.serve({ port: 0, fetch: () => new Response() });
    const { port } = reserved;
    await reserved.stop(true);
    let logins = 0;
    const provider = () => {
      logins += 1;
      return Promise.resolve({ token: "t" });
    };
    const client = createClient({ url: `http://127.0.0.1:${port}`, auth: { provider } });
    for (const sql of ["SELECT 1", "INSERT INTO x VALUES (1)"]) {
      expect(await client.query(sql).catch((error: unknown) => error)).toMatchObject({ code: "NETWORK_ERROR" });
    }
    expect(logins).toBe(1);
  });

  test.each([
    ["plain read", "SELECT 1", true],
    ["after comments", "-- c\n/* d */ select 1;", true],
    ["show", "SHOW TABLES", true],
    ["a write", "INSERT INTO a VALUES (1)", false],
    ["a read followed by a write", "SELECT 1; DELETE FROM a", false],
    ["a word that only begins like one", "SELECTED", false],
    ["a CTE may write", "WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", false],
  ])("is repeatable: %s", (_why, sql, expected) => {
    expect(isRepeatable(sql)).toBe(expected);
  });

  test("parameters that JSON cannot carry are refused before anything is sent", async () => {
    await using context = setup({});
    expect(await context.client.query("SELECT $1", [Number.NaN]).catch((error: unknown) => error)).toMatchObject({
      code: "INVALID_PARAMETER",
    });
    expect(context.server.requests).toEqual([]);
  });

  test("health needs no token", async () => {
    await using context = setup({});
    expect(await context.client.health()).toEqual({ status: "healthy", version: "1.2.3", apiVersion: "v1" });
    expect(context.server.requests[0]?.token).toBe("");
  });
});
