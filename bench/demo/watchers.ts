// The audience: live queries of every kind over both protocols and both notations, some on sockets that keep breaking.
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { breakableNetwork } from "../../test/support/breakable-socket.ts";
import type { Author } from "./chat.ts";
import { Watcher } from "./watcher.ts";

export interface WatchOptions {
  readonly url: string;
  readonly password: string;
  readonly authors: readonly Author[];
  readonly rooms: readonly string[];
  readonly lastId: number;
  /** A message reached the live query of its room. */
  readonly onArrival: (id: bigint) => void;
}

export interface Watchers {
  readonly count: number;
  events(): number;
  reconnects(): number;
  /** Waits until every watcher has what a SELECT shows, or the time is up; what is then still different is counted. */
  settle(timeoutMs: number): Promise<{ readonly missing: number; readonly repeated: number; readonly wrong: number }>;
  stop(): void;
}

const BREAK_EVERY_MS = 400;
const EVERYTHING = "SELECT * FROM chat.messages";

export async function watchChat(options: WatchOptions): Promise<Watchers> {
  const auth = { user: "root", password: options.password };
  const flaky = [breakableNetwork(), breakableNetwork()];
  const connect = (extra: object): KalamClient => createClient({ url: options.url, auth, ...extra });
  const native = connect({});
  const nativeMsgpack = connect({ format: "msgpack" });
  const peer = connect({ protocol: "peer" });
  const peerMsgpack = connect({ protocol: "peer", format: "msgpack" });
  const flakyClients = flaky.map(({ webSocket }, index) =>
    connect({
      webSocket,
      protocol: index === 0 ? "native" : "peer",
      reconnect: { initialDelayMs: 20, maxDelayMs: 100 },
    }),
  );
  const clients = [native, nativeMsgpack, peer, peerMsgpack, ...flakyClients];
  const [firstRoom = "", secondRoom = firstRoom] = options.rooms;
  const half = Math.floor(options.lastId / 2);
  const watchers = [
    ...options.rooms.map(
      (room) =>
        new Watcher({
          name: `room ${room}`,
          client: native,
          sql: `${EVERYTHING} WHERE room = $1`,
          params: [room],
          onInsert: options.onArrival,
        }),
    ),
    ...options.authors.slice(0, 5).map(
      ({ name }) =>
        new Watcher({
          name: `author ${name}`,
          client: nativeMsgpack,
          sql: `${EVERYTHING} WHERE author = $1`,
          params: [name],
        }),
    ),
    new Watcher({ name: "everything", client: peer, sql: EVERYTHING }),
    new Watcher({ name: "fixes", client: peer, sql: `${EVERYTHING} WHERE text LIKE '%fix%' OR text ILIKE 'update%'` }),
    new Watcher({
      name: "second half of two rooms",
      client: peerMsgpack,
      sql: `${EVERYTHING} WHERE id > $1 AND room IN ($2, $3)`,
      params: [half, firstRoom, secondRoom],
    }),
    new Watcher({
      name: "edited, not in the first room",
      client: nativeMsgpack,
      sql: `${EVERYTHING} WHERE NOT room = $1 AND text LIKE '%(edited)'`,
      params: [firstRoom],
    }),
    ...flakyClients.flatMap((client, index) => [
      new Watcher({
        name: `first room over bad network ${index + 1}`,
        client,
        sql: `${EVERYTHING} WHERE room = $1`,
        params: [firstRoom],
      }),
      new Watcher({ name: `everything over bad network ${index + 1}`, client, sql: EVERYTHING }),
    ]),
    ...options.authors.flatMap(({ name, client }) => [
      new Watcher({ name: `outbox of ${name}`, client, sql: "SELECT * FROM chat.outbox" }),
      new Watcher({ name: `unsent of ${name}`, client, sql: "SELECT * FROM chat.outbox WHERE state = 'pending'" }),
    ]),
  ];
  await Promise.all(watchers.map((watcher) => watcher.start()));
  let cuts = 0;
  const breaking = setInterval(() => {
    const network = flaky[cuts % flaky.length];
    network?.cut();
    cuts += 1;
  }, BREAK_EVERY_MS);
  return {
    count: watchers.length,
    events: () => watchers.reduce((sum, watcher) => sum + watcher.events, 0),
    reconnects: () => cuts,
    async settle(timeoutMs) {
      clearInterval(breaking);
      return settle(watchers, timeoutMs);
    },
    stop() {
      clearInterval(breaking);
      for (const watcher of watchers) watcher.stop();
      for (const client of clients) client.disconnect();
    },
  };
}

async function settle(
  watchers: readonly Watcher[],
  timeoutMs: number,
): Promise<{ readonly missing: number; readonly repeated: number; readonly wrong: number }> {
  const deadline = performance.now() + timeoutMs;
  let pending = watchers;
  let missing = 0;
  let wrong = 0;
  while (pending.length > 0) {
    const verdicts = await Promise.all(pending.map(async (watcher) => ({ watcher, ...(await watcher.compare()) })));
    const different = verdicts.filter(
      (verdict) => verdict.missing + verdict.wrong > 0 || verdict.watcher.failure !== undefined,
    );
    missing = different.reduce((sum, verdict) => sum + verdict.missing, 0);
    wrong = different.reduce(
      (sum, verdict) => sum + Math.max(verdict.wrong, verdict.watcher.failure === undefined ? 0 : 1),
      0,
    );
    pending = different.map((verdict) => verdict.watcher);
    if (pending.length > 0 && performance.now() > deadline) {
      for (const { watcher, ...counts } of different) {
        const failure = watcher.failure === undefined ? "" : `, ${watcher.failure.message}`;
        process.stdout.write(`${watcher.name}: ${counts.missing} missing, ${counts.wrong} wrong${failure}\n`);
      }
      break;
    }
    if (pending.length > 0) await Bun.sleep(100);
  }
  return { missing, wrong, repeated: watchers.reduce((sum, watcher) => sum + watcher.repeated, 0) };
}
