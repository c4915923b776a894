// The oracle of the fuzzer: alice sends whatever the grammar makes; no answer, error or frame may hold a canary of anybody else, and nothing of theirs may change.
import fc from "fast-check";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { createGrammar } from "./sql-grammar.ts";

/** In every row and field of others that alice must not see. */
const CANARY = "c4n4ry";

export interface FuzzOptions {
  readonly runs: number;
  /** Undefined: random, and printed by a failure. */
  readonly seed?: number;
  /** Of the one who sends: a plain user by default. A service may act for others, and then the fuzzer must see it. */
  readonly role?: "user" | "service";
  readonly onRun?: (done: number) => void;
}

/** Open at once; an id used again replaces the query it named. */
const LIVE_QUERIES = 20;

interface Scene {
  readonly server: TestServer;
  readonly alice: TestUser;
  readonly bob: TestUser;
}

async function setScene(role: "user" | "service"): Promise<Scene> {
  const server = await startTestServer({ "query.timeout_ms": 1_000, "rate_limit.max_queries_per_sec": 1_000_000 });
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  for (const name of ["notes", "copies"]) {
    await root.sql(`CREATE USER TABLE app.${name} (id BIGINT PRIMARY KEY, body TEXT, size INT, email TEXT)`);
  }
  await root.sql("CREATE STREAM TABLE app.feed (id BIGINT PRIMARY KEY, body TEXT) WITH (TTL_SECONDS = 3600)");
  await root.sql("CREATE SHARED TABLE app.secrets (id BIGINT PRIMARY KEY, body TEXT) WITH (ACCESS_LEVEL = 'PRIVATE')");
  await root.sql("CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, body TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')");
  await root.sql("CREATE VIEW app.mine AS SELECT id, body, size FROM app.notes");
  await root.sql(`INSERT INTO app.secrets VALUES (1, 'secret ${CANARY}')`);
  await root.sql("INSERT INTO app.topics VALUES (1, 'open')");
  const [alice, bob] = [await server.user("alice", role), await server.user("bob")];
  await root.sql(`ALTER USER bob SET EMAIL '${CANARY}@example.com'`);
  await seed(bob, CANARY);
  await root.job("STORAGE FLUSH TABLE app.notes");
  await bob.sql(`UPDATE app.notes SET body = 'buffered ${CANARY}' WHERE id = 2`);
  await seed(alice, "own");
  return { server, alice, bob };
}

async function seed(user: TestUser, mark: string): Promise<void> {
  for (const table of ["notes", "copies"]) {
    await user.sql(
      `INSERT INTO app.${table} (id, body, size, email) VALUES (1, 'a ${mark}', 10, '${mark}'), (2, 'b ${mark}', 20, NULL), (3, 'c ${mark}', 30, NULL)`,
    );
  }
  await user.sql(`INSERT INTO app.feed VALUES (1, 'f ${mark}')`);
}

/** What a busy machine kept from its answer until the deadline, which is there for what alice sends, is asked for again. */
async function patientRows(user: TestUser, sql: string): Promise<readonly unknown[]> {
  for (;;) {
    const { status, results, error } = await user.send(sql);
    if (status === "success") return results.at(-1)?.rows ?? [];
    if (error?.reason !== "STATEMENT_TIMEOUT") throw new Error(`${sql}\n→ ${JSON.stringify(error)}`);
  }
}

/** Everything of bob's, and what only administrators see, as text. */
async function untouchable({ server, bob }: Scene): Promise<string> {
  const tables = ["notes", "copies", "feed"].map((name) => patientRows(bob, `SELECT * FROM app.${name} ORDER BY id`));
  const shared = patientRows(server.root, "SELECT * FROM app.secrets ORDER BY id");
  const users = patientRows(server.root, "SELECT user_id, role, email, deleted_at FROM system.users ORDER BY user_id");
  return JSON.stringify(await Promise.all([...tables, shared, users]));
}

interface Ear extends Disposable {
  subscribe(id: string, sql: string): void;
  /** The first frame that held a canary. */
  readonly leak: string | undefined;
}

/** A socket of alice's that reads every frame. */
async function listen({ server, alice }: Scene): Promise<Ear> {
  const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => Bun.WebSocket;
  const headers = { authorization: `Bearer ${alice.token}` };
  const socket = new Socket(`${server.websocketUrl}?compress=false`, { headers });
  let leak: string | undefined;
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("message", ({ data }) => {
      const text = String(data);
      if (text.includes(CANARY)) leak ??= text;
      resolve();
    });
    socket.addEventListener("close", ({ reason }) => reject(new Error(`the socket was closed: ${reason}`)));
  });
  return {
    subscribe: (id, sql) => socket.send(JSON.stringify({ type: "subscribe", subscription: { id, sql, options: {} } })),
    get leak() {
      return leak;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

export async function fuzzIsolation({ runs, seed: fixed, role = "user", onRun }: FuzzOptions): Promise<void> {
  const scene = await setScene(role);
  const { statement, select } = createGrammar();
  let done = 0;
  try {
    const before = await untouchable(scene);
    using ear = await listen(scene);
    await fc.assert(
      fc.asyncProperty(statement, select, async (sql, liveSql) => {
        const reply = JSON.stringify(await scene.alice.send(sql, sql.includes("$1") ? ["x"] : undefined));
        if (reply.includes(CANARY)) throw new Error(`answered with somebody else's data:\n${sql}\n→ ${reply}`);
        ear.subscribe(`s${done % LIVE_QUERIES}`, liveSql);
        done += 1;
        onRun?.(done);
        if (done % 50 !== 0) return;
        // Live queries hear of others' changes now, or would.
        await scene.bob.sql(`UPDATE app.notes SET size = 10 WHERE id = 1`);
        if (ear.leak !== undefined) throw new Error(`a live query delivered somebody else's data: ${ear.leak}`);
        if ((await untouchable(scene)) !== before)
          throw new Error(`somebody else's data changed, at the latest by:\n${sql}`);
      }),
      { numRuns: runs, ...(fixed === undefined ? {} : { seed: fixed }) },
    );
  } finally {
    await scene.server[Symbol.asyncDispose]();
  }
}
