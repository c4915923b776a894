// `kalam` at a terminal: typed into a pseudo-terminal, against a real server.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CliHome, cliHome } from "../support/cli-process.ts";
import { CliTerminal, type CliTerminalOptions } from "../support/cli-terminal.ts";
import { ROOT_PASSWORD, startTestServer, type TestServer } from "../support/test-server.ts";

// Each test starts processes, and machines that run tests are busy.
let server: TestServer;
let home: CliHome;

const PROMPT = /kalam=# $/;
const ENTER = "\r";
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a(n), generate_series(1, 100000) b(m);";

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat");
  await server.root.sql("CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, body TEXT)");
  home = await cliHome(server.url);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function shell(options: CliTerminalOptions = {}): Promise<CliTerminal> {
  const terminal = new CliTerminal(home, options);
  await terminal.until(PROMPT);
  return terminal;
}

test("CL-03 a statement of several lines runs when it is complete, and Ctrl-D ends", async () => {
  await using terminal = await shell();
  terminal.type(`SELECT ';' AS a,${ENTER}`);
  await terminal.until(/kalam-# $/);
  terminal.type(`'b${ENTER}`);
  await terminal.until(/kalam'# $/);
  terminal.type(`' AS b;${ENTER}`);
  expect(await terminal.until(/\(1 row\)\n/)).toContain("| a |");
  await terminal.until(PROMPT);
  terminal.type(CTRL_D);
  expect(await terminal.exited).toBe(0);
});

test("CL-03 the password is asked for without showing it", async () => {
  await using terminal = new CliTerminal(home, { env: { KALAMDB_PASSWORD: undefined, KALAMDB_USER: undefined } });
  await terminal.until(/User at http.* \[root\]: $/);
  terminal.type(ENTER);
  await terminal.until(/Password of root at http.*: $/);
  terminal.type(`${ROOT_PASSWORD}x\u007f${ENTER}`);
  expect(await terminal.until(PROMPT)).toContain("as root (system)");
  expect(terminal.raw).not.toContain(ROOT_PASSWORD.slice(0, 7));
});

test("CL-03 Ctrl-C gives up what is typed, and stops a statement but not the shell", async () => {
  await using terminal = await shell();
  terminal.type(`SELECT 1 garbage${CTRL_C}`);
  await terminal.until(/garbage\n.*kalam=# $/s);
  terminal.type(`${ENDLESS}${ENTER}`);
  await terminal.until(/running, Ctrl-C cancels/);
  terminal.type(CTRL_C);
  await terminal.until(/ERROR CANCELLED/);
  await terminal.until(PROMPT);
  terminal.type(`SELECT 40 + 2 AS answer;${ENTER}`);
  await terminal.until(/\| +42 \|/);
});

test("CL-03 Tab completes keywords and names, those made a moment ago included", async () => {
  await using terminal = await shell();
  terminal.type("sel\t");
  await terminal.until(/select $/);
  terminal.type("count(*) from chat.mes\t");
  await terminal.until(/chat\.messages $/);
  terminal.type(CTRL_C);
  await terminal.until(PROMPT);
  terminal.type(`CREATE SHARED TABLE chat.brandnew (id INT PRIMARY KEY, shade TEXT);${ENTER}`);
  await terminal.until(/created successfully\n.*kalam=# $/s);
  terminal.type(
    "select sha from chat.brand\t\u0001\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\u001b[C\t",
  );
  await terminal.until(/select shade {2}from chat\.brandnew/);
});

test("CL-03 the history is there in the next session, but for secrets", async () => {
  {
    await using terminal = await shell();
    terminal.type(`SELECT 'remembered';${ENTER}`);
    await terminal.until(/\(1 row\)[\s\S]*kalam=# $/);
    terminal.type(`CREATE USER eve WITH PASSWORD 'hunter2-hunter2';${ENTER}`);
    await terminal.until(/created successfully[\s\S]*kalam=# $/);
    terminal.type("\u001b[A");
    await terminal.until(/hunter2-hunter2';$/);
    terminal.type(`${CTRL_C}\\q${ENTER}`);
    expect(await terminal.exited).toBe(0);
  }
  await using terminal = await shell();
  terminal.type("\u001b[A\u001b[A");
  await terminal.until(/SELECT 'remembered';$/);
  const file = join(home.folder, ".local/state/kalam/history");
  expect(await Bun.file(file).text()).not.toContain("hunter2");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("CL-03 pasted statements run one after the other, tabs and all", async () => {
  await using terminal = await shell();
  terminal.type("\u001b[200~SELECT 'a\tb' AS t;\nSELECT 'second' AS t;\u001b[201~");
  terminal.type(ENTER);
  const shown = await terminal.until(/second[\s\S]*\(1 row\)/);
  expect(shown).toContain("| a       b |");
});

test("CL-03 a result longer than the screen goes through the pager, which has the terminal for itself", async () => {
  await using terminal = await shell({
    rows: 10,
    env: { PAGER: "echo paging; cat; read -r line </dev/tty; echo got-$line" },
  });
  terminal.type(`SELECT n FROM generate_series(1, 20) AS g(n);${ENTER}`);
  expect(await terminal.until(/\(20 rows\)/)).toContain("paging");
  terminal.type("keys\n");
  await terminal.until(/got-keys/);
  await terminal.until(PROMPT);
  terminal.type(`\\pager off${ENTER}SELECT n FROM generate_series(1, 20) AS g(n);${ENTER}`);
  expect(await terminal.until(/\(20 rows\)/)).not.toContain("paging");
});

test("CL-03 data cannot act on the terminal, neither in rows nor in names nor in errors", async () => {
  await using terminal = await shell();
  terminal.type(`SELECT chr(27) || ']0;owned' || chr(7) AS "a${"\u202e"}b";${ENTER}`);
  expect(await terminal.until(/\(1 row\)/)).toContain("\\x1B]0;owned\\x07");
  terminal.type(`\\format csv${ENTER}SELECT chr(27) || ']0;owned' || chr(7) AS t;${ENTER}`);
  await terminal.until(/\\x1B\]0;owned\\x07\n/);
  expect(terminal.raw).not.toContain("\u001b]0;");
});

test("CL-03 commands: lists, descriptions, timing, expanded display, variables, namespaces", async () => {
  await using terminal = await shell();
  terminal.type(`\\dt chat.mes*${ENTER}`);
  expect(await terminal.until(/\(1 row\)/)).toContain("messages");
  terminal.type(`\\d chat.messages${ENTER}`);
  expect(await terminal.until(/SHARED table chat\.messages/)).toContain("BIGINT");
  terminal.type(`\\timing${ENTER}SELECT 1 \\gx${ENTER}`);
  await terminal.until(/RECORD 1[\s\S]*Time: [\d.]+ ms \(server: [\d.]+ ms\)/);
  terminal.type(`\\c chat${ENTER}`);
  await terminal.until(/chat=# $/);
  terminal.type(`\\set n 5${ENTER}SELECT :n + 1 AS six;${ENTER}`);
  await terminal.until(/\| +6 \|/);
  terminal.type(`\\conninfo${ENTER}`);
  await terminal.until(/as root \(system\), namespace chat/);
  terminal.type(`\\nope${ENTER}`);
  await terminal.until(/there is no command \\nope/);
});

test("CL-03 a transaction is open until COMMIT, and the prompt says so", async () => {
  await using terminal = await shell();
  terminal.type(`BEGIN;${ENTER}`);
  await terminal.until(/kalam=\*# $/);
  terminal.type(`INSERT INTO chat.messages VALUES (500, 'x');${ENTER}COMMIT;${ENTER}`);
  await terminal.until(/Transaction committed[\s\S]*kalam=# $/);
  expect(await server.root.rows("SELECT body FROM chat.messages WHERE id = 500")).toEqual([["x"]]);
});

test("CL-03 \\e brings the statement to an editor and back to the prompt", async () => {
  await Bun.write(join(home.folder, "editor.sh"), "#!/bin/sh\nprintf 'SELECT 7 * 6 AS edited;\\n' > \"$1\"\n");
  await using terminal = await shell({ env: { EDITOR: "sh ./editor.sh" } });
  terminal.type(`\\e${ENTER}`);
  await terminal.until(/SELECT 7 \* 6 AS edited;$/);
  terminal.type(ENTER);
  await terminal.until(/\| +42 \|/);
});

test("CL-03 \\watch runs a statement again until Ctrl-C", async () => {
  await using terminal = await shell();
  terminal.type(`SELECT 'tick' AS t \\watch 0.05${ENTER}`);
  for (let times = 0; times < 3; times++) await terminal.until(/every 0\.05 s\)[\s\S]*tick/);
  terminal.type(CTRL_C);
  await terminal.until(PROMPT);
});

test("CL-03 \\login saves a login that the next session uses", async () => {
  const none = { KALAMDB_PASSWORD: undefined, KALAMDB_USER: undefined };
  {
    await using terminal = await shell();
    terminal.type(`\\login root${ENTER}`);
    await terminal.until(/Password of root at http.*: $/);
    terminal.type(ROOT_PASSWORD + ENTER);
    await terminal.until(/saved in .*credentials\.json/);
  }
  await using terminal = await shell({ env: none });
  terminal.type(`\\logout${ENTER}`);
  await terminal.until(/is forgotten here/);
});

test("CL-03 a saved login that has ended is asked for again, and saved again", async () => {
  const path = join(home.folder, ".config/kalam/credentials.json");
  await Bun.write(path, JSON.stringify({ [server.url]: { user: "root", accessToken: "void", refreshToken: "void" } }));
  await chmod(path, 0o600);
  const none = { KALAMDB_PASSWORD: undefined, KALAMDB_USER: undefined };
  await using terminal = new CliTerminal(home, { env: none });
  await terminal.until(/The saved login has ended\.\nPassword of root at http.*: $/);
  terminal.type(ROOT_PASSWORD + ENTER);
  await terminal.until(PROMPT);
  expect(await Bun.file(path).text()).not.toContain("void");
  terminal.type(`\\logout${ENTER}`);
  await terminal.until(/is forgotten here/);
});

test("CL-03 the first lines say who is connected, and where", async () => {
  await using terminal = new CliTerminal(home, {});
  expect(await terminal.until(PROMPT)).toContain(`connected to ${server.url} as root (system)`);
});
