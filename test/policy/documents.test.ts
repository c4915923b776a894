// The repository's promises about itself: documented errors, runtime dependencies, published names, version.
import { expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { ERRORS } from "../../src/base/errors.ts";
import { VERSION } from "../../src/base/version.ts";
import * as link from "../../src/link/index.ts";

const specs = `${import.meta.dir}/../../specs`;

test("every error code is documented with its status and whether a retry helps", async () => {
  const text = await Bun.file(`${specs}/errors.md`).text();
  const documented = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (yes|no) \| \S/gm)].map(([, code, http, retry]) => [
    code,
    http,
    retry,
  ]);
  const expected = Object.entries(ERRORS).map(([code, row]) => [code, String(row.http), row.retry ? "yes" : "no"]);
  expect(documented).toEqual(expected);
});

test("the runtime depends on nothing but what a decision allows", () => {
  expect(Object.keys(manifest.dependencies).toSorted()).toEqual([
    "@fastify/busboy",
    "@msgpack/msgpack",
    "hyparquet",
    "hyparquet-writer",
    "jose",
    "libpg-query",
  ]);
});

test("versions of dependencies are exact", () => {
  const versions = [...Object.values(manifest.dependencies), ...Object.values(manifest.devDependencies)];
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-r\.\d+)?$/.test(version))).toEqual([]);
});

test("CL-01 the client library publishes these names and no others", () => {
  expect(Object.keys(link).toSorted()).toEqual([
    "KalamError",
    "compareValues",
    "createClient",
    "parseFileRef",
    "refreshTokens",
    "signIn",
    "signOut",
  ]);
});

test("OP-02 the program knows its own version", () => {
  expect(VERSION).toBe(manifest.version);
});

test("every link between documents leads somewhere", async () => {
  for (const file of [
    "../README.md",
    "architecture.md",
    "sql.md",
    "protocol.md",
    "live-queries.md",
    "operations.md",
    "authentication.md",
    "jobs.md",
    "storage.md",
    "files.md",
    "cli.md",
    "errors.md",
  ]) {
    const text = await Bun.file(`${specs}/${file}`).text();
    const folder = new URL(`${specs}/${file}`, "file:///");
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? "");
    for (const target of targets) {
      const path = new URL(target, folder).pathname;
      const exists = (await Bun.file(path).exists()) || (await import("node:fs")).existsSync(path);
      expect({ file, target, exists }).toEqual({ file, target, exists: true });
    }
  }
});
