// AU-06 through every door: SQL over HTTP, the WebSocket upgrade and message, link; across a restart; gone when dropped.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/link/index.ts";
import { loginToken, startTestServer, type TestServer } from "../support/test-server.ts";

let folder: string;
let server: TestServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-test-"));
  server = await startTestServer({}, { folder });
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await server.root.sql("CREATE USER robot WITH INTERNAL ROLE service");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function makeKey(name: string): Promise<string> {
  const [row] = await server.root.rows(`CREATE API KEY '${name}' FOR robot`);
  return String(row?.[0]);
}

async function post(headers: Record<string, string>, sql = "SELECT CURRENT_USER()"): Promise<unknown> {
  const response = await fetch(`${server.url}/v1/api/sql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ sql }),
  });
  const body = (await response.json()) as { results?: { rows?: unknown }[]; error?: { code: string } };
  return body.error?.code ?? body.results?.[0]?.rows;
}

test("AU-06 a key counts over HTTP in its own header and as a bearer, also after a restart", async () => {
  const key = await makeKey("http");
  expect(await post({ "x-api-key": key })).toEqual([["robot"]]);
  expect(await post({ authorization: `Bearer ${key}` })).toEqual([["robot"]]);
  expect(await post({ "x-api-key": key, authorization: "Bearer nonsense" })).toBe("INVALID_CREDENTIALS");
  expect(await post({ "x-api-key": `${key.slice(0, -1)}!` })).toBe("INVALID_CREDENTIALS");
  await server.stop();
  server = await startTestServer({}, { folder });
  expect(await post({ "x-api-key": key })).toEqual([["robot"]]);
  const shown = JSON.stringify(await server.root.rows("SELECT * FROM system.api_keys"));
  expect(shown).toContain("http");
  expect(shown).not.toContain(key.slice(-43));
});

/** Resolves with the close code once the socket is closed; `opened` once it is authenticated. */
function openSocket(key: string, by: "header" | "message") {
  const url = `${server.websocketUrl}?protocol=native`;
  const socket =
    by === "header" ? new WebSocket(url, { headers: { "x-api-key": key } } as unknown as string[]) : new WebSocket(url);
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  const opened = new Promise<string>((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(String(data)));
    if (by === "message") {
      socket.addEventListener("open", () =>
        socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: key })),
      );
    }
  });
  return { opened, closed };
}

test.each(["header", "message"] as const)(
  "AU-06 LQ-20 a key opens a socket by %s, and dropping the key closes it",
  async (by) => {
    const socket = openSocket(await makeKey(`socket ${by}`), by);
    expect(await socket.opened).toContain("robot");
    const rows = "SELECT user_id, token_expires_at FROM system.connections WHERE user_id = 'robot'";
    expect(await server.root.rows(rows)).toEqual([["robot", null]]);
    await server.root.sql(`DROP API KEY 'socket ${by}' FOR robot`);
    expect(await server.root.rows(rows)).toEqual([]);
    expect(await socket.closed).toBeGreaterThanOrEqual(1008);
  },
);

test("AU-06 CL-01 link speaks with a key: queries and live rows", async () => {
  const client = createClient({ url: server.url, auth: { apiKey: await makeKey("link") } });
  await client.query("INSERT INTO app.notes VALUES (1, 'by a robot')");
  const live = client.live("SELECT id, body FROM app.notes");
  await live.ready;
  expect(live.rows()).toMatchObject([{ id: 1n, body: "by a robot" }]);
  live.close();
  client.disconnect();
});

test.each([
  ["a new password closes the sockets of tokens, not those of keys", "SET PASSWORD 'another-pass-word-3'", ["key"]],
  ["a role that still covers the key leaves its sockets too", "SET ROLE dba", ["key"]],
  ["a role below the key's closes them all", "SET ROLE user", []],
] as const)("LQ-14 AU-06 %s", async (why, change, left) => {
  const mia = `mia${why.length}`;
  await server.root.sql(`CREATE USER ${mia} WITH PASSWORD 'a-pass-word-of-mia-1' ROLE service`);
  const [row] = await server.root.rows(`CREATE API KEY held FOR ${mia} ROLE service`);
  const sockets = {
    key: openSocket(String(row?.[0]), "message"),
    token: openSocket(await loginToken(server.url, mia, "a-pass-word-of-mia-1"), "message"),
  };
  await Promise.all([sockets.key.opened, sockets.token.opened]);
  await server.root.sql(`ALTER USER ${mia} ${change}`);
  const expires = await server.root.rows(`SELECT token_expires_at FROM system.connections WHERE user_id = '${mia}'`);
  expect(expires.map(([time]) => (time === null ? "key" : "token"))).toEqual([...left]);
  expect(await sockets.token.closed).toBe(1008);
  await server.root.sql(`DROP USER ${mia}`);
  expect(await sockets.key.closed).toBe(1008);
});
