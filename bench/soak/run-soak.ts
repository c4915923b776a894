// The soak: users who each watch their own rows, rooms that several watch, writers, flushes, merges, altered tables, broken sockets and a server that ends and comes back, all at
// once. Whether every acknowledged version arrived is judged by `Told`.
import { freePort } from "../../test/support/free-port.ts";
import { Journal } from "./journal.ts";
import { SoakServer } from "./soak-server.ts";
import { Told } from "./told.ts";
import { upkeepOf } from "./upkeep.ts";
import { RawWatcher, type Watcher, watchByLink } from "./watchers.ts";
import { runLane } from "./writers.ts";

const LANES = 16;
const LANE_PAUSE_MS = 20;
const ROOMS = 20;
const ROOM_WATCHERS = 3;
const SHOWN_RESETS = 5;
const CUTS_PER_SECOND = 3;
const READY_MS = 120_000;
/** After the last write, for what is still on its way: no delivery takes as long on any machine that is not at a standstill. */
const SETTLE_MS = 60_000;

function randomOf(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Watched {
  readonly told: Told;
  readonly watcher: Watcher;
}

const KINDS = ["raw", "link", "peer"] as const;
const COLUMNS = ["*", "n, id, body"] as const;

function watch(server: SoakServer, journal: Journal, feed: string, index: number): Watched {
  const kind = KINDS[index % KINDS.length] ?? "raw";
  const columns = COLUMNS[Math.floor(index / KINDS.length) % COLUMNS.length] ?? "*";
  const protocol = kind === "peer" ? "peer" : "native";
  const told = new Told({ name: `${feed} (${kind}, ${columns})`, feed, journal, protocol });
  const sql = feed.startsWith("own:")
    ? `SELECT ${columns} FROM soak.own`
    : `SELECT ${columns} FROM soak.room WHERE feed = '${feed}'`;
  const options = { url: server.url, token: server.tokenOf(feed), sql, told };
  return { told, watcher: kind === "raw" ? new RawWatcher(options) : watchByLink(protocol, options) };
}

async function until(isDone: () => boolean, withinMs: number): Promise<void> {
  const endsAt = performance.now() + withinMs;
  while (!isDone() && performance.now() < endsAt) await Bun.sleep(100);
}

export interface SoakOptions {
  /** Of the data. */
  readonly folder: string;
  readonly seconds: number;
  readonly users: number;
  readonly seed: number;
  /** Evenly over the time; by `kill -9` and by SIGTERM in turn. */
  readonly restarts: number;
  readonly env: Readonly<Record<string, string>>;
}

export interface SoakResult {
  readonly summary: string;
  /** The first of each live query, and refusals that nothing explains. */
  readonly faults: readonly string[];
  readonly acknowledged: number;
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { users, folder, env } = options;
  await using server = await SoakServer.open({ folder, port: await freePort(), users, env });
  const journal = new Journal();
  const feeds = [
    ...Array.from({ length: users }, (_unused, user) => `own:${user}`),
    ...Array.from({ length: ROOMS }, (_unused, room) => `room:${room}`),
  ];
  const watched = feeds.flatMap((feed, index) => {
    const count = feed.startsWith("own:") ? 1 : ROOM_WATCHERS;
    return Array.from({ length: count }, (_unused, more) => watch(server, journal, feed, index + more));
  });
  try {
    await until(() => watched.every(({ told }) => told.isReady), READY_MS);
    const late = watched.filter(({ told }) => !told.isReady).map(({ told }) => `${told.name} did not open`);
    const { refusals, upkeep } = await trouble(server, { ...options, journal, feeds, watched });
    await until(() => watched.every(({ told }) => told.missing().length === 0), SETTLE_MS);
    const faults = [...late, ...refusals, ...watched.flatMap(({ told }) => told.faults())];
    return { faults, acknowledged: journal.count("acknowledged"), summary: summaryOf(journal, watched, upkeep) };
  } finally {
    for (const { watcher } of watched) watcher.close();
  }
}

interface Scene extends SoakOptions {
  readonly journal: Journal;
  readonly feeds: readonly string[];
  readonly watched: readonly Watched[];
}

/** Everything at once, for the time that was asked for. */
async function trouble(
  server: SoakServer,
  { seconds, seed, restarts, journal, feeds, watched }: Scene,
): Promise<{ readonly refusals: readonly string[]; readonly upkeep: string }> {
  const random = randomOf(seed);
  const refusals: string[] = [];
  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1_000;
  const lanes = Array.from({ length: LANES }, (_unused, lane) =>
    runLane({
      target: server,
      journal,
      feeds: feeds.filter((_feed, index) => index % LANES === lane),
      random: randomOf(seed + 1 + lane),
      pauseMs: LANE_PAUSE_MS,
      isOver,
      onRefusal: (text) => refusals.push(text),
    }),
  );
  const cutting = setInterval(() => {
    watched[Math.floor(random() * watched.length)]?.watcher.cut();
  }, 1_000 / CUTS_PER_SECOND);
  const restarting = async (): Promise<void> => {
    for (let at = 0; at < restarts; at += 1) {
      await Bun.sleep((seconds * 1_000) / (restarts + 1));
      await server.restart(at % 2 === 0 ? "SIGKILL" : "SIGTERM");
    }
  };
  const [upkeep] = await Promise.all([upkeepOf(server, { isOver, random }), restarting(), ...lanes]).finally(() =>
    clearInterval(cutting),
  );
  return { refusals, upkeep };
}

function summaryOf(journal: Journal, watched: readonly Watched[], upkeep: string): string {
  const sum = (read: (told: Told) => number): number => watched.reduce((total, { told }) => total + read(told), 0);
  const resets = watched.flatMap(({ told }) => told.resets);
  return (
    `versions: ${journal.count("acknowledged")} acknowledged, ${journal.count("refused")} refused, ${journal.count("inDoubt")} in doubt; ` +
    `${watched.length} live queries were told ${sum((told) => told.changes)} changes in ${sum((told) => told.resumes)} resumes and ${resets.length} resets (${resets.slice(0, SHOWN_RESETS).join("; ")}); ${upkeep}`
  );
}
