import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { isKey, type ObjectStore, type PutStep } from "../../../src/storage/objects/object-store.ts";
import { rejection } from "../cold/rejection.ts";
import { temporaryFolder } from "../open-test-store.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function keysOf(objects: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of objects.list(prefix)) keys.push(...page.map(({ key }) => key));
  return keys;
}

test("ST-07 an object is put, described, read by range, listed and removed", async () => {
  using folder = temporaryFolder();
  const objects = openFilesystemStore(join(folder.path, "made", "on", "demand"));
  expect(await keysOf(objects)).toEqual([]);
  expect(await objects.head("a/b/c")).toBeUndefined();
  await objects.put("a/b/c", text("0123456789"));
  await objects.put("a/b/c", text("abcdefghij"));
  await objects.put("a/z", text("x"));
  expect(await objects.head("a/b/c")).toMatchObject({ key: "a/b/c", sizeBytes: 10 });
  const reader = await objects.open("a/b/c");
  expect(reader.sizeBytes).toBe(10);
  expect(Buffer.from(await reader.read(2, 5)).toString()).toBe("cde");
  expect(() => reader.read(5, 11)).toThrow("ends too early");
  reader.close();
  expect(await keysOf(objects)).toEqual(["a/b/c", "a/z"]);
  expect(await keysOf(objects, "a/b/")).toEqual(["a/b/c"]);
  await objects.remove(["a/b/c", "never/was"]);
  expect(await keysOf(objects)).toEqual(["a/z"]);
  // Folders that a removal leaves empty go with it, the base stays.
  expect(existsSync(join(folder.path, "made/on/demand/a/b"))).toBe(false);
  await objects.remove(["a/z"]);
  expect(readdirSync(join(folder.path, "made/on/demand"))).toEqual([]);
});

test("ST-07 a listing comes in pages, ascending, whatever number of objects there is", async () => {
  using folder = temporaryFolder();
  const objects = openFilesystemStore(folder.path);
  for (let i = 0; i < 1_203; i += 1) {
    mkdirSync(join(folder.path, `t/${i % 3}`), { recursive: true });
    writeFileSync(join(folder.path, `t/${i % 3}/${i}`), "x");
  }
  const pages: number[] = [];
  for await (const page of objects.list("t/")) pages.push(page.length);
  expect(pages).toEqual([1_000, 203]);
  const keys = await keysOf(objects);
  expect(keys).toEqual([...keys].sort());
  expect(new Set(keys).size).toBe(1_203);
});

describe("ST-03 a put that stops", () => {
  const STEPS: readonly PutStep[] = ["written", "synced", "renamed", "folder-synced"];
  test.each([...STEPS])("after '%s' shows the whole object or none", async (step) => {
    using folder = temporaryFolder();
    const objects = openFilesystemStore(folder.path);
    const failpoint = (reached: PutStep): void => {
      if (reached === step) throw new Error("stopped");
    };
    expect(await rejection(objects.put("a/b", text("whole"), { failpoint }))).toMatchObject({ message: "stopped" });
    const isThere = step === "renamed" || step === "folder-synced";
    expect(await keysOf(objects)).toEqual(isThere ? ["a/b"] : []);
    const unfinished = await objects.removeUnfinished("", Number.POSITIVE_INFINITY);
    expect(unfinished).toEqual(isThere ? { files: 0, bytes: 0 } : { files: 1, bytes: 5 });
  });
});

test("ST-03 an object made piece by piece is there at the end, or not at all", async () => {
  using folder = temporaryFolder();
  const objects = openFilesystemStore(folder.path);
  const given = await objects.create("a/given-up");
  given.write(text("half"));
  given.discard();
  const made = await objects.create("a/made");
  made.write(text("one "));
  made.write(text("two"));
  expect(await keysOf(objects)).toEqual([]);
  await made.finish();
  expect(await keysOf(objects)).toEqual(["a/made"]);
  expect(await Bun.file(join(folder.path, "a/made")).text()).toBe("one two");
  expect(statSync(join(folder.path, "a/made")).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder.path, "a"))).toEqual(["made"]);
});

const HOSTILE = [
  "",
  "..",
  "a/../b",
  "../b",
  "/etc/passwd",
  "a//b",
  "a/",
  "./a",
  "a/./b",
  "a\\b",
  "a\0b",
  "a\nb",
  "\ud800",
  `${"x".repeat(256)}`,
  `${"é".repeat(128)}`,
  "a/".repeat(600),
];

test.each(HOSTILE)("AU-05 %p is no key: refused before the disk is asked", async (key) => {
  using folder = temporaryFolder();
  const objects = openFilesystemStore(join(folder.path, "storage"));
  expect(isKey(key)).toBe(false);
  const refused = { code: "STORAGE_ERROR" };
  expect(await rejection(objects.put(key, text("x")))).toMatchObject(refused);
  expect(await rejection(objects.open(key))).toMatchObject(refused);
  expect(await rejection(objects.head(key))).toMatchObject(refused);
  expect(await rejection(objects.remove([key]))).toMatchObject(refused);
  expect(existsSync(join(folder.path, "storage"))).toBe(false);
});

test.each(["a", "a/b.parquet", "a b/%2E%2E", "användare/é", "…/x", "a=b/~c"])("AU-05 %p is a key", (key) => {
  expect(isKey(key)).toBe(true);
});

test("AU-05 a symbolic link is not followed out of the folder, not written, read, listed or removed through", async () => {
  using folder = temporaryFolder();
  const root = join(folder.path, "storage");
  const outside = join(folder.path, "outside");
  mkdirSync(root);
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
  symlinkSync(outside, join(root, "link"));
  symlinkSync(join(outside, "secret"), join(root, "file"));
  const objects = openFilesystemStore(root);
  const refused = { code: "STORAGE_ERROR", message: expect.stringContaining("symbolic link") };
  expect(await rejection(objects.put("link/x", text("x")))).toMatchObject(refused);
  expect(await rejection(objects.open("link/secret"))).toMatchObject(refused);
  expect(await rejection(objects.open("file"))).toMatchObject(refused);
  expect(await rejection(objects.remove(["link/secret"]))).toMatchObject(refused);
  expect(await keysOf(objects)).toEqual([]);
  expect(await rejection(keysOf(objects, "link/"))).toMatchObject(refused);
  expect(await rejection(objects.put("link/new/x", text("x")))).toMatchObject(refused);
  expect(readdirSync(outside)).toEqual(["secret"]);
});

test("AU-05 the base itself may be a link", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "disk"));
  symlinkSync(join(folder.path, "disk"), join(folder.path, "storage"));
  const objects = openFilesystemStore(join(folder.path, "storage"));
  await objects.put("a/b", text("x"));
  expect(await keysOf(objects)).toEqual(["a/b"]);
  expect(await Bun.file(join(folder.path, "disk/a/b")).text()).toBe("x");
});
