// The server as a process of its own, the writers, the clients with their live queries, and the model; runs the steps of a schedule.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../support/server-process.ts";
import { loginToken } from "../support/test-server.ts";
import { FAULT_VARIABLE, type FaultName } from "./faults.ts";
import { LinkSeat } from "./link-seat.ts";
import { Space, Wrong } from "./model.ts";
import { PagingSeat } from "./paging-seat.ts";
import { cellText, TABLE_COLUMNS, wireText } from "./row.ts";
import type { SeatClient } from "./seat.ts";
import { SlowProxy } from "./slow-proxy.ts";
import { type Answer, SqlUser } from "./sql-user.ts";
import { SEATS, type Seat, SLOTS_PER_SEAT, type Step, TABLES, type TableName, USERS, type WriteOp } from "./step.ts";
import { Watcher } from "./watcher.ts";
import { Writes } from "./writes.ts";

const PASSWORD = "a-password-for-the-simulator";
const PLANT_FAULT = new URL("plant-fault.ts", import.meta.url).pathname;
const QUIET_MS = 15_000;
/** What is planted never becomes right. */
const FAULTY_QUIET_MS = 1_500;
/** The most writes under way at a time. */
const FLOOD_LANES = 4;

/** Slow consumers are part of the schedule: that one was closed is not worth a line. */
const LOG_LEVEL = "error";

const ENVIRONMENT = {
  // A killed process loses nothing in either mode; waiting for the disk would only make the schedule slower.
  KALAMDB_STORAGE_DURABILITY: "normal",
  KALAMDB_LIVE_MAX_HELD_CHANGES: "6",
  KALAMDB_LIVE_BACKPRESSURE_LIMIT_BYTES: "65536",
  KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC: "1000000",
  KALAMDB_SHUTDOWN_TIMEOUT_MS: "2000",
};

interface Place {
  readonly seat: Seat;
  readonly client: SeatClient;
  readonly proxy: SlowProxy | undefined;
}

export class World implements AsyncDisposable {
  readonly #folder: string;
  readonly #quietMs: number;
  readonly #start: (port: number) => Promise<ServerProcess>;
  #server: ServerProcess;
  #root: SqlUser;
  #users: readonly SqlUser[] = [];
  #places: readonly Place[] = [];
  readonly #spaces = new Map<string, Space>();
  readonly #watchers = new Map<string, Watcher>();
  readonly #writes = new Writes();
  readonly #others = new Set<Promise<void>>();
  readonly #killed = new Set<string>();
  /** Every commit up to here is in the model. */
  #known = 0n;

  private constructor(
    at: { readonly folder: string; readonly start: (port: number) => Promise<ServerProcess>; readonly quietMs: number },
    server: ServerProcess,
    root: SqlUser,
  ) {
    this.#folder = at.folder;
    this.#start = at.start;
    this.#quietMs = at.quietMs;
    this.#server = server;
    this.#root = root;
  }

