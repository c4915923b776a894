// The file of saved logins: private, replaced whole, never used when others could have read it.
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SavedLogins } from "../../src/cli/saved-logins.ts";

function setup(): Disposable & { readonly path: string; readonly warnings: string[]; readonly logins: SavedLogins } {
  const folder = mkdtempSync(join(tmpdir(), "kalam-logins-"));
  const path = join(folder, "kalam", "credentials.json");
  const warnings: string[] = [];
  return {
    path,
    warnings,
    logins: new SavedLogins(path, (text) => warnings.push(text)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

const LOGIN = { user: "root", accessToken: "a1", refreshToken: "r1" };

test("CL-03 a saved login is read by its server only, from a file of mode 0600", () => {
  using files = setup();
  files.logins.save("http://a", LOGIN);
  files.logins.save("http://b", { ...LOGIN, accessToken: "b1", refreshToken: undefined });
  expect(files.logins.read("http://a")).toEqual(LOGIN);
  expect(files.logins.read("http://b")).toEqual({ ...LOGIN, accessToken: "b1", refreshToken: undefined });
  expect(files.logins.read("http://c")).toBeUndefined();
  expect(statSync(files.path).mode & 0o777).toBe(0o600);
});

test("CL-03 a file that others can read is not used, and the user is told", () => {
  using files = setup();
  files.logins.save("http://a", LOGIN);
  chmodSync(files.path, 0o644);
  expect(files.logins.read("http://a")).toBeUndefined();
  expect(files.warnings.join()).toContain("can be read by others");
  // Saving makes it private again, and loses none of the others.
  files.logins.save("http://b", LOGIN);
  expect(files.logins.read("http://a")).toEqual(LOGIN);
  expect(statSync(files.path).mode & 0o777).toBe(0o600);
});

test("CL-03 a forgotten login is gone, others stay", () => {
  using files = setup();
  files.logins.save("http://a", LOGIN);
  files.logins.save("http://b", LOGIN);
  expect(files.logins.forget("http://a")).toBe(true);
  expect(files.logins.forget("http://a")).toBe(false);
  expect(files.logins.read("http://b")).toEqual(LOGIN);
});

test.each(["", "{", "[]", '{"http://a":{"user":1}}'])(
  "CL-03 a damaged file (%p) is refused, not overwritten",
  (text) => {
    using files = setup();
    files.logins.save("http://a", LOGIN);
    writeFileSync(files.path, text);
    expect(() => files.logins.read("http://a")).toThrow("is damaged");
    expect(() => files.logins.save("http://a", LOGIN)).toThrow("is damaged");
  },
);

test("CL-03 clients that save at the same time lose nothing of one another's", async () => {
  using files = setup();
  const code = `
    const { SavedLogins } = await import(${JSON.stringify(new URL("../../src/cli/saved-logins.ts", import.meta.url).pathname)});
    const logins = new SavedLogins(process.argv[1], () => undefined);
    for (let at = 0; at < 8; at++) logins.save("http://" + process.argv[2] + at, { user: "root", accessToken: "a", refreshToken: "r" });
  `;
  const clients = ["a", "b", "c"].map((name) => Bun.spawn([process.execPath, "-e", code, files.path, name]));
  expect(await Promise.all(clients.map((client) => client.exited))).toEqual([0, 0, 0]);
  for (const name of ["a", "b", "c"]) {
    for (let at = 0; at < 8; at++) expect(files.logins.read(`http://${name}${at}`)?.user).toBe("root");
  }
});
