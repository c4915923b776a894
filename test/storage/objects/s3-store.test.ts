import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ObjectStore } from "../../../src/storage/objects/object-store.ts";
import { openS3Store } from "../../../src/storage/objects/s3-store.ts";
import type { S3Location } from "../../../src/storage/objects/storage-location.ts";
import {
  type Fault,
  S3_ACCESS_KEY,
  S3_BUCKET,
  S3_REGION,
  S3_SECRET_KEY,
  startS3,
  type TestS3,
} from "../../support/s3-server.ts";
import { rejection } from "../cold/rejection.ts";
import { temporaryFolder } from "../open-test-store.ts";

const MIB = 1024 * 1024;
const folder = temporaryFolder();
let s3: TestS3;

beforeAll(() => {
  s3 = startS3({ pageKeys: 3 });
});
beforeEach(() => {
  s3.fault = () => undefined;
  s3.objects.clear();
  s3.requests.splice(0);
});
afterAll(async () => {
  await s3[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function location(overrides: Partial<S3Location> = {}): S3Location {
  return {
    kind: "s3",
    storageId: "far",
    bucket: S3_BUCKET,
    prefix: "base/",
    endpoint: s3.endpoint,
    region: S3_REGION,
    virtualHostedStyle: false,
    credentials: { accessKeyId: S3_ACCESS_KEY, secretAccessKey: S3_SECRET_KEY, sessionToken: undefined },
    requestTimeoutMs: 5_000,
    readCacheBytes: 4 * MIB,
    spoolDir: join(folder.path, "spool"),
    ...overrides,
  };
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function pagesOf(objects: ObjectStore, prefix: string): Promise<string[][]> {
  const pages: string[][] = [];
  for await (const page of objects.list(prefix)) pages.push(page.map(({ key }) => key));
  return pages;
}

function patterned(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 1) bytes[at] = (at * 31 + (at >> 11)) & 0xff;
  return bytes;
}

test("ST-07 an object is put in S3, described, read by range, listed and removed", async () => {
  const objects = openS3Store(location());
  const key = "chat/notes-7/%2E%2E%2Fé/~x=1.parquet";
  await objects.put(key, text("0123456789"));
  expect([...s3.objects.keys()]).toEqual([`base/${key}`]);
  expect(await objects.head(key)).toMatchObject({ key, sizeBytes: 10 });
  expect(await objects.head("none")).toBeUndefined();
  const reader = await objects.open(key);
  expect(Buffer.from(await reader.read(2, 5)).toString()).toBe("234");
  expect(() => reader.read(5, 11)).toThrow("ends too early");
  expect(await pagesOf(objects, "chat/")).toEqual([[key]]);
  await objects.remove([key, "never/was"]);
  expect(s3.objects.size).toBe(0);
  expect(await rejection(objects.open(key))).toMatchObject({ code: "STORAGE_ERROR" });
});

test("ST-07 a listing goes on over pages and stays below the storage's base and the prefix", async () => {
  const objects = openS3Store(location());
  for (let i = 0; i < 8; i += 1) await objects.put(`t/${i}`, text("x"));
  await objects.put("u/1", text("x"));
  s3.objects.set("elsewhere/t/9", new Uint8Array(1));
  expect(await pagesOf(objects, "t/")).toEqual([
    ["t/0", "t/1", "t/2"],
    ["t/3", "t/4", "t/5"],
    ["t/6", "t/7"],
  ]);
  expect((await pagesOf(objects, "")).flat()).toHaveLength(9);
});

test("ST-07 a large object goes in parts, from memory and piece by piece, and reads back as it was", async () => {
  const objects = openS3Store(location());
  const bytes = patterned(21 * MIB);
  await objects.put("from-memory", bytes);
  const writer = await objects.create("from-pieces");
  for (let at = 0; at < bytes.length; at += MIB) writer.write(bytes.subarray(at, at + MIB));
  expect(readdirSync(join(folder.path, "spool"))).toHaveLength(1);
  await writer.finish();
  expect(readdirSync(join(folder.path, "spool"))).toEqual([]);
  for (const key of ["base/from-memory", "base/from-pieces"]) {
    expect(Buffer.compare(s3.objects.get(key) ?? Buffer.alloc(0), bytes)).toBe(0);
    const parts = s3.requests.filter((request) => request.key === key && request.query.has("partNumber"));
    expect(parts).toHaveLength(3);
  }
  const reader = await objects.open("from-memory");
  for (const [start, end] of [
    [0, 1],
    [262_143, 262_145],
    [5_000_000, 9_000_001],
    [bytes.length - 8, bytes.length],
    [0, bytes.length],
  ] as const) {
    expect(Buffer.compare(Buffer.from(await reader.read(start, end)), bytes.subarray(start, end))).toBe(0);
  }
});

test("ST-05 what was read once is read from memory, within the bound of the cache", async () => {
  const objects = openS3Store(location({ readCacheBytes: 512 * 1024 }));
  await objects.put("x", patterned(3 * MIB));
  const reader = await objects.open("x");
  const gets = (): number => s3.requests.filter(({ method }) => method === "GET").length;
  await reader.read(10, 20);
  await reader.read(200_000, 262_144);
  expect(gets()).toBe(1);
  await reader.read(0, 3 * MIB);
  expect(gets()).toBe(2);
  // Larger than the cache: what was first in it is no more.
  await reader.read(10, 20);
  expect(gets()).toBe(3);
});

test("ST-03 nothing is there until an object is finished, and nothing after it is given up", async () => {
  const objects = openS3Store(location());
  const writer = await objects.create("x");
  writer.write(text("half"));
  expect(s3.objects.size).toBe(0);
  writer.discard();
  expect(s3.objects.size).toBe(0);
  expect(existsSync(join(folder.path, "spool"))).toBe(true);
  expect(readdirSync(join(folder.path, "spool"))).toEqual([]);
});

describe("faults", () => {
  const PASSING: readonly Fault[] = ["500", "503", "hang"];
  test.each([...PASSING])("ST-07 a request that fails once with %p is made again", async (fault) => {
    const objects = openS3Store(location({ requestTimeoutMs: 300 }));
    let failures = 1;
    s3.fault = () => (failures-- > 0 ? fault : undefined);
    await objects.put("x", text("whole"));
    expect(Buffer.from(s3.objects.get("base/x") ?? []).toString()).toBe("whole");
  });

  test("ST-07 a body cut short is read again, and an error when it stays short", async () => {
    const objects = openS3Store(location());
    await objects.put("x", text("0123456789"));
    let cut = 1;
    s3.fault = ({ method }) => (method === "GET" && cut-- > 0 ? "truncate" : undefined);
    const reader = await objects.open("x");
    expect(Buffer.from(await reader.read(0, 10)).toString()).toBe("0123456789");
    const always = openS3Store(location());
    s3.fault = ({ method }) => (method === "GET" ? "truncate" : undefined);
    const short = await always.open("x");
    expect(await rejection(Promise.resolve(short.read(0, 10)))).toMatchObject({ code: "STORAGE_UNREACHABLE" });
  });

  test("ST-07 a server that is down is STORAGE_UNREACHABLE, at once for what comes right after, and works when it is back", async () => {
    const down = startS3();
    const objects = openS3Store(location({ endpoint: down.endpoint }));
    await down.stop();
    const unreachable = { code: "STORAGE_UNREACHABLE", message: expect.stringContaining("'far'") };
    expect(await rejection(objects.put("x", text("x")))).toMatchObject(unreachable);
    expect(await rejection(objects.head("x"))).toMatchObject({
      ...unreachable,
      message: expect.stringContaining("a moment ago"),
    });
    await down[Symbol.asyncDispose]();
  });

  const REFUSED: readonly (readonly [string, Partial<S3Location>, string])[] = [
    [
      "a wrong secret",
      { credentials: { accessKeyId: S3_ACCESS_KEY, secretAccessKey: "wrong", sessionToken: undefined } },
      "SignatureDoesNotMatch",
    ],
    [
      "a wrong key id",
      { credentials: { accessKeyId: "AKIDNOBODY", secretAccessKey: "wrong", sessionToken: undefined } },
      "InvalidAccessKeyId",
    ],
    ["a wrong region", { region: "us-west-2" }, "AuthorizationHeaderMalformed"],
    ["a bucket that is not there", { bucket: "nobody-s" }, "NoSuchBucket"],
  ];
  test.each([...REFUSED])("ST-07 %s is refused once, without a retry, and named", async (_what, overrides, code) => {
    const objects = openS3Store(location(overrides));
    expect(await rejection(objects.put("x", text("x")))).toMatchObject({
      code: "STORAGE_ERROR",
      message: expect.stringContaining(code),
    });
    expect(s3.requests).toHaveLength(1);
  });

  test("AU-05 an error names the storage and S3's code, and no secret, whatever the server says", async () => {
    const objects = openS3Store(location());
    s3.fault = () => "403";
    const error = await rejection(objects.put("x", text("x")));
    expect(error).toMatchObject({ code: "STORAGE_ERROR", message: expect.stringContaining("AccessDenied") });
    expect(Bun.inspect(error)).not.toContain(S3_SECRET_KEY);
  });

  test("ST-08 a signal ends the wait for an answer", async () => {
    const objects = openS3Store(location({ requestTimeoutMs: 30_000 }));
    s3.fault = () => "hang";
    const abort = new AbortController();
    const pending = rejection(objects.put("x", text("x"), { signal: abort.signal }));
    abort.abort(new Error("cancelled"));
    expect(await pending).toMatchObject({ message: "cancelled" });
  });
});
