// Many clients that lose the server at once and come back at once, with their cursors, while others write. CI runs 200 sockets; the full size is asked for by the
// environment:
//   KALAMDB_TEST_RESUMES=10000 bun test test/e2e/mass-resume.e2e.test.ts
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const SOCKETS = Number(process.env["KALAMDB_TEST_RESUMES"] ?? 200);
const USERS = 10;
const ROWS = 5;

interface Message {
  readonly type: string;
  readonly seq?: string;
  readonly epoch?: string;
  readonly resumed?: boolean;
  readonly ready?: boolean;
  readonly rows?: readonly (readonly string[])[];
  readonly deleted?: readonly (readonly string[])[];
  readonly changes?: readonly {
    readonly op: string;
    readonly key: readonly string[];
    readonly row?: readonly string[];
  }[];
}

/** One client: what it shows, and where it is. It lives on when its socket goes. */
class Client {
  readonly user: TestUser;
  readonly rows = new Map<string, string>();
  readonly unexpected: string[] = [];
  resumed = 0;
  #cursor: string | undefined;
  #epoch: string | undefined;
  #socket: WebSocket | undefined;

  constructor(user: TestUser) {
    this.user = user;
  }

  connect(server: TestServer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = new WebSocket(`${server.websocketUrl}?protocol=kalam.v2&compress=false`);
    this.#socket = socket;
    socket.onopen = () => {
      const from = this.#cursor === undefined ? {} : { from: this.#cursor, epoch: this.#epoch };
      const subscription = { id: "s", sql: "SELECT id, body FROM chat.own", options: from };
      socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: this.user.token }));
      socket.send(JSON.stringify({ type: "subscribe", subscription }));
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      if (this.#receive(JSON.parse(data) as Message)) resolve();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
    return promise;
  }

  close(): void {
    if (this.#socket !== undefined) this.#socket.onmessage = null;
    this.#socket?.close();
  }

  /** True at `ready`. */
  #receive(message: Message): boolean {
    const { type, rows = [], deleted = [], changes = [] } = message;
    if (type === "subscription_ack") {
      this.#epoch = message.epoch;
      if (message.resumed === true) this.resumed += 1;
      else this.rows.clear();
    } else if (type === "snapshot" || type === "changes") {
      for (const [id = "", body = ""] of rows) this.rows.set(id, body);
      for (const [id = ""] of deleted) this.rows.delete(id);
      for (const { op, key, row } of changes) {
        if (op === "delete") this.rows.delete(key[0] ?? "");
        else this.rows.set(key[0] ?? "", row?.[1] ?? "");
      }
      this.#cursor = message.seq ?? this.#cursor;
    } else if (type !== "auth_success" && type !== "progress") this.unexpected.push(JSON.stringify(message));
    return message.ready === true;
  }
}

async function changeRows(users: readonly TestUser[], round: number): Promise<void> {
  for (const user of users) {
    await user.sql(`UPDATE chat.own SET body = 'round ${round}' WHERE id = ${round}`);
    await user.sql(`DELETE FROM chat.own WHERE id = ${round + 1}`);
    await user.sql(`INSERT INTO chat.own (id, body) VALUES (${100 + round}, 'made in round ${round}')`);
  }
}

async function metric(server: TestServer, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${server.root.token}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

async function expectAllRight(clients: readonly Client[], users: readonly TestUser[]): Promise<void> {
  for (const user of users) {
    const rows = await user.rows("SELECT id, body FROM chat.own");
    const truth = Object.fromEntries(rows.map(([id, body]) => [String(id), String(body)]));
    const ofUser = clients.filter((client) => client.user.name === user.name);
    // What was written while they came back is on its way.
    while (ofUser.some((client) => !Bun.deepEquals(Object.fromEntries(client.rows), truth))) await Bun.sleep(5);
  }
  expect(clients.flatMap((client) => client.unexpected)).toEqual([]);
}

test(`LQ-11 ${SOCKETS} clients resume at once, after a restart too, from memory alone, while others write`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-test-"));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  await using first = await startTestServer({}, { folder });
  await first.root.sql("CREATE NAMESPACE chat");
  await first.root.sql("CREATE USER TABLE chat.own (id BIGINT PRIMARY KEY, body TEXT)");
  const users: TestUser[] = [];
  for (let index = 0; index < USERS; index++) users.push(await first.user(`user-${index}`));
  for (const user of users) {
    const values = Array.from({ length: ROWS }, (_, id) => `(${id}, 'first')`).join(", ");
    await user.sql(`INSERT INTO chat.own (id, body) VALUES ${values}`);
  }
  const clients = users.flatMap((user) => Array.from({ length: SOCKETS / USERS }, () => new Client(user)));
  await Promise.all(clients.map((client) => client.connect(first)));
  const readsBefore = await metric(first, "kalamdb_live_reads_total");

  for (const client of clients) client.close();
  await changeRows(users, 0);
  await Promise.all([...clients.map((client) => client.connect(first)), changeRows(users, 2)]);
  await expectAllRight(clients, users);
  expect(await metric(first, "kalamdb_live_reads_total")).toBe(readsBefore);
  expect(clients.map(({ resumed }) => resumed)).toEqual(clients.map(() => 1));

  for (const client of clients) client.close();
  await changeRows(users, 10);
  await first.stop();
  await using second = await startTestServer({}, { folder });
  while ((await metric(second, "kalamdb_live_recent_bytes")) === 0) await Bun.sleep(1);
  const again = users.map((user) => second.login(user.name, `pass-word-${user.name}-1`));
  const writers = await Promise.all(again);
  await Promise.all([...clients.map((client) => client.connect(second)), changeRows(writers, 20)]);
  await expectAllRight(clients, writers);
  expect(await metric(second, "kalamdb_live_reads_total")).toBe(0);
  expect(clients.map(({ resumed }) => resumed)).toEqual(clients.map(() => 2));
  for (const client of clients) client.close();
}, 600_000);
