// Many sockets with many live queries each. CI runs 200 × 50; the full size is asked for by the environment:
//   KALAMDB_TEST_CONNECTIONS=1000 KALAMDB_TEST_SUBSCRIPTIONS=100 bun test test/e2e/many-connections.e2e.test.ts
import { expect, test } from "bun:test";
import type { Log } from "../../src/base/log.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

const CONNECTIONS = Number(process.env["KALAMDB_TEST_CONNECTIONS"] ?? 200);
const SUBSCRIPTIONS = Number(process.env["KALAMDB_TEST_SUBSCRIPTIONS"] ?? 50);
const USERS = 4;
const OPENING_AT_ONCE = 50;

/** One socket in one process: it counts what it is told and keeps nothing. */
class Listener {
  readonly #socket: WebSocket;
  readonly #open = Promise.withResolvers<void>();
  ready = 0;
  changes = 0;
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly errors: string[] = [];

  constructor(server: TestServer, token: string, queries: readonly string[]) {
    this.#socket = new WebSocket(`${server.websocketUrl}?protocol=kalam.v2&compress=false`);
    this.#socket.onopen = () => {
      this.#send({ type: "authenticate", method: "jwt", token });
      for (const [index, sql] of queries.entries()) {
        this.#send({ type: "subscribe", subscription: { id: `s${index}`, sql, options: {} } });
      }
    };
    this.#socket.onmessage = ({ data }: MessageEvent<string>) => this.#receive(data, queries.length);
    this.#socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      this.#open.reject(new Error(`closed: ${code} ${reason}`));
    };
  }

  opened(): Promise<void> {
    return this.#open.promise;
  }

  close(): void {
    this.#socket.close();
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  #receive(text: string, expected: number): void {
    if (text.includes('"ready":true')) {
      this.ready += 1;
      if (this.ready === expected) this.#open.resolve();
    } else if (text.startsWith('{"type":"changes"')) this.changes += 1;
    else if (text.startsWith('{"type":"error"')) this.errors.push(text);
  }
}

/** The first is the same for everyone; of the others some are shared, some are a connection's own. */
function queriesOf(connection: number): readonly string[] {
  return Array.from({ length: SUBSCRIPTIONS }, (_, index) => {
    if (index === 0) return "SELECT * FROM chat.messages WHERE room = 'all'";
    if (index % 2 === 0) return `SELECT * FROM chat.messages WHERE room = 'room-${index}'`;
    return `SELECT * FROM chat.own WHERE n >= ${connection} AND n < ${connection + index}`;
  });
}

function recordingLog(severe: string[]): Log {
  const note = (message: string): void => void severe.push(message);
  const ignore = (): void => undefined;
  return { debug: ignore, info: ignore, warn: note, error: note };
}

async function gauges(server: TestServer): Promise<readonly unknown[]> {
  const stats = new Map((await server.root.rows("SELECT * FROM system.stats")).map(([name, value]) => [name, value]));
  return ["active_connections", "active_subscriptions", "live_groups", "live_rerun_rows"].map((name) =>
    stats.get(name),
  );
}

test(`LQ-02 LQ-13 ${CONNECTIONS} connections with ${SUBSCRIPTIONS} live queries each: one is killed, nothing of it is left; then all go`, async () => {
  const severe: string[] = [];
  await using server = await startTestServer(
    {
      "rate_limit.max_messages_per_sec": 1_000_000,
      "rate_limit.max_subscriptions_per_connection": 10_000,
      "rate_limit.max_subscriptions_per_user": 1_000_000,
    },
    { log: recordingLog(severe) },
  );
  await server.root.sql(
    "CREATE NAMESPACE chat; CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, room TEXT) WITH (ACCESS_LEVEL = 'PUBLIC'); CREATE USER TABLE chat.own (id BIGINT PRIMARY KEY, n INT)",
  );
  const users = await Promise.all(Array.from({ length: USERS }, (_, index) => server.user(`user${index}`)));
  const listeners: Listener[] = [];
  for (let at = 0; at < CONNECTIONS; at += OPENING_AT_ONCE) {
    const some = Array.from({ length: Math.min(OPENING_AT_ONCE, CONNECTIONS - at) }, (_, index) => {
      return new Listener(server, users[index % USERS]?.token ?? "", queriesOf(at + index));
    });
    await Promise.all(some.map((listener) => listener.opened()));
    listeners.push(...some);
  }
  const total = CONNECTIONS * SUBSCRIPTIONS;
  expect((await gauges(server)).slice(0, 2)).toEqual([String(CONNECTIONS), String(total)]);
  expect(await server.root.rows("SELECT count(*) FROM system.live_queries")).toEqual([[String(total)]]);

  const [[victim] = []] = await server.root.rows("SELECT connection_id FROM system.connections ORDER BY 1 LIMIT 1");
  // One request: the second statement sees what the first left, with nothing in between.
  const reply = await server.root.send(
    `KILL CONNECTION '${String(victim)}'; SELECT count(*) FROM system.live_queries WHERE connection_id = '${String(victim)}'; SELECT count(*) FROM system.live_queries`,
  );
  expect(reply.results.slice(1).map(({ rows }) => rows)).toEqual([[["0"]], [[String(total - SUBSCRIPTIONS)]]]);
  await until(() => listeners.some(({ closed }) => closed !== undefined));
  expect(listeners.flatMap(({ closed }) => closed ?? [])).toEqual([{ code: 4002, reason: "Connection killed" }]);

  await server.root.sql("INSERT INTO chat.messages (id, room) VALUES (1, 'all')");
  await until(() => listeners.filter(({ changes }) => changes > 0).length === CONNECTIONS - 1);
  expect(listeners.reduce((sum, { changes }) => sum + changes, 0)).toBe(CONNECTIONS - 1);
  expect(listeners.flatMap(({ errors }) => errors)).toEqual([]);

  for (const listener of listeners) listener.close();
  await until(() => listeners.every(({ closed }) => closed !== undefined));
  await until(async () => (await gauges(server)).every((value) => value === "0"));
  expect(await server.root.rows("SELECT count(*) FROM system.connections")).toEqual([["0"]]);
  expect(severe).toEqual([]);
}, 300_000);

test("ST-10 a server that is told to stop in a storm of connections leaves none of them open", async () => {
  const server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE load");
  await server.root.sql("CREATE USER TABLE load.own (id BIGINT PRIMARY KEY)");
  const { token } = await server.user("ann");
  const listeners = Array.from({ length: 300 }, () => new Listener(server, token, ["SELECT * FROM load.own"]));
  const opened = Promise.allSettled(listeners.map((one) => one.opened()));
  await Promise.race(listeners.map((one) => one.opened()));
  await server[Symbol.asyncDispose]();
  await until(() => listeners.every(({ closed }) => closed !== undefined));
  await opened;
});
