// A lock that the operating system drops with its process.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "../../src/base/file-lock.ts";

const MODULE = new URL("../../src/base/file-lock.ts", import.meta.url).pathname;

function lockPath(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "kalam-lock-"));
  return { path: join(folder, "lock"), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test("ST-01 a lock is had once, and again when it was released", () => {
  using file = lockPath();
  {
    using first = lockFile(file.path, 0);
    expect(first).toBeDefined();
    expect(lockFile(file.path, 0)).toBeUndefined();
    expect(lockFile(file.path, 20)).toBeUndefined();
  }
  using again = lockFile(file.path, 0);
  expect(again).toBeDefined();
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
});

test("ST-01 a process that is killed leaves no lock behind", async () => {
  using file = lockPath();
  const code = `
    const { lockFile } = await import(${JSON.stringify(MODULE)});
    const lock = lockFile(process.argv[1], 0);
    process.stdout.write(lock === undefined ? "not had" : "had");
    setInterval(() => lock, 1000);
  `;
  const holder = Bun.spawn([process.execPath, "-e", code, file.path], { stdout: "pipe" });
  const { value } = await holder.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("had");
  expect(lockFile(file.path, 0)).toBeUndefined();
  holder.kill("SIGKILL");
  await holder.exited;
  using lock = lockFile(file.path, 0);
  expect(lock).toBeDefined();
});
