// ST-04 ST-09 LQ-11 through the server: compaction under readers, writers and watchers, and who resumes below what it forgot.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient, type SubscriptionEvent } from "../../src/link/index.ts";
import { breakableNetwork } from "../support/breakable-socket.ts";
import { ROOT_PASSWORD, startTestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

const FORGETFUL = { "retention.default_deleted_retention_hours": 0, "compaction.min_files": 2 };

/** Starts a job and waits for its end. */
async function eventsUntilReady(client: KalamClient, from: string): Promise<SubscriptionEvent[]> {
  const events: SubscriptionEvent[] = [];
  for await (const event of client.subscribe("SELECT id, body FROM app.notes", { from })) {
    events.push(event);
    if (event.kind === "ready") break;
  }
  return events;
}

/** Bodies of the rows that the events bring. */
function bodiesOf(events: readonly SubscriptionEvent[]): unknown[] {
  return events.flatMap((event) => {
    if (event.kind === "snapshot") return event.rows.map((row) => row["body"]);
    return event.kind === "insert" || event.kind === "update" ? [event.row["body"]] : [];
  });
}

test("ST-04 LQ-11 who resumes above the purged ends of rows goes on, who resumes below them starts anew", async () => {
  await using server = await startTestServer(FORGETFUL);
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await using client = createClient({ url: server.url, auth: { user: "root", password: ROOT_PASSWORD } });
  const live = client.live("SELECT id, body FROM app.notes");
  await live.ready;
  await root.sql("INSERT INTO app.notes VALUES (1, 'one'), (2, 'two'), (3, 'three')");
  await server.root.job("STORAGE FLUSH TABLE app.notes");
  await until(() => live.size === 3, "three rows");
  const before = live.cursor ?? "";
  await root.sql("DELETE FROM app.notes WHERE id = 2");
  await until(() => live.size === 2, "two rows");
  const after = live.cursor ?? "";
  await root.sql("UPDATE app.notes SET body = 'drei' WHERE id = 3");
  await until(() => live.rows().some((row) => row["body"] === "drei"), "the update");
  await server.root.job("STORAGE FLUSH TABLE app.notes");
  await server.root.job("STORAGE COMPACT TABLE app.notes");
  expect(await root.rows("SELECT row_count FROM system.segments")).toEqual([["2"]]);
  expect(await root.rows("SELECT id, body FROM app.notes ORDER BY id")).toEqual([
    ["1", "one"],
    ["3", "drei"],
  ]);

  const gone = await eventsUntilReady(client, before);
  expect(gone[0]).toMatchObject({ kind: "reset" });
  expect(new Set(bodiesOf(gone))).toEqual(new Set(["drei", "one"]));
  const fine = await eventsUntilReady(client, after);
  expect(fine.filter(({ kind }) => kind === "reset")).toEqual([]);
  expect(bodiesOf(fine)).toEqual(["drei"]);
});

test("ST-04 TB-02 TB-09 a table keeps deletes as long as it says itself, which its views show and ALTER TABLE changes", async () => {
  await using server = await startTestServer(FORGETFUL);
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.kept (id INT PRIMARY KEY) WITH (DELETED_RETENTION_HOURS = 24)");
  const option = async (): Promise<unknown> => {
    const [[text] = []] = await root.rows("SELECT options FROM system.schemas WHERE table_name = 'kept' AND is_latest");
    return JSON.parse(String(text)).deleted_retention_hours;
  };
  const created = async (): Promise<string> => String((await root.rows("SHOW CREATE TABLE app.kept"))[0]?.[1]);
  const versions = async (): Promise<unknown> => {
    await server.root.job("STORAGE FLUSH TABLE app.kept");
    await server.root.job("STORAGE COMPACT TABLE app.kept");
    return (await root.rows("SELECT sum(row_count) FROM system.segments"))[0]?.[0];
  };
  expect([await option(), (await created()).includes("DELETED_RETENTION_HOURS = 24")]).toEqual([24, true]);
  await root.sql("INSERT INTO app.kept VALUES (1), (2)");
  await root.sql("DELETE FROM app.kept WHERE id = 1");
  expect(String(await versions())).toBe("2");

  await root.sql("ALTER TABLE app.kept SET TBLPROPERTIES (DELETED_RETENTION_HOURS = DEFAULT)");
  expect([await option(), (await created()).includes("DELETED_RETENTION_HOURS")]).toEqual([null, false]);
  expect(String(await versions())).toBe("1");
  expect(await root.rows("SELECT id FROM app.kept")).toEqual([[2]]);

  await root.sql("CREATE STREAM TABLE app.passing (id INT PRIMARY KEY) WITH (TTL_SECONDS = 60)");
  const refused = await root.fails("ALTER TABLE app.passing SET TBLPROPERTIES (DELETED_RETENTION_HOURS = 1)");
  expect(refused.code).toBe("INVALID_SQL");
});

test("ST-04 LQ-11 queries, writes and live queries go on through flushes and merges, and all agree at the end", async () => {
  await using server = await startTestServer(FORGETFUL);
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  const network = breakableNetwork();
  await using client = createClient({
    url: server.url,
    auth: { user: "root", password: ROOT_PASSWORD },
    webSocket: network.webSocket,
  });
  const live = client.live("SELECT id, body FROM app.notes");
  await live.ready;
  const model = new Map<number, string>();
  let isDone = false;
  const readers = (async () => {
    let reads = 0;
    for (; !isDone; reads += 1) {
      const [[count] = []] = await root.rows("SELECT count(*) FROM app.notes WHERE body <> ''");
      expect(Number(count)).toBeGreaterThanOrEqual(0);
    }
    return reads;
  })();
  for (let round = 0; round < 12; round += 1) {
    for (let write = 0; write < 15; write += 1) {
      const id = (round * 7 + write * 11) % 40;
      if (model.has(id) && write % 3 === 0) {
        await root.sql("DELETE FROM app.notes WHERE id = $1", [id]);
        model.delete(id);
      } else {
        const body = `round ${round} write ${write}`;
        await root.sql("INSERT INTO app.notes VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = $2", [id, body]);
        model.set(id, body);
      }
    }
    // The watcher comes back with its cursor, now above, now below what a merge forgot.
    if (round % 3 === 1) network.cut();
    await server.root.job(round % 4 === 3 ? "STORAGE COMPACT TABLE app.notes" : "STORAGE FLUSH TABLE app.notes");
    const rows = await root.rows("SELECT id, body FROM app.notes ORDER BY id");
    expect(rows).toEqual([...model].toSorted(([a], [b]) => a - b).map(([id, body]) => [String(id), body]));
  }
  isDone = true;
  expect(await readers).toBeGreaterThan(0);
  const expected = [...model].toSorted(([a], [b]) => a - b).map(([id, body]) => `${id} ${body}`);
  const shown = (): string[] => live.rows().map((row) => `${String(row["id"])} ${String(row["body"])}`);
  await until(() => Bun.deepEquals(shown(), expected), "the watcher has caught up");
  expect(live.error).toBeUndefined();
});

test("ST-04 what a merge replaced is gone after the next start, and nothing else is", async () => {
  await using folder = await keptFolder();
  for (const time of ["first", "second"]) {
    await using server = await startTestServer({}, { folder: folder.path });
    const { root } = server;
    const files = (): string[] =>
      readdirSync(join(folder.path, "storage"), { recursive: true, encoding: "utf8" }).filter((path) =>
        path.endsWith(".parquet"),
      );
    if (time === "first") {
      await root.sql("CREATE NAMESPACE app");
      await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
      for (const id of [1, 2, 3]) {
        await root.sql("INSERT INTO app.notes VALUES ($1, 'text')", [id]);
        await server.root.job("STORAGE FLUSH TABLE app.notes");
      }
      await server.root.job("STORAGE COMPACT ALL IN app");
      expect(files().length).toBe(4);
      continue;
    }
    expect(files().length).toBe(1);
    expect(await root.rows("SELECT id FROM app.notes ORDER BY id")).toEqual([["1"], ["2"], ["3"]]);
  }
});

async function keptFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "kalamdb-compaction-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
