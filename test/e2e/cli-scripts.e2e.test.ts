// `kalam` without a terminal: commands, files and pipes against a real server, with what scripts rely on: results, messages and exit codes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SignJWT } from "jose";
import { type CliHome, cliHome } from "../support/cli-process.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

const SECRET = "a-secret-of-this-test-that-is-long-enough-0123456789";

// Each test starts processes, and machines that run tests are busy.
let server: TestServer;
let home: CliHome;

beforeAll(async () => {
  server = await startTestServer({ "auth.jwt_secret": SECRET });
  await server.root.sql("CREATE NAMESPACE chat");
  await server.root.sql("CREATE USER TABLE chat.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await server.root.sql("CREATE SHARED TABLE chat.papers (id INT PRIMARY KEY, paper FILE)");
  home = await cliHome(server.url);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("CL-03 a command prints its rows and their number, and ends with 0", async () => {
  expect(await home.run(["-c", "SELECT 1 AS one, NULL AS nothing"])).toEqual({
    stdout: "+-----+---------+\n| one | nothing |\n+-----+---------+\n|   1 | NULL    |\n+-----+---------+\n(1 row)\n",
    stderr: "",
    exitCode: 0,
  });
});

test("CL-03 results for programs hold nothing but data; messages go to standard error", async () => {
  const json = await home.run([
    "--json",
    "-c",
    "INSERT INTO chat.notes VALUES (1, 'a'); SELECT body FROM chat.notes WHERE id = 1",
  ]);
  expect(json).toEqual({ stdout: '[{"body":"a"}]\n', stderr: "Inserted 1 row(s)\n", exitCode: 0 });
  const csv = await home.run(["--csv", "-q", "-c", "DELETE FROM chat.notes WHERE id = 1", "-c", "SELECT 'x,y' AS c"]);
  expect(csv).toEqual({ stdout: 'c\n"x,y"\n', stderr: "", exitCode: 0 });
});

test("CL-03 a failure ends a script with 3 and says where; --keep-going goes on and still says so", async () => {
  const script = join(home.folder, "script.sql");
  await Bun.write(
    script,
    "SELECT 'first';\n\n-- a comment; with a semicolon\nSELECT nme FROM chat.notes;\nSELECT 'last';\n",
  );
  const stopped = await home.run(["-q", "--csv", "-f", script]);
  expect(stopped.stdout).not.toContain("last");
  expect(stopped.stderr).toContain(`${script}:3: ERROR `);
  expect(stopped.exitCode).toBe(3);
  const whole = await home.run(["-q", "--csv", "--keep-going", "-f", script]);
  expect(whole.stdout).toContain("last");
  expect(whole.exitCode).toBe(3);
});

test("CL-03 standard input is a script, with \\ commands in it", async () => {
  const input =
    "\\set id 41\nSELECT :id + 1 AS answer \\gx\n\\format csv\nSELECT ';' AS c;\n\\q\nSELECT 'not reached';";
  const { stdout, exitCode } = await home.run(["-q"], { stdin: input });
  expect(stdout).toBe("-[ RECORD 1 ]+----------\nanswer       | 42\nc\n;\n");
  expect(exitCode).toBe(0);
});

test("CL-03 USE lasts, and a transaction of several lines commits as one or not at all", async () => {
  const input =
    "USE chat;\nBEGIN;\nINSERT INTO notes VALUES (10, 'x');\nINSERT INTO notes VALUES (11, 'y');\nCOMMIT;\nSELECT count(*) AS n FROM notes WHERE id >= 10;\n";
  const done = await home.run(["--csv", "-q"], { stdin: input });
  expect(done).toEqual({ stdout: "n\n2\n", stderr: "", exitCode: 0 });
  const failed = await home.run(["-n", "chat"], {
    stdin: "BEGIN; INSERT INTO notes VALUES (12, 'x'); INSERT INTO notes VALUES (10, 'again'); COMMIT;",
  });
  expect(failed.exitCode).toBe(3);
  const open = await home.run(["-n", "chat"], { stdin: "BEGIN; INSERT INTO notes VALUES (13, 'x');" });
  expect(open.stderr).toContain("BEGIN without COMMIT");
  expect(open.exitCode).toBe(3);
  expect(await server.root.rows("SELECT id FROM chat.notes WHERE id > 11")).toEqual([]);
});

test("CL-03 a wrong password, no server and a bad flag have exit codes of their own", async () => {
  const refused = await home.run(["-c", "SELECT 1"], { env: { KALAMDB_PASSWORD: "wrong" } });
  expect([refused.exitCode, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain("UNAUTHORIZED");
  const nowhere = await home.run(["-u", "http://127.0.0.1:9", "-c", "SELECT 1"]);
  expect(nowhere.exitCode).toBe(2);
  expect(nowhere.stderr).toContain("Is the server running");
  expect((await home.run(["--nope"])).exitCode).toBe(1);
  const nobody = await home.run(["-c", "SELECT 1"], { env: { KALAMDB_USER: undefined, KALAMDB_PASSWORD: undefined } });
  expect(nobody.exitCode).toBe(1);
  expect(nobody.stderr).toContain("nobody to sign in as");
});

test("CL-03 passwords come from a file, keys and tokens from the environment", async () => {
  const file = join(home.folder, "password.txt");
  await Bun.write(file, "correct-horse-battery-42\n");
  const sql = ["--csv", "-c", "SELECT current_user AS u"];
  const none = { KALAMDB_PASSWORD: undefined };
  const expected = { stdout: "u\nroot\n", stderr: "", exitCode: 0 };
  expect(await home.run(["--password-file", file, ...sql], { env: none })).toEqual(expected);
  expect(await home.run(sql, { env: { ...none, KALAMDB_TOKEN: server.root.token } })).toEqual(expected);
  const key = await server.root.sql("CREATE API KEY cli");
  const secret = String(key.rows?.[0]?.find((cell) => String(cell).startsWith("kalam_")));
  expect(await home.run(sql, { env: { ...none, KALAMDB_API_KEY: secret } })).toEqual(expected);
});

test("CL-03 a plain user sees tables and columns", async () => {
  await server.user("ann");
  const env = { KALAMDB_USER: "ann", KALAMDB_PASSWORD: "pass-word-ann-1" };
  const { stdout, exitCode } = await home.run(["--csv", "-c", "\\dt chat.*", "-c", "\\d chat.notes"], { env });
  expect(stdout).toContain("chat,notes,user,");
  expect(stdout).toContain("id,BIGINT,false,true,\n");
  expect(exitCode).toBe(0);
});

test("CL-03 a file goes up with \\file and comes back with \\download, byte for byte", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(300_000));
  await Bun.write(join(home.folder, "up.bin"), bytes);
  const up = await home.run([
    "-c",
    "\\file doc ./up.bin image/png",
    "-c",
    "INSERT INTO chat.papers VALUES (1, FILE('doc'))",
  ]);
  expect(up).toMatchObject({ stderr: "", exitCode: 0 });
  const down = await home.run(["-c", "\\download chat.papers.paper ./down.bin WHERE id = 1"]);
  expect(down).toMatchObject({ stderr: "", exitCode: 0 });
  expect(Buffer.compare(await readFile(join(home.folder, "down.bin")), Buffer.from(bytes))).toBe(0);
  const all = await home.run(["-c", "\\download chat.papers.paper papers/"]);
  expect(all.stdout).toMatch(/papers\/\d+-up\.bin: 300000 bytes/);
  const none = await home.run(["-c", "\\download chat.papers.paper ./none.bin WHERE id = 2"]);
  expect(none.exitCode).toBe(3);
});

test("CL-03 \\export brings all of a user's own data as a ZIP file", async () => {
  const done = await home.run(["-q", "-c", "\\export mine.zip"]);
  expect(done).toMatchObject({ stderr: "", exitCode: 0 });
  const zip = await readFile(join(home.folder, "mine.zip"));
  expect(zip.subarray(0, 2).toString()).toBe("PK");
});

test("CL-03 results go to the file of \\o until it ends", async () => {
  const { stdout } = await home.run(["--csv", "-q"], { stdin: "\\o out.csv\nSELECT 1 AS a;\n\\o\nSELECT 2 AS b;\n" });
  expect(stdout).toBe("b\n2\n");
  expect(await Bun.file(join(home.folder, "out.csv")).text()).toBe("a\n1\n");
});

function endedToken(): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ role: "system", email: null, token_type: "access", iat_ms: (now - 300) * 1000 })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject("root")
    .setIssuer("kalamdb")
    .setIssuedAt(now - 300)
    .setExpirationTime(now - 120)
    .setJti(crypto.randomUUID())
    .sign(new TextEncoder().encode(SECRET));
}

