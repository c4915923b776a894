import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZipFile } from "../../src/jobs/zip-file.ts";
import { readZip } from "../support/read-zip.ts";

test("OP-03 a ZIP file holds each entry as it was written, whatever its size and name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kalamdb-zip-"));
  const path = join(folder, "a.zip");
  const zip = await ZipFile.create(path);
  const long = Array.from({ length: 400 }, (_, index) => `${index} `.repeat(1_000));
  await zip.add("empty", []);
  await zip.add("straße/ü.json", ["häl", "lo 🎉"]);
  await zip.add("long", long);
  expect(existsSync(path)).toBe(false);
  const bytes = await zip.finish();
  const file = readFileSync(path);
  expect(file.byteLength).toBe(bytes);
  expect(readZip(file)).toEqual({ empty: "", "straße/ü.json": "hällo 🎉", long: long.join("") });
  rmSync(folder, { recursive: true });
});

test("OP-03 a ZIP file whose contents fail is not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kalamdb-zip-"));
  const zip = await ZipFile.create(join(folder, "a.zip"));
  const failing = async function* (): AsyncGenerator<string> {
    yield "a";
    await Bun.sleep(0);
    throw new Error("no more");
  };
  expect(zip.add("a", failing())).rejects.toThrow("no more");
  await Bun.sleep(20);
  await zip.discard();
  expect(existsSync(join(folder, "a.zip.part"))).toBe(false);
  rmSync(folder, { recursive: true });
});
