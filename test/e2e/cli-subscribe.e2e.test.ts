// SUBSCRIBE TO in `kalam`: the server answers with a subscription, the client begins it and shows every change.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliHome, cliHome } from "../support/cli-process.ts";
import { CliTerminal } from "../support/cli-terminal.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

// Each test starts processes, and machines that run tests are busy.
let server: TestServer;
let home: CliHome;

const ENTER = "\r";
const CTRL_C = "\u0003";
const PROMPT = /kalam=# $/;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat");
  home = await cliHome(server.url);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function table(name: string, rows = 0): Promise<void> {
  await server.root.sql(`CREATE SHARED TABLE chat.${name} (id BIGINT PRIMARY KEY, body TEXT)`);
  for (let id = 1; id <= rows; id++) await server.root.sql(`INSERT INTO chat.${name} VALUES (${id}, 'row ${id}')`);
}

/** Lines as they come; `take` gives the next so many. */
function lines(stream: ReadableStream<Uint8Array>): (count: number) => Promise<readonly string[]> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  const ready: string[] = [];
  return async (count) => {
    while (ready.length < count) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      ready.push(...parts);
    }
    return ready.splice(0, count);
  };
}

test("CL-03 rows first, then each change with its kind; Ctrl-C goes back to the prompt", async () => {
  await table("kinds", 2);
  await using terminal = new CliTerminal(home, {});
  await terminal.until(PROMPT);
  terminal.type(`SUBSCRIBE TO SELECT id, body FROM chat.kinds WHERE id < 100;${ENTER}`);
  expect(await terminal.until(/Ctrl-C ends, space pauses/)).toMatch(/\| +1 \| row 1\n.*\| +2 \| row 2\n/);
  await server.root.sql("INSERT INTO chat.kinds VALUES (3, 'tea')");
  await terminal.until(/\d\d:\d\d:\d\d \+ \| +3 \| tea\n/);
  await server.root.sql("UPDATE chat.kinds SET body = 'coffee' WHERE id = 3");
  await terminal.until(/ ~ \| +3 \| tea → coffee\n/);
  await server.root.sql("DELETE FROM chat.kinds WHERE id = 3");
  await terminal.until(/ - \| +3 \| coffee\n/);
  terminal.type(CTRL_C);
  await terminal.until(PROMPT);
  expect(await server.root.rows("SELECT live_id FROM system.live")).toEqual([]);
  terminal.type(`SELECT 1 + 1 AS two;${ENTER}`);
  await terminal.until(/\| +2 \|/);
});

