import { expect, test } from "bun:test";
import {
  deriveSealingKey,
  openCredentials,
  readCredentials,
  sealCredentials,
} from "../../../src/storage/objects/sealed-credentials.ts";
import { rejection } from "../cold/rejection.ts";

const SECRET = new TextEncoder().encode("a secret of at least thirty-two bytes");
const CREDENTIALS = { accessKeyId: "AKIDSEALED", secretAccessKey: "very/secret+key", sessionToken: undefined };

test("AU-05 credentials open with the secret they were sealed under, for their storage and no other", async () => {
  const key = await deriveSealingKey(SECRET);
  expect(await deriveSealingKey(SECRET)).toEqual(key);
  const sealed = await sealCredentials(key, "far", CREDENTIALS);
  expect(sealed).not.toContain("AKIDSEALED");
  expect(Buffer.from(sealed.split(".")[2] ?? "", "base64").toString("latin1")).not.toContain("secret");
  expect(await openCredentials(key, "far", sealed)).toEqual(CREDENTIALS);
  // Sealed twice, the text differs: nobody sees that two storages have the same key.
  expect(await sealCredentials(key, "far", CREDENTIALS)).not.toBe(sealed);
  const other = await deriveSealingKey(new TextEncoder().encode("another secret of thirty-two bytes!!"));
  const refused = { code: "STORAGE_ERROR", message: expect.stringContaining("do not open") };
  expect(await rejection(openCredentials(other, "far", sealed))).toMatchObject(refused);
  expect(await rejection(openCredentials(key, "near", sealed))).toMatchObject(refused);
  expect(await rejection(openCredentials(key, "far", `${sealed.slice(0, -4)}AAAA`))).toMatchObject(refused);
  expect(await rejection(openCredentials(key, "far", "nonsense"))).toMatchObject(refused);
});

test.each([
  null,
  [],
  {},
  "AKID",
  { access_key_id: "AKIDX" },
  { access_key_id: "AKIDX", secret_access_key: 5 },
  { access_key_id: "", secret_access_key: "hush-hush" },
  { access_key_id: "AKIDX", secret_access_key: "hush-hush", password: "x" },
])("AU-05 CREDENTIALS %p are refused, and not repeated", async (json) => {
  const error = await rejection(Promise.resolve().then(() => readCredentials(json)));
  expect(error).toMatchObject({ code: "INVALID_INPUT" });
  expect(Bun.inspect(error)).not.toContain("hush-hush");
  expect(Bun.inspect(error)).not.toContain("AKIDX");
});
