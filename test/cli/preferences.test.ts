// The command line, config.toml, the environment, and which of them counts.
import { expect, test } from "bun:test";
import { parseFlags, usage } from "../../src/cli/flags.ts";
import { parseUrl, readPreferences } from "../../src/cli/preferences.ts";

test("CL-03 a flag beats the environment, the environment the file, the file the default", () => {
  const file = 'url = "http://file:1"\nuser = "file"\nformat = "csv"\ntimeout_seconds = 2.5\n';
  const env = { KALAMDB_URL: "http://env:2", KALAMDB_USER: "env" };
  const { preferences } = parseFlags(["--url", "http://flag:3"]);
  const read = readPreferences({ flags: preferences, env, file });
  expect([read.url, read.user, read.format, read.timeoutMs, read.historySize]).toEqual([
    "http://flag:3",
    "env",
    "csv",
    2500,
    1000,
  ]);
});

test.each([
  ["localhost:8080", "http://localhost:8080"],
  ["127.0.0.1", "http://127.0.0.1"],
  ["db.example.com", "https://db.example.com"],
  ["http://h:1/", "http://h:1"],
  ["https://h/kalam/", "https://h/kalam"],
])("CL-03 the address %s means %s", (given, expected) => {
  expect(parseUrl(given)).toBe(expected);
});

test.each(["ftp://h", "http://u:p@h", "http://h/?q", "http://", "http://h#x"])(
  "CL-03 %s is no address of a server",
  (given) => {
    expect(() => parseUrl(given)).toThrow();
  },
);

test.each([
  ["an unknown key", "formt = 'csv'", 'unknown key "formt" (did you mean "format"?)'],
  ["a bad value", "format = 'xml'", "format in config.toml is one of table, json, csv"],
  ["a number as text", "history_size = -1", "history_size in config.toml is a whole number"],
  ["no TOML", "url =", "config.toml:"],
])("CL-03 a config file with %s is refused by name", (_why, file, message) => {
  expect(() => readPreferences({ flags: {}, env: {}, file })).toThrow(message);
});

test.each([
  [["--nope"], "unknown flag --nope"],
  [["--usr", "x"], 'unknown flag --usr (did you mean "--user"?)'],
  [["--json", "--csv"], "say the same thing"],
  [["a", "b"], 'unexpected argument "b"'],
  [["-v", "x"], "NAME=VALUE"],
  [["--command"], "--command"],
])("CL-03 the command line %p is refused", (argv, message) => {
  expect(() => parseFlags(argv)).toThrow(message);
});

test("CL-03 commands and files run in the order they were given", () => {
  expect(parseFlags(["-c", "SELECT 1", "-f", "a.sql", "-c", "\\dt", "-xq"]).scripts).toEqual([
    { kind: "command", text: "SELECT 1" },
    { kind: "file", text: "a.sql" },
    { kind: "command", text: "\\dt" },
  ]);
});

test("CL-03 the help names every flag, and fits a terminal", () => {
  expect(usage()).toContain("-c, --command SQL");
  expect(
    Math.max(
      ...usage()
        .split("\n")
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(120);
});
