// Every statement of the dialect but CREATE TABLE, as the plain data it becomes, and the refusals with their positions.
import { expect, test } from "bun:test";
import type { Statement } from "../../../src/sql/statement.ts";
import { parseOne, parser, refusalOf } from "./harness.ts";

const table = (name: string, namespace?: string) => ({ namespace, name });

test.each([
  ["CREATE NAMESPACE Chat", { kind: "createNamespace", ifNotExists: false, name: "chat" }],
  [
    "alter namespace Chat set options (Owner = 'it''s me', size = -1.5, \"open\" = true)",
    { kind: "alterNamespace", name: "chat", options: { owner: "it's me", size: -1.5, open: true } },
  ],
  ["create namespace if not exists chat;", { kind: "createNamespace", ifNotExists: true, name: "chat" }],
  ["DROP NAMESPACE chat", { kind: "dropNamespace", ifExists: false, name: "chat" }],
  ["DROP NAMESPACE IF EXISTS chat CASCADE", { kind: "dropNamespace", ifExists: true, name: "chat" }],
  ["USE chat", { kind: "useNamespace", name: "chat" }],
  ["USE NAMESPACE default", { kind: "useNamespace", name: "default" }],
  ["SET NAMESPACE chat", { kind: "useNamespace", name: "chat" }],
  ["SHOW NAMESPACES", { kind: "showNamespaces" }],
])("TB-01 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  ["DROP TABLE t", { kind: "dropTable", ifExists: false, table: table("t") }],
  ["DROP USER TABLE IF EXISTS chat.t", { kind: "dropTable", ifExists: true, table: table("t", "chat") }],
  ["SHOW TABLES", { kind: "showTables", namespace: undefined }],
  ["SHOW TABLES IN chat", { kind: "showTables", namespace: "chat" }],
  ["SHOW TABLES FROM chat", { kind: "showTables", namespace: "chat" }],
  ["SHOW TABLES IN NAMESPACE chat", { kind: "showTables", namespace: "chat" }],
  ["DESC t", { kind: "describeTable", table: table("t"), history: false }],
  ["DESCRIBE TABLE t HISTORY", { kind: "describeTable", table: table("t"), history: true }],
  ["DESCRIBE TABLE chat.t", { kind: "describeTable", table: table("t", "chat"), history: false }],
])("TB-02 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  ["DROP TABLE chat.user.t", { kind: "dropTable", ifExists: false, table: table("t", "chat") }],
  ["DESCRIBE chat.USER.t", { kind: "describeTable", table: table("t", "chat"), history: false }],
  ["STORAGE FLUSH TABLE chat.user.t", { kind: "flushTable", table: table("t", "chat") }],
  [
    "SUBSCRIBE TO chat.user.t",
    {
      kind: "subscribe",
      selectText: "SELECT * FROM chat.user.t",
      options: { lastRows: undefined, batchSize: undefined, from: undefined },
    },
  ],
])("TB-03 ns.user.table is a spelling of ns.table: %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  ["BEGIN", { kind: "begin" }],
  ["BEGIN TRANSACTION", { kind: "begin" }],
  ["START TRANSACTION", { kind: "begin" }],
  ["COMMIT WORK", { kind: "commit" }],
  ["END", { kind: "commit" }],
  ["ROLLBACK", { kind: "rollback" }],
])("TB-08 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  ["STORAGE FLUSH TABLE chat.t", { kind: "flushTable", table: table("t", "chat") }],
  ["STORAGE COMPACT TABLE chat.t", { kind: "compactTable", table: table("t", "chat") }],
  ["STORAGE COMPACT ALL", { kind: "compactAll", namespace: undefined }],
  ["STORAGE COMPACT ALL IN chat", { kind: "compactAll", namespace: "chat" }],
  ["STORAGE FLUSH ALL", { kind: "flushAll", namespace: undefined }],
  ["STORAGE FLUSH ALL IN NAMESPACE chat", { kind: "flushAll", namespace: "chat" }],
  ["BACKUP DATABASE TO '/backups/monday'", { kind: "backupDatabase", target: "/backups/monday", storage: undefined }],
  ["BACKUP DATABASE TO 'monday' IN STORAGE archive", { kind: "backupDatabase", target: "monday", storage: "archive" }],
  ["restore database from monday", { kind: "restoreDatabase", source: "monday" }],
  ["KILL JOB 'FL-1'", { kind: "killJob", job: "FL-1" }],
])("ST-09 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  ["KILL CONNECTION 'c1'", { kind: "killConnection", connection: "c1" }],
  ["KILL LIVE QUERY 'u-c-s'", { kind: "killLiveQuery", liveId: "u-c-s" }],
])("LQ-13 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

const user = {
  kind: "createUser",
  ifNotExists: false,
  user: "bob",
  signIn: { kind: "password", password: "p" },
  role: "user",
  email: undefined,
};

test.each([
  ["CREATE USER bob WITH PASSWORD 'p'", user],
  ["CREATE USER IF NOT EXISTS 'bob' WITH PASSWORD 'p' ROLE user", { ...user, ifNotExists: true }],
  ["CREATE USER \"bob\" IDENTIFIED BY 'p' WITH ROLE dba", { ...user, role: "dba" }],
  [
    "CREATE USER Bob PASSWORD 'it''s' ROLE admin EMAIL 'b@x'",
    { ...user, user: "Bob", signIn: { kind: "password", password: "it's" }, role: "dba", email: "b@x" },
  ],
  ["CREATE USER bob WITH ROLE 'developer' PASSWORD 'p'", { ...user, role: "service" }],
  ["ALTER USER bob SET PASSWORD 'q'", { kind: "alterUser", user: "bob", change: { kind: "password", password: "q" } }],
  ["ALTER USER 'bob' SET ROLE readonly", { kind: "alterUser", user: "bob", change: { kind: "role", role: "user" } }],
  ["ALTER USER bob SET EMAIL 'b@x'", { kind: "alterUser", user: "bob", change: { kind: "email", email: "b@x" } }],
  ["DROP USER IF EXISTS bob", { kind: "dropUser", ifExists: true, user: "bob" }],
])("TB-11 %s", (sql, expected) => {
  expect<unknown>(parseOne(sql)).toEqual(expected);
});

test.each([
  [
    "SUBSCRIBE TO chat.t WHERE a = 1 OPTIONS (last_rows = 5, batch_size=10, from = 327500846641356801)",
    "SELECT * FROM chat.t WHERE a = 1",
    { lastRows: 5, batchSize: 10, from: 327500846641356801n },
  ],
  [
    "SUBSCRIBE TO SELECT a FROM t OPTIONS (from_seq_id = '9')",
    "SELECT a FROM t",
    { lastRows: undefined, batchSize: undefined, from: 9n },
  ],
  [
    "SUBSCRIBE TO SELECT options FROM t WHERE options > 1",
    "SELECT options FROM t WHERE options > 1",
    { lastRows: undefined, batchSize: undefined, from: undefined },
  ],
])("LQ-06 %s", (sql, selectText, options) => {
  expect(parseOne(sql)).toEqual({ kind: "subscribe", selectText, options });
});

test.each([
  ["SELECT 1", "select"],
  ["(SELECT 1)", "select"],
  ["VALUES (1)", "select"],
  ["TABLE t", "select"],
  ["WITH a AS (SELECT 1) SELECT * FROM a", "select"],
  ["INSERT INTO t VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING *", "insert"],
  ["UPDATE t SET a = 1 WHERE id = 2 RETURNING a", "update"],
  ["DELETE FROM t WHERE id = 2", "delete"],
])("TB-06 %s is given to PostgreSQL's parser", (sql, kind) => {
  expect<string>(parseOne(sql).kind).toBe(kind);
});

test("TB-06 EXPLAIN keeps the statement it explains and that statement's text", () => {
  const { kind, live, inner, innerText } = expectKind("explain", "EXPLAIN LIVE SELECT * FROM t");
  expect([kind, live, inner.kind, innerText]).toEqual(["explain", true, "select", "SELECT * FROM t"]);
  expect(expectKind("explain", "EXPLAIN DELETE FROM t").inner.kind).toBe("delete");
});

test("TB-03 EXECUTE AS USER keeps the one statement in its brackets", () => {
  const statement = expectKind("executeAs", "EXECUTE AS USER 'al' ( INSERT INTO t VALUES (';') ; )");
  expect<unknown[]>([statement.user, statement.innerText]).toEqual(["al", "INSERT INTO t VALUES (';')"]);
  expect(expectKind("executeAs", "execute as user al (select 1)").innerText).toBe("select 1");
});

function isKind<K extends Statement["kind"]>(
  statement: Statement,
  kind: K,
): statement is Extract<Statement, { readonly kind: K }> {
  return statement.kind === kind;
}

function expectKind<K extends Statement["kind"]>(kind: K, sql: string): Extract<Statement, { readonly kind: K }> {
  const statement = parseOne(sql);
  if (!isKind(statement, kind)) throw new Error(`${sql} became ${statement.kind}`);
  return statement;
}

test("TB-05 CURRENT_USER() is read as CURRENT_USER, in quotes it is left alone", () => {
  const [written] = parser.parse("SELECT current_user ( ), 'current_user()'");
  const [plain] = parser.parse("SELECT current_user    , 'current_user()'");
  expect<unknown>(written?.statement).toEqual(plain?.statement);
});

test("TB-08 each statement knows its text and where it stands in the request", () => {
  const sql = " SELECT 'é'; -- next\n SHOW NAMESPACES ;";
  const found = parser.parse(sql).map(({ text, offset }) => [text, offset] as const);
  expect(found).toEqual([
    ["SELECT 'é'", 1],
    ["SHOW NAMESPACES", 22],
  ]);
});

test.each([
  ["a syntax error", "SELECT * FORM t", 'syntax error at or near "FORM"', 9],
  ["in the second statement", "SELECT 1;\nSELECT * FORM t", 'syntax error at or near "FORM"', 19],
  ["after letters beyond ASCII and a surrogate pair", "SELECT 'é😀', FROM t", 'syntax error at or near "FROM"', 14],
  ["at the end", "SELECT 1 +", "syntax error at end of input", 10],
  ["an unknown statement", "FROB x", 'syntax error at or near "FROB"', 0],
  ["a semicolon in brackets", "SELECT (1;2)", 'syntax error at or near ";"', 9],
  ["in a statement of ours", "SHOW TABLES OF x", 'syntax error at or near "OF"', 12],
  ["ours, too short", "DROP NAMESPACE", "syntax error at end of input", 14],
  ["inside EXECUTE AS USER", "SELECT 1; EXECUTE AS USER al (SELECT FROM FROM)", 'syntax error at or near "FROM"', 42],
  ["inside EXPLAIN", "EXPLAIN SELECT * FORM t", 'syntax error at or near "FORM"', 17],
  ["inside SUBSCRIBE TO a table", "SUBSCRIBE TO a.b WHERE x = = 1", 'syntax error at or near "="', 27],
  ["inside SUBSCRIBE TO a SELECT", "SUBSCRIBE TO SELECT 1 FORM t x", 'syntax error at or near "t"', 27],
  ["SUBSCRIBE TO a join", "SUBSCRIBE TO a JOIN b ON true", 'syntax error at or near "JOIN"', 15],
  ["a NUL would hide what follows", "SELECT 1\u0000; DROP", "statement contains a NUL character", 8],
  ["a lone surrogate", "SELECT '\ud800'", "statement is not well-formed Unicode text", undefined],
])("TB-12 INVALID_SQL with the position: %s", (_why, sql, message, position) => {
  expect(refusalOf(sql)).toEqual({ code: "INVALID_SQL", message, position });
});

test.each([
  ["GRANT SELECT ON a TO b", "GRANT is not supported"],
  ["COPY t FROM STDIN", "COPY is not supported"],
  ["CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW is not supported"],
  ["CREATE TEMP TABLE t (a int)", "CREATE TEMP TABLE is not supported"],
  ["CREATE INDEX ON t USING hash (a)", "An index of method hash is not supported"],
  ["CREATE STORAGE s TYPE gcs BASE_DIRECTORY 'gs://b'", "Storages of type gcs are not supported"],
  ["CREATE STORAGE s TYPE 'az' BASE_DIRECTORY 'az://b'", "Storages of type azure are not supported"],
  ["ALTER NAMESPACE x RENAME TO y", "This form of ALTER NAMESPACE is not supported"],
  ["MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", "MERGE is not supported"],
  ["SAVEPOINT a", "SAVEPOINT is not supported"],
  ["BEGIN READ ONLY", "A transaction mode is not supported"],
  ["SET search_path = x", "SET is not supported"],
  ["SELECT * INTO x FROM t", "SELECT … INTO is not supported"],
  ["EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN ANALYZE of anything but a SELECT is not supported"],
  ["DROP TABLE a, b", "DROP TABLE of several tables is not supported"],
  ["DROP TABLE a CASCADE", "DROP TABLE … CASCADE is not supported"],
  ["DROP TABLE a.b.c", 'cross-database references are not implemented: "a.b.c"'],
  ["DROP NAMESPACE x RESTRICT", "DROP NAMESPACE … RESTRICT is not supported"],
])("TB-12 UNSUPPORTED names the statement: %s", (sql, message) => {
  expect(refusalOf(sql)).toMatchObject({ code: "UNSUPPORTED", message });
});

test.each([
  ["no brackets", "EXECUTE AS USER al SELECT 1", 'Invalid EXECUTE AS USER: syntax error at or near "SELECT"'],
  ["no user", "EXECUTE AS (SELECT 1)", 'Invalid EXECUTE AS USER: syntax error at or near "("'],
  [
    "two statements",
    "EXECUTE AS USER al (SELECT 1; SELECT 2)",
    "EXECUTE AS USER takes exactly one statement in its brackets",
  ],
  ["none", "EXECUTE AS USER al ()", "Invalid EXECUTE AS USER: No SQL statements provided"],
  ["nested", "EXECUTE AS USER al (EXECUTE AS USER b (SELECT 1))", "EXECUTE AS USER cannot be nested"],
  ["more after it", "EXECUTE AS USER al (SELECT 1) x", 'Invalid EXECUTE AS USER: syntax error at or near "x"'],
  [
    "a user id with a path",
    "EXECUTE AS USER '../x' (SELECT 1)",
    'Invalid EXECUTE AS USER: User id "../x" is not valid',
  ],
])("TB-03 a bad EXECUTE AS USER is INVALID_INPUT: %s", (_why, sql, message) => {
  expect(refusalOf(sql)).toMatchObject({ code: "INVALID_INPUT", message });
});

test.each([
  [
    "a reserved namespace",
    "CREATE NAMESPACE system",
    "INVALID_NAME",
    "Namespace 'system' is reserved and cannot be used",
  ],
  [
    "a reserved word",
    "CREATE NAMESPACE select",
    "INVALID_NAME",
    "Name 'select' is a reserved SQL keyword and cannot be used",
  ],
  ["a digit first", 'CREATE NAMESPACE "9a"', "INVALID_NAME", 'Namespace name "9a" cannot start with a number'],
  [
    "an unknown role",
    "CREATE USER b WITH PASSWORD 'p' ROLE root",
    "INVALID_INPUT",
    "Role 'root' is not one of anonymous, user, service, dba, system",
  ],
  [
    "the anonymous role",
    "ALTER USER b SET ROLE anonymous",
    "INVALID_INPUT",
    "Role 'anonymous' cannot be given to a user",
  ],
  [
    "no password",
    "CREATE USER b WITH ROLE dba",
    "INVALID_SQL",
    "CREATE USER requires PASSWORD '…', OAUTH '{…}' or INTERNAL",
  ],
  [
    "an identity that is no JSON",
    "CREATE USER b WITH OAUTH 'me'",
    "INVALID_INPUT",
    'OAUTH expects \'{"provider":"issuer URL","subject":"sub claim"}\'',
  ],
  [
    "a new sign-in for a user",
    "ALTER USER b SET INTERNAL",
    "INVALID_SQL",
    "ALTER USER SET expects PASSWORD, ROLE or EMAIL",
  ],
  ["a path as user id", "DROP USER 'a/b'", "INVALID_NAME", 'User id "a/b" is not valid'],
  ["an unknown option", "SUBSCRIBE TO t OPTIONS (foo = 1)", "INVALID_SQL", "Unknown subscription option 'foo'"],
  [
    "an option twice",
    "SUBSCRIBE TO t OPTIONS (from = 1, from_seq_id = 2)",
    "INVALID_SQL",
    "Subscription option 'from_seq_id' is given twice",
  ],
  [
    "an option below its bound",
    "SUBSCRIBE TO t OPTIONS (batch_size = 0)",
    "INVALID_SQL",
    "Subscription option 'batch_size' must be a whole number from 1 to 2147483647",
  ],
  [
    "a negative option",
    "SUBSCRIBE TO t OPTIONS (from = -1)",
    "INVALID_SQL",
    "Subscription option 'from' must be a whole number from 0 to 9223372036854775807",
  ],
])("TB-12 refuses %s", (_why, sql, code, message) => {
  expect(refusalOf(sql)).toMatchObject({ code, message });
});
