// Where statements and commands begin and end.
import { expect, test } from "bun:test";
import { isBlank, splitInput, withoutLead } from "../../src/cli/sql-lexer.ts";

const texts = (input: string): readonly string[] => splitInput(input).parts.map(({ text }) => text);

test.each([
  ["two statements", "SELECT 1; SELECT 2;", ["SELECT 1;", "SELECT 2;"]],
  ["a semicolon in a string", "SELECT 'a;b';", ["SELECT 'a;b';"]],
  ["a doubled quote", "SELECT 'it''s; here';", ["SELECT 'it''s; here';"]],
  ["a backslash is a character of a plain string", "SELECT 'a\\'; SELECT 2;", ["SELECT 'a\\';", "SELECT 2;"]],
  ["a backslash escapes in an escape string", "SELECT E'a\\';b';", ["SELECT E'a\\';b';"]],
  ["a name that ends in e is no escape string", "SELECT note'a\\';", ["SELECT note'a\\';"]],
  ["a quoted name", 'SELECT ";" FROM t;', ['SELECT ";" FROM t;']],
  ["dollar quotes", "SELECT $$a;b$$; SELECT $x$;$$;$x$;", ["SELECT $$a;b$$;", "SELECT $x$;$$;$x$;"]],
  ["a parameter is no dollar quote", "SELECT $1; SELECT $2;", ["SELECT $1;", "SELECT $2;"]],
  ["a dollar inside of a name", "SELECT a$b; SELECT $b$;$b$;", ["SELECT a$b;", "SELECT $b$;$b$;"]],
  ["a line comment", "SELECT 1 -- a;b\n; SELECT 2;", ["SELECT 1 -- a;b\n;", "SELECT 2;"]],
  ["a line comment of Windows", "SELECT 1 -- a;b\r\n; SELECT 2;", ["SELECT 1 -- a;b\r\n;", "SELECT 2;"]],
  ["a nested comment", "SELECT /* a /* ; */ ; */ 1;", ["SELECT /* a /* ; */ ; */ 1;"]],
  ["nothing between semicolons", ";; /* nothing */ ; SELECT 1;", ["SELECT 1;"]],
  ["minus and division", "SELECT 4-2/1;", ["SELECT 4-2/1;"]],
])("CL-03 statements: %s", (_why, input, expected) => {
  expect(texts(input)).toEqual(expected);
});

test("CL-03 what is unfinished says inside of what", () => {
  const openIn = (input: string): string => splitInput(input).openIn;
  expect(openIn("")).toBe("nothing");
  expect(openIn("SELECT 1; -- done")).toBe("nothing");
  expect(openIn("SELECT 1")).toBe("statement");
  expect(openIn("SELECT (1")).toBe("(");
  expect(openIn("SELECT 'a")).toBe("'");
  expect(openIn('SELECT "a')).toBe('"');
  expect(openIn("SELECT $q$ a")).toBe("$");
  expect(openIn("SELECT E'a\\'")).toBe("'");
  expect(openIn("SELECT E'a\\")).toBe("'");
  expect(openIn("SELECT /* a /* b */")).toBe("/*");
});

test("CL-03 a command goes to the end of its line, wherever it stands outside of quotes", () => {
  expect(splitInput("\\dt chat.*\nSELECT 1 \\gx\nSELECT '\\dn';").parts).toEqual([
    { kind: "command", text: "\\dt chat.*", start: 0, pending: "" },
    { kind: "command", text: "\\gx", start: 20, pending: "SELECT 1" },
    { kind: "statement", text: "SELECT '\\dn';", start: 24 },
  ]);
});

test("CL-03 a command in the middle leaves the statement alone, one that ends it takes it", () => {
  const { parts, rest } = splitInput("SELECT\n\\timing\n 1");
  expect(parts).toEqual([{ kind: "command", text: "\\timing", start: 7, pending: "SELECT" }]);
  expect(rest.replace(/\s+/g, " ")).toBe("SELECT 1");
  expect(splitInput("SELECT 1 \\r\nSELECT 2;").parts.at(-1)).toEqual({
    kind: "statement",
    text: "SELECT 2;",
    start: 12,
  });
});

test("CL-03 places of statements are those of their first characters", () => {
  const input = "  SELECT 1;\n\n-- about\nSELECT 2;";
  expect(splitInput(input).parts.map(({ start }) => start)).toEqual([2, 13]);
});

test("CL-03 comments and white space alone are no statement", () => {
  expect(isBlank(" -- a\n /* b */ ")).toBe(true);
  expect(withoutLead("/* a */ -- b\n SELECT 1")).toBe("SELECT 1");
});
