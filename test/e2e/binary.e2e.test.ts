// OP-01: the one binary, built as a user builds it and run where there is nothing else: no source, no modules, no Bun.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/link/index.ts";
import { ServerProcess } from "../support/server-process.ts";
import { loginToken, TestUser } from "../support/test-server.ts";

const TIMEOUT_MS = 240_000;
let folder: string;
let binary: string;

const ROOT = new URL("../..", import.meta.url).pathname;

/** Built in a copy of the tree that is gone afterwards: what the binary would still look for there is not found. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-binary-"));
  binary = join(folder, "kalamdb");
  const tree = join(folder, "tree");
  for (const part of ["src", "build.ts", "package.json", "bun.lock", "tsconfig.json"]) {
    await cp(join(ROOT, part), join(tree, part), { recursive: true });
  }
  await inTree(tree, "install", "--frozen-lockfile", "--production", "--silent");
  await inTree(tree, "build.ts", "--outfile", binary);
  await rm(tree, { recursive: true });
}, TIMEOUT_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function inTree(tree: string, ...args: readonly string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, ...args], { cwd: tree, stdout: "ignore" });
  expect(await child.exited).toBe(0);
}

async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = Bun.spawn([binary, ...args], { cwd: folder, env: { PATH: "" }, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

async function jobEnd(root: TestUser, started: string | undefined): Promise<unknown> {
  const id = /Job ID: (\S+)$/.exec(started ?? "")?.[1];
  for (;;) {
    const [[status, message] = []] = await root.rows("SELECT status, message FROM system.jobs WHERE job_id = $1", [id]);
    if (status === "failed") return message;
    if (status !== "pending" && status !== "running") return status;
    await Bun.sleep(10);
  }
}

test("OP-01 it says its version and its flags", async () => {
  expect(await run("--version")).toMatchObject({ code: 0, output: expect.stringMatching(/^kalamdb \d+\.\d+\.\d+\n$/) });
  expect(await run("--help")).toMatchObject({ code: 0, output: expect.stringContaining("--data-dir") });
});

test(
  "OP-01 it answers SQL, follows a live query, flushes, indexes, backs itself up and stops with exit 0",
  async () => {
    await using server = await ServerProcess.start({ binary, folder: join(folder, "data") });
    const root = new TestUser(server.url, "root", await loginToken(server.url, "root", server.password));
    await root.sql("CREATE NAMESPACE app");
    await root.sql("CREATE SHARED TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
    const client = createClient({ url: server.url, auth: { user: "root", password: server.password } });
    const live = client.live("SELECT id, body FROM app.notes WHERE body LIKE 'a%'");
    await live.ready;
    await root.sql("INSERT INTO app.notes SELECT n, 'a' || n FROM generate_series(1, 500) AS n");
    while (live.rows().length < 500) await Bun.sleep(5);
    expect(await jobEnd(root, (await root.sql("STORAGE FLUSH TABLE app.notes")).message)).toBe("completed");
    expect(await root.rows("SELECT count(*), min(body) FROM app.notes")).toEqual([["500", "a1"]]);
    await root.sql("CREATE INDEX by_body ON app.notes (body)");
    expect(await jobEnd(root, (await root.sql(`BACKUP DATABASE TO '${join(folder, "backup")}'`)).message)).toBe(
      "completed",
    );
    client.disconnect();
    expect(await server.end()).toBe(0);

    expect(
      await run("restore", "--from", join(folder, "backup"), "--data-dir", join(folder, "restored")),
    ).toMatchObject({
      code: 0,
    });
    await using restored = await ServerProcess.start({
      binary,
      folder: join(folder, "restored"),
      password: server.password,
    });
    const again = new TestUser(restored.url, "root", await loginToken(restored.url, "root", restored.password));
    expect(await again.rows("SELECT count(*) FROM app.notes WHERE body LIKE 'a%'")).toEqual([["500"]]);
  },
  TIMEOUT_MS,
);
