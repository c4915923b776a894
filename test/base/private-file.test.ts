import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePrivateFile } from "../../src/base/private-file.ts";

const folder = mkdtempSync(join(tmpdir(), "kalamdb-private-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("AU-05 a private file is replaced whole, and its owner alone may read it", () => {
  const path = join(folder, "secret");
  writePrivateFile(path, "one");
  writePrivateFile(path, "two");
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["two", 0o600]);
  expect(readdirSync(folder)).toEqual(["secret"]);
});

test("AU-05 a private file that finds no room for all of its text is an error, and the old one stays", async () => {
  const path = join(folder, "kept");
  writePrivateFile(path, "old");
  const module = new URL("../../src/base/private-file.ts", import.meta.url).pathname;
  const writing = `import { writePrivateFile } from ${JSON.stringify(module)}; writePrivateFile(${JSON.stringify(path)}, "x".repeat(100_000))`;
  // The first part of the text is written and no more, as on a disk that is all but full.
  const script = `trap '' XFSZ; ulimit -f 8; exec "$0" -e "$1"`;
  const child = Bun.spawn(["sh", "-c", script, process.execPath, writing], { stdio: ["ignore", "ignore", "ignore"] });
  expect(await child.exited).not.toBe(0);
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
