// Where one statement of a batch ends and the next begins.
import { expect, test } from "bun:test";
import { MAX_BATCH_STATEMENTS, splitBatch } from "../../../src/sql/parse/split-batch.ts";

test.each([
  ["one statement", "SELECT 1", ["SELECT 1"]],
  ["a trailing semicolon ends nothing more", "SELECT 1;", ["SELECT 1"]],
  ["empty parts are dropped", ";; SELECT 1 ; ; SELECT 2 ;;", ["SELECT 1", "SELECT 2"]],
  ["a semicolon in a string", "SELECT 'a;b'; SELECT 2", ["SELECT 'a;b'", "SELECT 2"]],
  ["a doubled quote stays inside", "SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]],
  ["a backslash is a character of a plain string", "SELECT '\\'; SELECT 2", ["SELECT '\\'", "SELECT 2"]],
  ["a backslash escapes in an E string", "SELECT E'\\';'; SELECT 2", ["SELECT E'\\';'", "SELECT 2"]],
  ["a word that ends in e opens no E string", "SELECT de'\\'; SELECT 2", ["SELECT de'\\'", "SELECT 2"]],
  ["a quoted name", 'SELECT "a;""b"; SELECT 2', ['SELECT "a;""b"', "SELECT 2"]],
  ["a dollar quote", "SELECT $$;$$; SELECT $t$ $$;$t$", ["SELECT $$;$$", "SELECT $t$ $$;$t$"]],
  ["a dollar inside a name opens nothing", "SELECT a$b$; SELECT 2", ["SELECT a$b$", "SELECT 2"]],
  ["a parameter opens nothing", "SELECT $1; SELECT $2", ["SELECT $1", "SELECT $2"]],
  ["a line comment", "SELECT 1 -- ; '\n; SELECT 2", ["SELECT 1", "SELECT 2"]],
  ["nested block comments", "SELECT 1 /* /* ; */ ; */ + 2; SELECT 2", ["SELECT 1 /* /* ; */ ; */ + 2", "SELECT 2"]],
  ["comments around are cut off", "/* a */ SELECT 1 -- b", ["SELECT 1"]],
  ["a semicolon in brackets is for the parser to refuse", "SELECT (1;2)", ["SELECT (1;2)"]],
])("TB-08 splits a batch: %s", (_why, sql, expected) => {
  const parts = splitBatch(sql);
  expect(parts.map(({ text }) => text)).toEqual(expected);
  for (const { text, offset } of parts) expect(sql.slice(offset, offset + text.length)).toBe(text);
});

test.each([
  ["nothing", "", "EMPTY_SQL", "No SQL statements provided", undefined],
  ["only comments", "-- a\n/* b */;", "EMPTY_SQL", "No SQL statements provided", undefined],
  ["an open string", "SELECT 'a", "BATCH_PARSE_ERROR", "Unterminated quoted string in SQL batch", 7],
  ["an open E string", "SELECT E'a\\'", "BATCH_PARSE_ERROR", "Unterminated quoted string in SQL batch", 7],
  ["an open name", 'SELECT "a', "BATCH_PARSE_ERROR", "Unterminated quoted identifier in SQL batch", 7],
  ["an open comment", "SELECT /* /* */", "BATCH_PARSE_ERROR", "Unterminated block comment in SQL batch", 7],
  ["an open dollar quote", "SELECT $a$ $b$", "BATCH_PARSE_ERROR", "Unterminated dollar-quoted string in SQL batch", 7],
  ["a backtick", "SELECT `a`", "INVALID_SQL", 'syntax error at or near "`"', 7],
])("TB-12 refuses a batch with %s", (_why, sql, code, message, position) => {
  expect(() => splitBatch(sql)).toThrow(expect.objectContaining({ code, message, position }));
});

test("TB-08 a batch has a bound on its statements", () => {
  expect(splitBatch("SELECT 1;".repeat(MAX_BATCH_STATEMENTS))).toHaveLength(MAX_BATCH_STATEMENTS);
  const tooMany = "SELECT 1;".repeat(MAX_BATCH_STATEMENTS + 1);
  expect(() => splitBatch(tooMany)).toThrow(expect.objectContaining({ code: "BATCH_PARSE_ERROR" }));
});
