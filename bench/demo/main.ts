// Demo: replays a chat against a fresh server while watchers hold live queries, then checks every watcher against a fresh SELECT.
//   bun run demo [--data FILE.ndjson[.gz] | --git REPOSITORY] [--all] [--messages N] [--seed N]
import { parseArgs } from "node:util";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { ServerProcess } from "../../test/support/server-process.ts";
import { type Author, createAuthors, createTables, send } from "./chat.ts";
import { busiestAuthors, type Message, readMessages, type Source } from "./messages.ts";
import { Progress } from "./progress.ts";
import { describe, percentile, type Report } from "./report.ts";
import { type Watchers, watchChat } from "./watchers.ts";

const BUSIEST = 50;
const GENERATED = 6_000;
/** Messages on their way at once, never two of one author. */
const IN_FLIGHT = 48;
/** Far more than any machine needs: what is missing then is lost. */
const SETTLE_MS = 120_000;

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    git: { type: "string" },
    all: { type: "boolean", default: false },
    messages: { type: "string" },
    seed: { type: "string" },
  },
});

function sourceOf(): Source {
  if (values.data !== undefined) return { kind: "file", path: values.data };
  if (values.git !== undefined) return { kind: "git", repository: values.git };
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  process.stdout.write(`generated messages, seed ${seed}\n`);
  return { kind: "generated", seed, count: Number(values.messages ?? GENERATED) };
}

async function main(): Promise<boolean> {
  const everything = await readMessages(sourceOf());
  const limited = values.messages === undefined ? everything : everything.slice(0, Number(values.messages));
  const names = busiestAuthors(limited).slice(0, values.all ? undefined : BUSIEST);
  const known = new Set(names);
  const messages = limited.filter((message) => known.has(message.author));
  const rooms = [...new Set(messages.map((message) => message.room))];
  process.stdout.write(`${messages.length} messages of ${names.length} authors in ${rooms.length} rooms\n`);
  await using server = await ServerProcess.start({
    env: { KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC: "100000" },
  });
  const admin = createClient({ url: server.url, auth: { user: "root", password: server.password } });
  await createTables(admin);
  const authors = await createAuthors(names, admin, server.url);
  const report = await replay({ server, admin, authors, messages, rooms });
  process.stdout.write(describe(report));
  for (const { client } of [...authors, { client: admin }]) client.disconnect();
  return report.missing + report.repeated + report.wrong === 0;
}

interface Run {
  readonly server: ServerProcess;
  readonly admin: KalamClient;
  readonly authors: readonly Author[];
  readonly messages: readonly Message[];
  readonly rooms: readonly string[];
}

async function replay(run: Run): Promise<Report> {
  const { server, admin, authors, messages, rooms } = run;
  const postedAt = new Map<bigint, number>();
  const latencies: number[] = [];
  const watchers = await watchChat({
    url: server.url,
    password: server.password,
    authors,
    rooms,
    lastId: messages.length,
    onArrival: (id) => {
      const posted = postedAt.get(id);
      if (posted !== undefined) latencies.push(performance.now() - posted);
    },
  });
  const startedAt = performance.now();
  const rows = await writeAll(run, watchers, (id) => postedAt.set(id, performance.now()));
  const seconds = (performance.now() - startedAt) / 1000;
  const verdict = await watchers.settle(SETTLE_MS);
  const [files] = (
    await admin.query("SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes FROM system.segments")
  ).rows;
  const failed = await admin.query("SELECT job_id, message FROM system.jobs WHERE status = 'failed'");
  for (const job of failed.rows)
    process.stdout.write(`job ${String(job["job_id"])} failed: ${String(job["message"])}\n`);
  watchers.stop();
  latencies.sort((a, b) => a - b);
  return {
    rows,
    seconds,
    watchers: watchers.count,
    events: watchers.events(),
    reconnects: watchers.reconnects(),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    files: Number(files?.["files"] ?? 0),
    bytes: Number(files?.["bytes"] ?? 0),
    ...verdict,
    failedJobs: failed.rowCount,
  };
}

/** Authors write side by side, each in order of time. Returns the number of row versions written. */
async function writeAll(run: Run, watchers: Watchers, onPost: (id: bigint) => void): Promise<number> {
  const { messages, authors, rooms, admin } = run;
  const authorByName = new Map(authors.map((author) => [author.name, author]));
  const turnOf = new Map<string, Promise<void>>();
  const running = new Set<Promise<void>>();
  const progress = new Progress(messages.length);
  let rows = 0;
  for (const [index, message] of messages.entries()) {
    const author = authorByName.get(message.author);
    if (author === undefined) continue;
    const before = turnOf.get(message.author) ?? Promise.resolve();
    const work = before.then(async () => {
      const written = await send(message, author, { rooms, onPost });
      rows += written;
      progress.advance(() => `${rows} rows written, ${watchers.events()} events delivered`);
    });
    turnOf.set(message.author, work);
    const tracked = work.finally(() => running.delete(tracked));
    running.add(tracked);
    if (index === Math.floor(messages.length / 2)) {
      await admin.query("STORAGE FLUSH TABLE chat.messages");
      await admin.query("STORAGE FLUSH TABLE chat.outbox");
    }
    while (running.size >= IN_FLIGHT) await Promise.race(running);
  }
  await Promise.all(running);
  return rows;
}

process.exitCode = (await main()) ? 0 : 1;