test("CL-03 a saved login is used, renewed when it has ended, and the new refresh token saved", async () => {
  const login = await fetch(`${server.url}/v1/api/auth/login`, {
    method: "POST",
    body: JSON.stringify({ user: "root", password: "correct-horse-battery-42" }),
  });
  const { refresh_token: refreshToken } = (await login.json()) as { refresh_token: string };
  const ended = await endedToken();
  const path = join(home.folder, ".config/kalam/credentials.json");
  await Bun.write(path, JSON.stringify({ [server.url]: { user: "root", accessToken: ended, refreshToken } }));
  await chmod(path, 0o600);
  const env = { KALAMDB_PASSWORD: undefined };
  const first = await home.run(["--csv", "-c", "SELECT current_user AS u"], { env });
  expect(first).toEqual({ stdout: "u\nroot\n", stderr: "", exitCode: 0 });
  const saved = JSON.parse(await Bun.file(path).text()) as Record<
    string,
    { accessToken: string; refreshToken: string }
  >;
  expect(saved[server.url]?.accessToken).not.toBe(ended);
  expect(saved[server.url]?.refreshToken).not.toBe(refreshToken);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await home.run(["-c", "\\logout"], { env })).exitCode).toBe(0);
  expect((await home.run(["-c", "SELECT 1"], { env })).exitCode).toBe(1);
});

