// The program as a user runs it: what it prints, what it refuses to start with, and how it ends under load.
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../support/server-process.ts";
import { loginToken, startTestServer, TestUser } from "../support/test-server.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "kalamdb-process-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Of a start that must fail, or that only prints. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

test("OP-02 every fault of the configuration is told at once, before a folder is made", async () => {
  await using home = await folder();
  const data = join(home.path, "data");
  const ended = await run(["serve", "--data-dir", data, "--log-level", "loud", "--nope"], {
    KALAMDB_SERVER_PORT: "70000",
  });
  expect(ended.code).toBe(2);
  for (const fault of ["--nope", "KALAMDB_SERVER_PORT", "70000", "--log-level", "loud"]) {
    expect(ended.err).toContain(fault);
  }
  expect(ended.err).not.toContain("    at ");
  expect(await Bun.file(join(data, "kalamdb.sqlite")).exists()).toBe(false);
});

test.each([
  ["lies under a file", "file/below"],
  ["is a file", "file"],
])("a data folder that %s is refused in one line that names it", async (_why, place) => {
  await using home = await folder();
  await Bun.write(join(home.path, "file"), "");
  const path = join(home.path, place);
  const ended = await run(["serve", "--port", "0", "--data-dir", path]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain(path);
  expect(ended.err).not.toContain("    at ");
});

test("a damaged data file is refused, named, and left as it is", async () => {
  await using home = await folder();
  const path = join(home.path, "kalamdb.sqlite");
  const damaged = crypto.getRandomValues(new Uint8Array(16_384));
  await mkdir(home.path, { recursive: true });
  await Bun.write(path, damaged);
  const ended = await run(["serve", "--port", "0", "--data-dir", home.path]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain(path);
  expect(ended.err).not.toContain("    at ");
  expect(await Bun.file(path).bytes()).toEqual(damaged);
});

test("a data folder in use by another server is refused and the first server goes on", async () => {
  await using server = await startTestServer();
  const ended = await run(["serve", "--port", "0", "--data-dir", server.folder]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain(server.folder);
  expect(await server.root.rows("SELECT 1")).toEqual([["1"]]);
});

test("AU-02 the first start says where the server and the password are, and the query it shows runs", async () => {
  await using home = await folder();
  const child = Bun.spawn([process.execPath, MAIN, "--port", "0", "--data-dir", home.path, "--log-level", "warn"], {
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: process.env["PATH"] ?? "" },
  });
  try {
    const text = await readUntil(child.stdout, "SELECT 1 + 1");
    const passwordPath = join(home.path, "root-password.txt");
    expect(text).toContain(passwordPath);
    const password = await Bun.file(passwordPath).text();
    expect(text).not.toContain(password.trim());
    const commands = text.slice(text.indexOf("Try it from another terminal:")).split("\n").slice(1).join("\n");
    const shell = Bun.spawn(["sh", "-c", commands], { stdout: "pipe", stderr: "inherit" });
    const reply = JSON.parse(await new Response(shell.stdout).text()) as {
      status: string;
      results: { rows: unknown[][] }[];
    };
    expect(reply.status).toBe("success");
    expect(String(reply.results[0]?.rows[0]?.[0])).toBe("2");
  } finally {
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  }
});

/** Everything printed up to and including the line that has `mark`. */
async function readUntil(stream: ReadableStream<Uint8Array>, mark: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const at = text.indexOf(mark);
    if (at >= 0 && text.indexOf("\n", at) >= 0) return text;
  }
  throw new Error(`not printed: ${mark}\n${text}`);
}

async function openTable(server: ServerProcess): Promise<TestUser> {
  const root = new TestUser(server.url, "root", await loginToken(server.url, "root", server.password));
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.log (id BIGINT PRIMARY KEY, n INT)");
  return root;
}

test.each([
  ["one signal", ["SIGTERM"]],
  ["the same signal many times, as a terminal and a package runner send it", ["SIGINT", "SIGINT", "SIGINT"]],
  ["a second signal of another kind", ["SIGINT", "SIGTERM"]],
] as const)(
  "ST-10 ST-01 a stop under load by %s loses no acknowledged write and ends with 0",
  async (_why, signals) => {
    await using home = await folder();
    const first = await ServerProcess.start({ folder: home.path, password: "correct-horse-1" });
    const root = await openTable(first);
    const acknowledged: number[] = [];
    const refusals = new Set<string>();
    const enough = Promise.withResolvers<void>();
    const writer = async (start: number): Promise<void> => {
      for (let id = start; ; id += 8) {
        try {
          const reply = await root.send("INSERT INTO app.log VALUES ($1, $2)", [id, id % 7]);
          if (reply.status !== "success") {
            refusals.add(reply.error?.code ?? "none");
            return;
          }
          acknowledged.push(id);
          if (acknowledged.length > 200) enough.resolve();
        } catch {
          // The connection went with the server.
          return;
        }
      }
    };
    const writers = Array.from({ length: 8 }, (_, start) => writer(start));
    await enough.promise;
    await root.sql("STORAGE FLUSH TABLE app.log");
    for (const signal of signals.slice(0, -1)) process.kill(first.pid, signal);
    expect(await first.end(signals.at(-1))).toBe(0);
    await Promise.all(writers);
    expect([...refusals].filter((code) => code !== "SHUTTING_DOWN")).toEqual([]);
    await using second = await ServerProcess.start({ folder: home.path, password: "correct-horse-1" });
    const again = new TestUser(second.url, "root", await loginToken(second.url, "root", "correct-horse-1"));
    const kept = new Set((await again.rows("SELECT id FROM app.log")).map(([id]) => Number(id)));
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  },
);

test("ST-10 a statement that is running when the stop begins is answered", async () => {
  await using server = await startTestServer();
  const counting =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000000) SELECT count(*) FROM c";
  const reply = server.root.send(counting);
  const running = "SELECT metric_value FROM system.stats WHERE metric_name = 'queries_running'";
  while ((await server.root.rows(running))[0]?.[0] !== "1") await Bun.sleep(1);
  await server.stop();
  expect(await reply).toMatchObject({ http: 200, results: [{ rows: [["10000000"]] }] });
});

test("ST-10 a body that stalls and a connection that only waits do not hold up the stop", async () => {
  await using server = await startTestServer({ "shutdown.timeout_ms": 60_000 });
  const port = Number(new URL(server.url).port);
  const head = `POST /v1/api/sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.root.token}\r\n`;
  const stalled = connect(port, "127.0.0.1");
  stalled.on("error", () => undefined);
  stalled.write(`${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`);
  const idle = connect(port, "127.0.0.1");
  idle.on("error", () => undefined);
  const answered = Promise.withResolvers<void>();
  idle.once("data", () => answered.resolve());
  idle.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  await answered.promise;
  // Far less than the shutdown's own bound, which is also past this test's.
  await server.stop();
  stalled.destroy();
  idle.destroy();
});

test("ST-10 a second stop waits for the first", async () => {
  const server = await startTestServer();
  await Promise.all([server.stop(), server.stop()]);
  await server[Symbol.asyncDispose]();
  const refused = await server.root.send("SELECT 1").then(
    () => "answered",
    () => "refused",
  );
  expect(refused).toBe("refused");
});
