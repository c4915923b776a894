// What a storage needs of an S3 server. Runs against the test server, or against the one at KALAMDB_TEST_S3_ENDPOINT (`.ci/run` starts a gateway there) with the same
// bucket, region and keys.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { checkStorage, statusOf, usedBytes } from "../../../src/storage/objects/check-storage.ts";
import type { ObjectStore } from "../../../src/storage/objects/object-store.ts";
import { openS3Store } from "../../../src/storage/objects/s3-store.ts";
import type { S3Location } from "../../../src/storage/objects/storage-location.ts";
import { S3_ACCESS_KEY, S3_BUCKET, S3_REGION, S3_SECRET_KEY, startS3, type TestS3 } from "../../support/s3-server.ts";
import { rejection } from "../cold/rejection.ts";
import { temporaryFolder } from "../open-test-store.ts";

setDefaultTimeout(240_000);

const folder = temporaryFolder();
const given = process.env["KALAMDB_TEST_S3_ENDPOINT"];
const prefix = `conformance-${crypto.randomUUID()}/`;
let own: TestS3 | undefined;
let endpoint = given ?? "";

beforeAll(() => {
  if (given !== undefined) return;
  own = startS3();
  endpoint = own.endpoint;
});
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function open(overrides: Partial<S3Location> = {}): ObjectStore {
  return openS3Store({
    kind: "s3",
    storageId: "far",
    bucket: S3_BUCKET,
    prefix,
    endpoint,
    region: S3_REGION,
    virtualHostedStyle: false,
    credentials: { accessKeyId: S3_ACCESS_KEY, secretAccessKey: S3_SECRET_KEY, sessionToken: undefined },
    requestTimeoutMs: 30_000,
    readCacheBytes: 0,
    spoolDir: join(folder.path, "spool"),
    ...overrides,
  });
}

async function keysOf(objects: ObjectStore, below: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of objects.list(below)) keys.push(...page.map(({ key }) => key));
  return keys;
}

test("ST-07 a healthy bucket is healthy", async () => {
  expect(statusOf(await checkStorage(open()))).toBe("healthy");
});

test("ST-07 objects are put, described, read by range, replaced and removed", async () => {
  const objects = open();
  const key = "chat/notes-7/%2E%2E%2Falice/shard=a/segment-1.parquet";
  await objects.put(key, new TextEncoder().encode("0123456789"));
  await objects.put(key, new TextEncoder().encode("abcdefghij"));
  expect(await objects.head(key)).toMatchObject({ key, sizeBytes: 10 });
  const reader = await objects.open(key);
  expect(Buffer.from(await reader.read(3, 7)).toString()).toBe("defg");
  expect(await keysOf(objects, "chat/")).toEqual([key]);
  await objects.remove([key, "never/was"]);
  expect(await objects.head(key)).toBeUndefined();
  expect(await keysOf(objects, "")).toEqual([]);
});

test("ST-07 a listing of more than a page is whole", async () => {
  const objects = open();
  const keys = Array.from({ length: 1_050 }, (_unused, i) => `many/${String(i).padStart(5, "0")}`);
  for (let at = 0; at < keys.length; at += 50) {
    await Promise.all(keys.slice(at, at + 50).map((key) => objects.put(key, new Uint8Array([1]))));
  }
  expect(await keysOf(objects, "many/")).toEqual(keys);
  expect(await usedBytes(objects)).toBe(1_050);
  await objects.remove(keys);
  expect(await keysOf(objects, "many/")).toEqual([]);
});

test("ST-07 an object in parts is what it was made of", async () => {
  const objects = open();
  const bytes = new Uint8Array(20 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * 7 + (at >> 13)) & 0xff;
  const writer = await objects.create("large");
  for (let at = 0; at < bytes.length; at += 1 << 20) writer.write(bytes.subarray(at, at + (1 << 20)));
  await writer.finish();
  const reader = await objects.open("large");
  expect(reader.sizeBytes).toBe(bytes.length);
  expect(Buffer.compare(Buffer.from(await reader.read(0, bytes.length)), bytes)).toBe(0);
  await objects.remove(["large"]);
});

test.each([
  ["a wrong secret", { credentials: { accessKeyId: S3_ACCESS_KEY, secretAccessKey: "x", sessionToken: undefined } }],
  ["an unknown key id", { credentials: { accessKeyId: "AKIDNOBODY", secretAccessKey: "x", sessionToken: undefined } }],
  ["a bucket that is not there", { bucket: "nobody-s-bucket" }],
  ["another region", { region: "us-west-2" }],
])("ST-07 %s is refused for good", async (_what, overrides) => {
  expect(await rejection(open(overrides).put("x", new Uint8Array(1)))).toMatchObject({ code: "STORAGE_ERROR" });
});
