// The history file: bounded, private, without secrets, shared by clients.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { History } from "../../src/cli/history.ts";

function setup(): Disposable & { readonly path: string; readonly warnings: string[]; open(size?: number): History } {
  const folder = mkdtempSync(join(tmpdir(), "kalam-history-"));
  const path = join(folder, "state", "history");
  const warnings: string[] = [];
  return {
    path,
    warnings,
    open: (size = 3) => new History({ path, size, warn: (text) => warnings.push(text) }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

test("CL-03 what was typed is there in the next session, statements of several lines as one", () => {
  using files = setup();
  const first = files.open();
  for (const text of ["SELECT 1;", "SELECT 1;", "SELECT\n2;", "  "]) first.add(text);
  expect(files.open().entries).toEqual(["SELECT 1;", "SELECT\n2;"]);
  expect(statSync(files.path).mode & 0o777).toBe(0o600);
});

test("CL-03 what may hold a secret is remembered for the session and never written", () => {
  using files = setup();
  const history = files.open();
  history.add("CREATE USER a WITH PASSWORD 'hunter2-hunter2'");
  history.add("SELECT 1");
  expect(history.entries).toContain("CREATE USER a WITH PASSWORD 'hunter2-hunter2'");
  expect(readFileSync(files.path, "utf8")).toBe('"SELECT 1"\n');
});

test("CL-03 the history is bounded, and so is its file", () => {
  using files = setup();
  const history = files.open();
  for (let index = 0; index < 10; index++) history.add(`SELECT ${index}`);
  expect(history.entries).toEqual(["SELECT 7", "SELECT 8", "SELECT 9"]);
  files.open();
  expect(readFileSync(files.path, "utf8").trim().split("\n")).toHaveLength(3);
});

test("CL-03 lines that are no history are passed over", () => {
  using files = setup();
  files.open().add("SELECT 1");
  writeFileSync(files.path, '"SELECT 1"\n{"x":1}\n"cut sho');
  expect(files.open().entries).toEqual(["SELECT 1"]);
});

test("CL-03 without a place for the file the session goes on, and says so once", () => {
  using files = setup();
  mkdirSync(files.path, { recursive: true });
  const history = files.open();
  history.add("SELECT 1");
  history.add("SELECT 2");
  expect(history.entries).toEqual(["SELECT 1", "SELECT 2"]);
  expect(files.warnings).toHaveLength(1);
});

test("CL-03 a size of 0 writes nothing", () => {
  using files = setup();
  files.open(0).add("SELECT 1");
  expect(() => statSync(files.path)).toThrow();
});