test("CL-03 whoever reads only the beginning of the output leaves no trace of an error", async () => {
  const child = home.start(["--csv", "-c", "SELECT n, repeat('x', 200) AS t FROM generate_series(1, 20000) AS g(n)"]);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await new Response(child.stderr).text()).toBe("");
  expect(await child.exited).toBe(0);
});

const ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a(n), generate_series(1, 100000) b(m)";

/** Sends SIGINT while the endless statement runs, and gives what was told. */
async function interrupted(args: readonly string[]): Promise<{ readonly exitCode: number; readonly stderr: string }> {
  const running = "SELECT metric_value FROM system.stats WHERE metric_name = 'queries_running'";
  const areRunning = async (count: string): Promise<boolean> => (await server.root.rows(running))[0]?.[0] === count;
  await until(() => areRunning("0"), "the statements of other tests have ended");
  const child = home.start(args);
  await until(() => areRunning("1"), "the endless statement runs");
  child.kill("SIGINT");
  return { exitCode: await child.exited, stderr: await new Response(child.stderr).text() };
}

test("CL-03 Ctrl-C stops a script with 130 and says which statement was the last one done", async () => {
  const file = join(home.folder, "import.sql");
  const write = (id: number): string => `INSERT INTO chat.notes VALUES (${id}, 'written')`;
  await Bun.write(file, `${write(901)};\n${write(902)};\n${ENDLESS};\n${write(903)};\n`);
  const { exitCode, stderr } = await interrupted(["-f", file, "--keep-going", "-c", write(904)]);
  expect(exitCode).toBe(130);
  expect(stderr).toContain(`${file}:3: ERROR CANCELLED`);
  expect(stderr).toEndWith(`Stopped: the last statement done is ${file}:2: ${write(902)};\n`);
  expect(await server.root.rows("SELECT id FROM chat.notes WHERE id > 900 ORDER BY id")).toEqual([["901"], ["902"]]);
});

test("CL-03 Ctrl-C in a script within a script tells once, of an open transaction that nothing was sent", async () => {
  const file = join(home.folder, "inner.sql");
  await Bun.write(
    file,
    `BEGIN;\nINSERT INTO chat.notes VALUES (911, 'kept back');\n\\set n ${"1".repeat(80)}\n\\x\nCOMMIT;\n${ENDLESS};`,
  );
  const { exitCode, stderr } = await interrupted(["-c", "\\set a 1", "-c", `\\i ${file}`]);
  expect(exitCode).toBe(130);
  expect(stderr.match(/Stopped/g)).toHaveLength(1);
  expect(stderr).toEndWith(`Stopped: the last statement done is ${file}:5: COMMIT;\n`);
});

test("CL-03 Ctrl-C before anything was done says so", async () => {
  const { exitCode, stderr } = await interrupted(["-c", ENDLESS]);
  expect(exitCode).toBe(130);
  expect(stderr).toEndWith("Stopped: no statement was done.\n");
});

test("CL-03 --timeout gives up on a statement", async () => {
  const { stderr, exitCode } = await home.run(["--timeout", "0.3", "-c", ENDLESS]);
  expect(stderr).toContain("TIMEOUT");
  expect(exitCode).toBe(3);
});
