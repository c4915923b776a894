// First start and later starts on a real data folder.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadOrCreateSecrets, type Secrets } from "../../src/auth/secrets.ts";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import type { SettingValues } from "../../src/config/settings.ts";

let parent = "";
let dataDir = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "kalam-secrets-"));
  dataDir = join(parent, "deep", "data");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function load(values: Partial<SettingValues> = {}, warnings: string[] = []): Secrets {
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  return loadOrCreateSecrets({ dataDir, config: configOf(values).auth, log });
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function codeOfCall(call: () => unknown): string {
  try {
    call();
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

test("AU-02 the first start makes folder and secret, for the owner's eyes only, and leaves no temporary file", () => {
  const { jwtSecret } = load();
  expect(jwtSecret.length).toBe(32);
  expect(modeOf(dataDir)).toBe("700");
  expect(modeOf(join(dataDir, "secrets.json"))).toBe("600");
  expect(readdirSync(dataDir)).toEqual(["secrets.json"]);
});

test("AU-02 the next start finds the same secret, and another data folder has another", () => {
  const first = load().jwtSecret;
  expect(load().jwtSecret).toEqual(first);
  dataDir = join(parent, "other");
  expect(load().jwtSecret).not.toEqual(first);
});

test("AU-02 root's password is made when it is asked for, readable, private, and the same from then on", () => {
  const password = load().rootPassword();
  const path = join(dataDir, "root-password.txt");
  expect(password).toMatchObject({ source: "generated", createdNow: true, path });
  expect(password.value).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){4}$/);
  expect(readFileSync(path, "utf8")).toBe(`${password.value}\n`);
  expect(modeOf(path)).toBe("600");
  expect(load().rootPassword()).toEqual({ ...password, createdNow: false });
});

test("AU-02 two folders never get one password", () => {
  const values = Array.from({ length: 20 }, (_unused, index) => {
    dataDir = join(parent, String(index));
    return load().rootPassword().value;
  });
  expect(new Set(values).size).toBe(20);
});

test("AU-02 a password that is no longer root's can be forgotten, twice over", () => {
  const secrets = load();
  secrets.rootPassword();
  secrets.forgetGeneratedRootPassword();
  secrets.forgetGeneratedRootPassword();
  expect(readdirSync(dataDir)).toEqual(["secrets.json"]);
});

/** 32 bytes. */
const SECRET_TEXT = "quiet-lamp-over-77-green-bridges";

test("AU-02 configured secrets are used as given and never written to disk", () => {
  const secrets = load({ "auth.jwt_secret": SECRET_TEXT, "auth.root_password": "given by hand" });
  expect(new TextDecoder().decode(secrets.jwtSecret)).toBe(SECRET_TEXT);
  expect(secrets.rootPassword()).toEqual({
    value: "given by hand",
    source: "configured",
    createdNow: false,
    path: undefined,
  });
  expect(readdirSync(dataDir)).toEqual([]);
});

test.each<[string, string, string]>([
  ["31 bytes", SECRET_TEXT.slice(1), "INVALID_CONFIG"],
  ["32 bytes", SECRET_TEXT, "ok"],
  ["16 characters of two bytes", "äöüßéèêëàáâãñõóò", "ok"],
  ["one letter 32 times", "s".repeat(32), "INVALID_CONFIG"],
  ["one word again and again", "secret".repeat(6), "INVALID_CONFIG"],
  ["random digits", "4f9c02d1a7e83b56410c9d2e7fa8b635", "ok"],
  ["empty", "", "INVALID_CONFIG"],
  ["the peer's placeholder", "CHANGE_ME_IN_PRODUCTION", "INVALID_CONFIG"],
])("AU-02 a configured token secret of %s", (_why, secret, code) => {
  expect(codeOfCall(() => load({ "auth.jwt_secret": secret }))).toBe(code);
});

describe("AU-02 a damaged secrets file stops the start and is left alone", () => {
  test.each([
    ["cut short", '{"version":1,"jwtS'],
    ["empty", ""],
    ["another version", '{"version":2,"jwtSecret":"AAAA"}'],
    ["no secret", '{"version":1}'],
    ["secret too short", '{"version":1,"jwtSecret":"AAAA"}'],
    ["not base64", '{"version":1,"jwtSecret":"*"}'],
    ["not an object", "null"],
  ])("%s", (_why, text) => {
    load();
    const path = join(dataDir, "secrets.json");
    writeFileSync(path, text);
    expect(codeOfCall(() => load())).toBe("INVALID_CONFIG");
    expect(readFileSync(path, "utf8")).toBe(text);
  });
});

test("AU-02 a secret file others could read is made private, with a warning", () => {
  load();
  const path = join(dataDir, "secrets.json");
  chmodSync(path, 0o644);
  const warnings: string[] = [];
  load({}, warnings);
  expect(modeOf(path)).toBe("600");
  expect(warnings.length).toBe(1);
});

test("a data folder that cannot be made is a clear error", () => {
  writeFileSync(join(parent, "file"), "");
  dataDir = join(parent, "file", "data");
  expect(codeOfCall(() => load())).toBe("STORAGE_ERROR");
});
