// What the client understands of statements: kinds, variables, secrets, files.
import { expect, test } from "bun:test";
import { patternCondition } from "../../src/cli/commands/catalog-commands.ts";
import { splitArgs } from "../../src/cli/commands/command.ts";
import { errorText } from "../../src/cli/error-text.ts";
import { fileNames, mayHoldSecret, statementKind } from "../../src/cli/statement-kind.ts";
import { interpolated } from "../../src/cli/variables.ts";
import { KalamError } from "../../src/link/index.ts";

test.each([
  ["SELECT 1", "other"],
  ["subscribe /* to */ to chat.notes", "subscribe"],
  ["-- hello\nSUBSCRIBE TO SELECT 1", "subscribe"],
  ["SUBSCRIBERS", "other"],
  ["BEGIN;", "begin"],
  ["start transaction", "begin"],
  ["Commit ;", "end"],
  ["create table x (id int primary key)", "definition"],
  ["SELECT 'create table'", "other"],
])("CL-03 %p is of kind %s", (sql, kind) => {
  expect(statementKind(sql).kind).toBe(kind as "other");
});

test.each([
  ["USE chat;", "chat"],
  ["use namespace Chat", "chat"],
  ['SET NAMESPACE "Chat"', "Chat"],
])("CL-03 %p goes to namespace %s", (sql, namespace) => {
  expect(statementKind(sql)).toEqual({ kind: "use", namespace });
});

test("CL-03 variables stand for text, strings and names; casts, strings and comments are left alone", () => {
  const variables = new Map([
    ["id", "7"],
    ["who", "O'Neil"],
    ["t", 'my "table"'],
  ]);
  expect(interpolated("SELECT :id, :'who' FROM :\"t\"", variables)).toBe('SELECT 7, \'O\'\'Neil\' FROM "my ""table"""');
  for (const same of ["SELECT '1'::id", "SELECT ':id'", "-- :id\n", "SELECT a[1:2], :unknown", "$$ :id $$"])
    expect(interpolated(same, variables)).toBe(same);
});

test.each([
  "CREATE USER a WITH PASSWORD 'x'",
  "create user a identified by 'x'",
  "CREATE STORAGE s TYPE s3 CREDENTIALS '{}'",
  "CREATE API KEY 'k'",
  "\\set token abc",
  "SELECT 'kalam_abc'",
  "CREATE USER a WITH OAUTH '{}'",
])("CL-03 %p is kept out of the history", (text) => {
  expect(mayHoldSecret(text)).toBe(true);
  expect(mayHoldSecret("SELECT * FROM chat.notes")).toBe(false);
});

test("CL-03 files are named outside of strings and comments only", () => {
  expect(fileNames(`INSERT INTO t VALUES (FILE('a'), file ( "b" ), 'FILE(''c'')', profile('d')) -- FILE('e')`)).toEqual(
    ["a", "b"],
  );
  expect(fileNames("SELECT FILE /* of */ ('a''b'), E'\\'' || FILE('c'), $$ FILE('d') $$, FILE('c')")).toEqual([
    "a'b",
    "c",
  ]);
  expect(() => fileNames("SELECT FILE('')")).toThrow("A FILE placeholder needs the name of a part");
});

test("CL-03 arguments of commands keep what stands in quotes together", () => {
  expect(splitArgs("  a 'b c' \"d e\" 'it''s' f'g h'i ")).toEqual(["a", "b c", "d e", "it's", "fg hi"]);
});

test("CL-03 patterns are psql's, and what they hold is data", () => {
  expect(patternCondition("chat.me*", ["n", "t"])).toBe("n ILIKE 'chat' AND t ILIKE 'me%'");
  expect(patternCondition("a_'b", ["n", "t"])).toBe("t ILIKE 'a\\_''b'");
  expect(patternCondition("*", ["n", "t"])).toBe("TRUE");
});

test("CL-03 an error shows its code, the place in the statement and what to do", () => {
  const sql = "SELECT 日本,\n  nme FROM t";
  const error = new KalamError("COLUMN_NOT_FOUND", 'column "nme" does not exist', {
    position: sql.indexOf("nme"),
    hint: "did you mean name?",
  });
  expect(errorText(error, { sql, place: "a.sql:3", hasColor: false })).toBe(
    'a.sql:3: ERROR COLUMN_NOT_FOUND: column "nme" does not exist\nLINE 2:   nme FROM t\n          ^\nHINT: did you mean name?\n',
  );
});

test("CL-03 the caret of a long line stands below its place, whatever is before it", () => {
  const sql = `SELECT '${"日".repeat(200)}', nme`;
  const [, line = "", caret = ""] = errorText(new KalamError("X", "m", { position: sql.length - 3 }), {
    sql,
    hasColor: false,
  }).split("\n");
  const at = Bun.stringWidth(caret) - 1;
  expect(Bun.stringWidth(line.slice(0, line.indexOf("nme")))).toBe(at);
});

test("CL-03 an error's text cannot act on the terminal", () => {
  expect(errorText(new KalamError("X", "bad \u001b]0;t\u0007"), { hasColor: false })).toBe(
    "ERROR X: bad \\x1B]0;t\\x07\n",
  );
});
