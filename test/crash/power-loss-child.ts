// A whole server, and one client that writes, flushes, merges, empties and drops; to be run under strace. Arguments: the data folder, the file for the marks of
// written-rows.ts, and the durability.
import { openSync, writeSync } from "node:fs";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import { startServer } from "../../src/server/start.ts";
import { loginToken, ROOT_PASSWORD, TestUser } from "../support/test-server.ts";
import { crashSettings } from "./kill-settings.ts";
import { bodyOf, type Effect, type Mark } from "./written-rows.ts";

const [folder = "", marks = "", durability = "full"] = process.argv.slice(2);
const file = openSync(marks, "a");

function mark(written: Mark): void {
  writeSync(file, `${JSON.stringify(written)}\n`);
}

const server = await startServer({
  config: configOf({ ...crashSettings(folder, 0), "storage.durability": durability === "normal" ? "normal" : "full" }),
  log: silentLog,
});
const root = new TestUser(server.url, "root", await loginToken(server.url, "root", ROOT_PASSWORD));

async function tell(effect: Effect, sql: string): Promise<void> {
  mark({ kind: "sent", effect });
  await root.sql(sql);
  mark({ kind: "answered" });
}

async function job(sql: string): Promise<void> {
  mark({ kind: "note", text: sql });
  await root.job(sql);
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_unused, at) => from + at);
}

let statements = 0;
async function put(table: string, ids: readonly number[]): Promise<void> {
  statements += 1;
  const body = `text ${statements}`;
  const values = ids.map((id) => `(${id}, '${bodyOf(body)}')`).join(", ");
  const update = "ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body";
  await tell({ kind: "put", table, ids, body }, `INSERT INTO app.${table} (id, body) VALUES ${values} ${update}`);
}

function remove(table: string, ids: readonly number[]): Promise<void> {
  return tell({ kind: "remove", table, ids }, `DELETE FROM app.${table} WHERE id IN (${ids.join(", ")})`);
}

async function make(table: string, kind: string): Promise<void> {
  const columns = "(id INT PRIMARY KEY, body TEXT)";
  await tell({ kind: "create", table }, `CREATE ${kind} TABLE app.${table} ${columns}`);
}

/** Long enough for the log to be folded, and cut back, because nobody writes. */
function rest(): Promise<void> {
  mark({ kind: "note", text: "rest" });
  return Bun.sleep(2_300);
}

await root.sql("CREATE NAMESPACE app");
await make("notes", "SHARED");
await make("own", "USER");
for (const table of ["notes", "own"]) {
  for (const id of range(0, 5)) await put(table, [id]);
  await put(table, range(5, 400));
  await job(`STORAGE FLUSH TABLE app.${table}`);
  await put(table, range(300, 20));
  await remove(table, [1, 301, 302]);
  await put(table, [1]);
}
await rest();
for (const from of [1_000, 1_500, 2_000]) await put("notes", range(from, 500));
await job("STORAGE FLUSH TABLE app.notes");
await job("STORAGE FLUSH TABLE app.own");
for (const id of range(2_000, 8)) await put("own", [id]);
await job("STORAGE COMPACT TABLE app.notes");
await job("STORAGE COMPACT TABLE app.own");
await put("notes", range(0, 3));
await root.sql("ALTER TABLE app.own ADD COLUMN more INT");
await put("own", range(2_000, 2));
await tell({ kind: "clear", table: "own" }, "TRUNCATE TABLE app.own");
await put("own", range(10, 30));
await make("other", "SHARED");
await put("other", range(0, 300));
await job("STORAGE FLUSH TABLE app.other");
await put("other", range(5, 5));
await tell({ kind: "drop", table: "other" }, "DROP TABLE app.other");
await put("own", range(12, 3));
await rest();
await remove("notes", range(1_000, 100));
await put("notes", range(1_000, 2));
mark({ kind: "note", text: "stop" });
await server.stop();
