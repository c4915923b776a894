// OP-02: the log in files, on a real folder with a clock that the test moves.
import { expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFiles, type LogFilesOptions, MAX_WAITING_BYTES } from "../../src/server/log-files.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function openLog(overrides: Partial<LogFilesOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), "kalamdb-log-"));
  const folder = join(root, "logs");
  const clock = { nowMs: Date.now() };
  const options: LogFilesOptions = {
    folder,
    maxFileBytes: 1_000,
    maxFileAgeMs: DAY_MS,
    retentionMs: 14 * DAY_MS,
    maxFiles: 100,
    nowMs: () => clock.nowMs,
    ...overrides,
  };
  const log = new LogFiles(options);
  return {
    log,
    folder,
    clock,
    files: () => readdirSync(folder).sort(),
    text: () =>
      readdirSync(folder)
        .sort((a, b) => Number(a === "kalamdb.log") - Number(b === "kalamdb.log") || (a < b ? -1 : 1))
        .map((name) => readFileSync(join(folder, name), "utf8"))
        .join(""),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

const line = (number: number): string => `${JSON.stringify({ number, text: "x".repeat(80) })}\n`;

test("OP-02 files are put aside by size, no line is lost or cut, and order is kept", async () => {
  using it = openLog();
  for (let number = 0; number < 50; number += 1) {
    it.log.write(line(number));
    if (number % 3 === 0) await it.log.close();
    if (number % 7 === 0) it.clock.nowMs += 1;
  }
  await it.log.close();
  expect(it.files().length).toBeGreaterThan(3);
  expect(it.text()).toBe(Array.from({ length: 50 }, (_unused, number) => line(number)).join(""));
});

test("OP-02 a file is put aside by age, and the one of the last process is gone on with", async () => {
  using it = openLog();
  it.log.write(line(1));
  await it.log.close();
  it.log.write(line(2));
  await it.log.close();
  expect(it.files()).toEqual(["kalamdb.log"]);
  it.clock.nowMs += DAY_MS + HOUR_MS;
  it.log.write(line(3));
  await it.log.close();
  expect(it.files()).toHaveLength(2);
  expect(readFileSync(join(it.folder, "kalamdb.log"), "utf8")).toBe(line(3));
});

test("OP-02 only files that were put aside go: after their time, or when there are too many, oldest first", async () => {
  using it = openLog({ maxFiles: 2 });
  it.log.write(line(1));
  await it.log.close();
  const aside = (day: number): string => `kalamdb-202601${String(day).padStart(2, "0")}T000000000Z.log`;
  for (const day of [1, 2, 3]) writeFileSync(join(it.folder, aside(day)), "old");
  writeFileSync(join(it.folder, "mine.log"), "mine");
  expect(await it.log.outdated()).toEqual([aside(1)]);
  const longAgo = (it.clock.nowMs - 15 * DAY_MS) / 1_000;
  utimesSync(join(it.folder, aside(3)), longAgo, longAgo);
  utimesSync(join(it.folder, "mine.log"), longAgo, longAgo);
  utimesSync(join(it.folder, "kalamdb.log"), longAgo, longAgo);
  expect(await it.log.outdated()).toEqual([aside(1), aside(3)]);
  expect(await it.log.remove(aside(1))).toBe(3);
  expect(await it.log.remove(aside(1))).toBe(0);
  expect(await it.log.remove("mine.log")).toBe(0);
  expect(it.files()).toEqual([aside(2), aside(3), "kalamdb.log", "mine.log"].sort());
});

test("OP-02 lines past the bound are lost and counted, whoever logs goes on", async () => {
  using it = openLog({ maxFileBytes: 100 * 1024 * 1024 });
  const large = `${"x".repeat(1024 * 1024 - 1)}\n`;
  for (let number = 0; number < 10; number += 1) it.log.write(large);
  await it.log.close();
  it.log.write("after\n");
  await it.log.close();
  const text = it.text();
  expect(text.length).toBeLessThan(MAX_WAITING_BYTES + 1_000);
  expect(JSON.parse(text.split("\n").find((one) => one.startsWith("{")) ?? "")).toMatchObject({
    level: "warn",
    message: "log lines lost",
    lines: 6,
  });
  expect(text).toEndWith("after\n");
});

test("OP-02 a disk that refuses loses lines, tells how many, and is written to again when it does not", async () => {
  using it = openLog();
  // Not to be opened as a file, not even by root.
  mkdirSync(join(it.folder, "kalamdb.log"), { recursive: true });
  for (const number of [1, 2]) {
    it.log.write(line(number));
    await it.log.close();
  }
  rmdirSync(join(it.folder, "kalamdb.log"));
  it.log.write(line(3));
  await it.log.close();
  expect(it.text()).toMatch(/^{.*"log lines lost","lines":2}\n.*"number":3/);
});

test("OP-02 a place where no folder can be made loses lines and hurts nobody", async () => {
  using it = openLog();
  const blocked = openLog({ folder: join(it.folder, "..", "file", "logs") });
  writeFileSync(join(it.folder, "..", "file"), "");
  blocked.log.write(line(1));
  await blocked.log.close();
  expect(await blocked.log.outdated()).toEqual([]);
  blocked[Symbol.dispose]();
});