test("CL-03 OPTIONS count, and USE with them", async () => {
  await table("options", 5);
  await using terminal = new CliTerminal(home, { args: ["-n", "chat"] });
  await terminal.until(/chat=# $/);
  terminal.type(`SUBSCRIBE TO options OPTIONS (last_rows = 2);${ENTER}`);
  const shown = await terminal.until(/Ctrl-C ends/);
  expect([...shown.matchAll(/row \d/g)].map(([row]) => row)).toEqual(["row 4", "row 5"]);
  terminal.type("q");
  await terminal.until(/chat=# $/);
});

test("CL-03 a pause holds what is shown, and loses nothing", async () => {
  await table("paused");
  await using terminal = new CliTerminal(home, {});
  await terminal.until(PROMPT);
  terminal.type(`\\subscribe chat.paused${ENTER}`);
  await terminal.until(/Ctrl-C ends/);
  terminal.type("p");
  await terminal.until(/paused: space goes on/);
  for (let id = 1; id <= 20; id++) await server.root.sql(`INSERT INTO chat.paused VALUES (${id}, 'n${id}')`);
  terminal.type(" ");
  const shown = await terminal.until(/n20\b/);
  const seen = [...shown.slice(shown.indexOf("going on")).matchAll(/\bn\d+/g)].map(([word]) => word);
  expect(shown.slice(0, shown.indexOf("going on"))).not.toMatch(/\bn\d/);
  expect(seen).toEqual(Array.from({ length: 20 }, (_none, index) => `n${index + 1}`));
  terminal.type(CTRL_C);
  await terminal.until(PROMPT);
});

test("CL-03 for programs: a JSON object for each row and change, with the cursor to go on from", async () => {
  await table("json", 1);
  const child = home.start(["--json", "-c", "SUBSCRIBE TO SELECT id, body FROM chat.json"]);
  const take = lines(child.stdout);
  const parsed = async (count: number): Promise<readonly unknown[]> =>
    (await take(count)).map((line) => JSON.parse(line) as unknown);
  expect(await parsed(2)).toMatchObject([{ change: "snapshot", row: { id: "1", body: "row 1" } }, { change: "ready" }]);
  await server.root.sql("INSERT INTO chat.json VALUES (2, 'a')");
  const [insert] = (await parsed(1)) as [{ cursor: string }];
  expect(insert).toMatchObject({ change: "insert", row: { id: "2", body: "a" } });
  await server.root.sql("UPDATE chat.json SET body = 'b' WHERE id = 2");
  await server.root.sql("DELETE FROM chat.json WHERE id = 2");
  expect(await parsed(2)).toMatchObject([
    { change: "update", row: { body: "b" }, old: { body: "a" } },
    { change: "delete", old: { id: "2", body: "b" } },
  ]);
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
  const from = /^\d+/.exec(insert.cursor)?.[0];
  const again = home.start(["--json", "-c", `SUBSCRIBE TO SELECT id, body FROM chat.json OPTIONS (from = ${from})`]);
  const [first = ""] = await lines(again.stdout)(1);
  expect(JSON.parse(first)).toMatchObject({ change: "delete" });
  again.kill("SIGINT");
  expect(await again.exited).toBe(0);
});

test("CL-03 for programs: CSV with the kind of change first", async () => {
  await table("csv", 1);
  const child = home.start(["--csv", "-c", "SUBSCRIBE TO SELECT id, body FROM chat.csv"]);
  const take = lines(child.stdout);
  expect(await take(2)).toEqual(["change,id,body", "snapshot,1,row 1"]);
  await server.root.sql("UPDATE chat.csv SET body = 'x,y' WHERE id = 1");
  await server.root.sql("DELETE FROM chat.csv WHERE id = 1");
  expect(await take(3)).toEqual(["update_old,1,row 1", 'update,1,"x,y"', 'delete,1,"x,y"']);
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});

test("CL-03 a reader that closes the pipe ends the subscription without an error", async () => {
  await table("pipe", 1);
  const child = home.start(["--json", "-c", "SUBSCRIBE TO chat.pipe"]);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  // It notices with the next thing it has to say.
  const write = (async (): Promise<void> => {
    for (let id = 100; child.exitCode === null; id++) {
      await server.root.sql(`INSERT INTO chat.pipe VALUES (${id}, 'x')`);
      await Bun.sleep(20);
    }
  })();
  expect(await child.exited).toBe(0);
  await write;
  expect(await new Response(child.stderr).text()).toBe("");
});

test("CL-03 a thousand changes arrive, each once and in order", async () => {
  await table("many");
  const child = home.start(["--csv", "-q", "-c", "SUBSCRIBE TO SELECT id FROM chat.many"]);
  const take = lines(child.stdout);
  await take(1);
  for (let id = 0; id < 1_000; id += 100) {
    const values = Array.from({ length: 100 }, (_none, index) => `(${id + index}, 'x')`).join(", ");
    await server.root.sql(`INSERT INTO chat.many VALUES ${values}`);
  }
  expect(await take(1_000)).toEqual(Array.from({ length: 1_000 }, (_none, id) => `insert,${id}`));
  child.kill("SIGINT");
  await child.exited;
});

test("CL-03 what cannot be subscribed is refused, also when the server only sees it at the socket", async () => {
  const missing = await home.run(["-c", "SUBSCRIBE TO chat.nowhere"]);
  expect(missing.exitCode).toBe(3);
  expect(missing.stderr).toContain("ERROR ");
  const option = await home.run(["-c", "SUBSCRIBE TO chat.nowhere OPTIONS (nope = 1)"]);
  expect(option.stderr).toContain("Unknown subscription option 'nope'");
});

test("CL-03 an administrator who kills the live query ends it with a message", async () => {
  await table("killed", 1);
  const child = home.start(["--json", "-c", "SUBSCRIBE TO chat.killed"]);
  await lines(child.stdout)(2);
  const [[id] = []] = await server.root.rows("SELECT live_id FROM system.live WHERE table_name = 'killed'");
  await server.root.sql(`KILL LIVE QUERY '${String(id)}'`);
  expect(await child.exited).not.toBe(0);
  expect(await new Response(child.stderr).text()).toContain("ERROR ");
});

test("CL-03 a lost connection is announced, and what changed meanwhile follows, also after a restart of the server", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalam-restart-"));
  const first = await startTestServer({}, { folder });
  await first.root.sql("CREATE NAMESPACE chat; CREATE SHARED TABLE chat.t (id INT PRIMARY KEY)");
  const child = home.start(["-u", first.url, "--json", "-c", "SUBSCRIBE TO SELECT id FROM chat.t"]);
  const take = lines(child.stdout);
  const notes = lines(child.stderr);
  expect((await take(1))[0]).toContain("ready");
  await first.stop();
  expect((await notes(1))[0]).toContain("connection lost, trying again");
  await using second = await startTestServer({ "server.port": Number(new URL(first.url).port) }, { folder });
  await second.root.sql("INSERT INTO chat.t VALUES (7)");
  expect((await notes(1))[0]).toContain("connected again");
  const [change = ""] = (await take(2)).filter((line) => line.includes('"row"'));
  expect(JSON.parse(change)).toMatchObject({ row: { id: 7 } });
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
  await rm(folder, { recursive: true, force: true });
});