  static async open(fault?: FaultName): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "kalamdb-simulator-"));
    const start = (port: number): Promise<ServerProcess> => startServer(folder, port, fault);
    const server = await start(0);
    const root = new SqlUser(server.url, "root", await loginToken(server.url, "root", PASSWORD));
    const world = new World({ folder, start, quietMs: fault === undefined ? QUIET_MS : FAULTY_QUIET_MS }, server, root);
    try {
      await world.#prepare();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  async #prepare(): Promise<void> {
    const { url } = this.#server;
    await this.#root.must("CREATE NAMESPACE sim");
    for (const table of TABLES) {
      const [kind, options] = table === "own" ? ["USER", ""] : ["SHARED", " WITH (ACCESS_LEVEL = 'PUBLIC')"];
      await this.#root.must(`CREATE ${kind} TABLE sim.${table} ${TABLE_COLUMNS}${options}`);
    }
    await this.#root.must("CREATE SHARED TABLE sim.marks (id BIGINT PRIMARY KEY, n INT)");
    const users: SqlUser[] = [];
    for (const name of USERS) {
      await this.#root.must(`CREATE USER '${name}' WITH PASSWORD 'pass-word-${name}-1' ROLE service`);
      users.push(new SqlUser(url, name, await loginToken(url, name, `pass-word-${name}-1`)));
    }
    this.#users = users;
    this.#places = SEATS.map((seat) => this.#place(seat));
    this.#known = await this.#mark();
  }

  #place(seat: Seat): Place {
    const proxy = seat.isSlow ? new SlowProxy(this.#server.url) : undefined;
    const [protocol, notation] = seat.family.split("-");
    const format = notation === "msgpack" ? "msgpack" : "json";
    const options = { url: proxy?.url ?? this.#server.url, token: this.#user(seat.user).token, format } as const;
    if (protocol === "paging") return { seat, proxy, client: new PagingSeat(options) };
    return { seat, proxy, client: new LinkSeat({ ...options, protocol: protocol === "native" ? "native" : "peer" }) };
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case "write":
        return this.#write(step);
      case "flood":
        return this.#flood(step);
      case "watch": {
        const watcher = this.#watcher(step);
        this.#watchers.set(watcher.options.id, watcher);
        return this.#at(step.seat).client.watch(watcher);
      }
      case "unwatch": {
        const id = idOf(step);
        this.#watchers.delete(id);
        return this.#at(step.seat).client.unwatch(id);
      }
      case "cut":
        return this.#at(step.seat).client.cut();
      case "stall":
        return this.#at(step.seat).proxy?.stall();
      case "unstall":
        return this.#at(step.seat).proxy?.unstall();
      case "killQuery":
        return this.#kill([idOf(step)], "live_id", "LIVE QUERY");
      case "killConnection":
        return this.#kill(idsOf(step.seat), "connection_id", "CONNECTION");
      case "flush":
        return this.#meanwhile(this.#root.send(`STORAGE FLUSH TABLE sim.${step.table}`).then(() => undefined));
      case "restart":
        return this.#restart("SIGTERM");
      case "crash":
        return this.#restart("SIGKILL");
      case "wait":
        return Bun.sleep(step.ms);
      case "check":
        return this.#check();
      default:
        return this.#settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, proxy } of this.#places) {
      client.close();
      proxy?.close();
    }
    await this.#server.end("SIGKILL");
    await Promise.allSettled(this.#others);
    await this.#writes.answered();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #write(step: Extract<Step, { kind: "write" }>): void {
    const { user, table, form, ops } = step;
    this.#writes.send(this.#user(user), { space: this.#space(table, user), table, form, ops });
  }

  /** Bounded lanes, so that the writers themselves hold little. */
  async #flood({ user, rows, bytes }: Extract<Step, { kind: "flood" }>): Promise<void> {
    const note = "x".repeat(bytes);
    for (let sent = 0; sent < rows; sent += FLOOD_LANES) {
      for (let lane = 0; lane < FLOOD_LANES; lane += 1) {
        const row = { id: lane, room: "a", n: sent % 10, note, f: null, b: null, d: null, at: null };
        const ops: WriteOp[] = [{ kind: "put", rows: [row] }];
        this.#writes.send(this.#user(user), { space: this.#space("wide", user), table: "wide", form: "batch", ops });
      }
      await this.#writes.answered();
    }
  }

  #watcher({ seat, slot, watch }: Extract<Step, { kind: "watch" }>): Watcher {
    const { user, family } = this.#at(seat).seat;
    return new Watcher({
      id: idOf({ seat, slot }),
      user: this.#user(user).name,
      family,
      watch,
      space: this.#space(watch.table, user),
      from: watch.start.kind === "from" ? this.#known : undefined,
    });
  }

  #kill(ids: readonly string[], column: string, what: string): void {
    const kill = async (): Promise<void> => {
      const list = ids.map((id) => `subscription_id = '${id}' OR subscription_id LIKE '${id}#%'`).join(" OR ");
      const found = await this.#root.send(`SELECT ${column} FROM system.live_queries WHERE ${list} LIMIT 1`);
      const name = found.results?.at(-1)?.rows[0]?.[0];
      if (name === undefined) return;
      for (const id of ids) this.#killed.add(id);
      // It may have gone by itself meanwhile.
      await this.#root.send(`KILL ${what} '${cellText(name)}'`);
    };
    this.#meanwhile(kill());
  }

  #meanwhile(promise: Promise<void>): void {
    this.#others.add(promise);
    void promise.finally(() => this.#others.delete(promise));
  }

  async #restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#server.end(signal);
    await this.#writes.answered();
    await Promise.all(this.#others);
    const port = Number(new URL(this.#server.url).port);
    this.#server = await this.#start(port);
    await this.#check({ readsBack: true });
  }

  /** A commit after everything before it. */
  async #mark(): Promise<bigint> {
    const { results } = await this.#root.must(
      "INSERT INTO sim.marks VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = 1",
    );
    return BigInt(results?.at(-1)?.seq ?? 0);
  }

  async #check({ readsBack = false } = {}): Promise<void> {
    await this.#writes.answered();
    const { told, lost, latest } = this.#writes.take();
    for (const space of this.#spaces.values()) space.take(told.get(space) ?? [], lost.get(space) ?? []);
    if (latest > this.#known) this.#known = latest;
    if (readsBack || lost.size > 0) await this.#readBack();
    this.#judge();
  }

  async #readBack(): Promise<void> {
    this.#known = await this.#mark();
    for (const table of TABLES) {
      for (const [index, user] of this.#users.entries()) {
        if (table !== "own" && index > 0) continue;
        this.#space(table, index).readBack(await user.table(table), this.#known);
      }
    }
  }

  #judge(): void {
    for (const watcher of this.#watchers.values()) watcher.judge(this.#known);
    this.#bury();
  }

  /** Takes away what was killed; nothing else may end. */
  #bury(): void {
    for (const [id, { ended, sql }] of this.#watchers) {
      if (ended === undefined) continue;
      if (!ended.startsWith("KILLED") || !this.#killed.has(id)) throw new Wrong(`${id} ${sql}\n  ended with ${ended}`);
      this.#watchers.delete(id);
    }
  }

  async #settle(): Promise<void> {
    for (const { proxy } of this.#places) proxy?.unstall();
    await Promise.all(this.#others);
    await this.#check({ readsBack: true });
    const deadline = performance.now() + this.#quietMs;
    for (;;) {
      const problem = (await this.#problem()) ?? (await this.#viewProblem());
      if (problem === undefined) break;
      if (performance.now() > deadline) throw new Wrong(problem);
      await Bun.sleep(2);
    }
    await this.#compareWithSelects();
    for (const space of this.#spaces.values()) space.settle(this.#known);
    for (const watcher of this.#watchers.values()) watcher.settle();
    this.#killed.clear();
  }

  async #problem(): Promise<string | undefined> {
    this.#judge();
    for (const watcher of this.#watchers.values()) {
      const difference = watcher.difference(this.#known);
      if (difference !== undefined) {
        const { id, user, family, watch } = watcher.options;
        return `${id} (${user}, ${family}, ${JSON.stringify(watch.start)}) ${watcher.sql}\n  when all was quiet: ${difference}`;
      }
    }
    return undefined;
  }

  /** LQ-02, LQ-10: the view holds exactly what is watched, all of it has gone live, and counts what was delivered. */
  async #viewProblem(): Promise<string | undefined> {
    const { results } = await this.#root.must(
      "SELECT user_id, subscription_id, table_name, phase, changes FROM system.live_queries",
    );
    const shown = (results?.at(-1)?.rows ?? [])
      .map((row) => row.map((cell) => cellText(cell).replace(/#\d+$/, "")).join(" "))
      .toSorted();
    const expected = [...this.#watchers.values()]
      .map(({ options, changes }) => `${options.user} ${options.id} ${options.watch.table} live ${changes}`)
      .toSorted();
    if (Bun.deepEquals(shown, expected)) return undefined;
    const [extra, missing] = [
      shown.filter((each) => !expected.includes(each)),
      expected.filter((each) => !shown.includes(each)),
    ];
    return `system.live_queries shows ${extra.join("; ")} where ${missing.join("; ")} was expected`;
  }

  async #compareWithSelects(): Promise<void> {
    const compare = async (watcher: Watcher): Promise<void> => {
      const { user, id } = watcher.options;
      const answer = await (this.#users.find(({ name }) => name === user) ?? this.#root).must(watcher.sql);
      const rows = rowsOf(answer).map((row) => ({
        id: Number(row["id"]),
        text: wireText(row, watcher.columns),
        seq: row["_seq"] === undefined ? undefined : BigInt(cellText(row["_seq"])),
      }));
      const difference = watcher.compareWith(rows);
      if (difference !== undefined) throw new Wrong(`${id} ${watcher.sql}\n  ${difference}`);
    };
    await Promise.all([...this.#watchers.values()].map(compare));
  }

  #space(table: TableName, user: number): Space {
    const name = table === "own" ? `${table} of ${this.#user(user).name}` : table;
    const known = this.#spaces.get(name);
    if (known !== undefined) return known;
    const space = new Space(name);
    this.#spaces.set(name, space);
    return space;
  }

  #user(index: number): SqlUser {
    return this.#users[index % USERS.length] ?? this.#root;
  }

  #at(seat: number): Place {
    const place = this.#places[seat % SEATS.length];
    if (place === undefined) throw new Error("there are no seats");
    return place;
  }
}

function startServer(folder: string, port: number, fault: FaultName | undefined): Promise<ServerProcess> {
  const options = { folder, password: PASSWORD, env: ENVIRONMENT, port, logLevel: LOG_LEVEL } as const;
  if (fault === undefined) return ServerProcess.start(options);
  return ServerProcess.start({ ...options, env: { ...ENVIRONMENT, [FAULT_VARIABLE]: fault }, preload: PLANT_FAULT });
}

function idOf({ seat, slot }: { readonly seat: number; readonly slot: number }): string {
  return `s${seat}-${slot}`;
}

function idsOf(seat: number): readonly string[] {
  return Array.from({ length: SLOTS_PER_SEAT }, (_, slot) => idOf({ seat, slot }));
}

export function rowsOf(answer: Answer): readonly Readonly<Record<string, unknown>>[] {
  const result = answer.results?.at(-1);
  const names = result?.names ?? [];
  return (result?.rows ?? []).map((cells) => Object.fromEntries(names.map((name, index) => [name, cells[index]])));
}
