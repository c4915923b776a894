// ST-05 ST-07: a segment file with any byte changed is an error that names its table: never other rows, never fewer, never a reader that does not come back.
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seqOf, tableIdOf } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { writeSegment } from "../../../src/storage/cold/parquet-write.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { ALICE, definition, failureOf } from "../open-test-store.ts";
import { withoutChecksums } from "./without-checksums.ts";

const SCHEMA: TableSchema = { ...definition("t"), id: tableIdOf(1), version: 1, createdAtMs: 0, updatedAtMs: 0 };
const PATH = "t/segment-1.parquet";

async function openSegment(count: number, body: (index: number) => string) {
  const folder = mkdtempSync(join(tmpdir(), "kalamdb-damaged-"));
  const objects = openFilesystemStore(folder);
  const rows = Array.from(
    { length: count },
    (_unused, index): RowVersion => ({
      seq: seqOf(BigInt(1_000 + index)),
      deleted: index % 7 === 0,
      cells: [BigInt(index), body(index)],
    }),
  );
  await writeSegment({ objects, path: PATH, schema: SCHEMA, scope: ALICE, rows });
  const bytes = readFileSync(join(folder, PATH));
  const read = async (): Promise<RowVersion[]> => {
    const all: RowVersion[] = [];
    const query = { objects, path: PATH, schema: SCHEMA, scope: ALICE, expectedRows: count };
    for await (const some of readSegment(query)) all.push(...some);
    return all;
  };
  return {
    rows,
    bytes,
    read,
    write: (changed: Uint8Array) => writeFileSync(join(folder, PATH), changed),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test("ST-05 a changed bit anywhere in a file is found before anything is decoded", async () => {
  using it = await openSegment(300, (index) => `body ${(index * 7_919) % 1_000}`);
  expect(await it.read()).toEqual(it.rows);
  for (let at = 0; at < it.bytes.length; at += 5) {
    const changed = Buffer.from(it.bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    it.write(changed);
    expect(await failureOf(it.read()), `byte ${at}`).toMatchObject({
      code: "STORAGE_ERROR",
      message: expect.stringContaining("chat.t"),
    });
  }
});

test("ST-05 so is one in a file of many blocks, and a file that was cut short", async () => {
  using it = await openSegment(4_000, (index) => new Bun.CryptoHasher("sha512").update(`${index}`).digest("base64"));
  expect(it.bytes.length).toBeGreaterThan(4 * 64 * 1024);
  expect(await it.read()).toEqual(it.rows);
  for (let at = 1_000; at < it.bytes.length; at += 30_011) {
    const changed = Buffer.from(it.bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    it.write(changed);
    expect(await failureOf(it.read()), `byte ${at}`).toMatchObject({ code: "STORAGE_ERROR" });
    it.write(it.bytes.subarray(0, at));
    expect(await failureOf(it.read()), `cut at ${at}`).toMatchObject({ code: "STORAGE_ERROR" });
  }
});

test("ST-06 a file that lost its checksums is refused; one from before there were any is read", async () => {
  using it = await openSegment(10, (index) => `body ${index}`);
  const without = withoutChecksums(it.bytes);
  const lost = Buffer.from(without);
  lost.write("kalamdb.checksums", without.indexOf("kalamdb.something"));
  it.write(lost);
  expect(await failureOf(it.read())).toMatchObject({ code: "STORAGE_ERROR" });
  it.write(without);
  expect(await it.read()).toEqual(it.rows);
});
