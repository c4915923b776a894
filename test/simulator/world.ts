// The server as a process of its own, the writers, the clients with their live queries, and the model; runs the steps of a schedule.
import { loginToken } from "../support/test-server.ts";
import type { Coverage } from "./coverage.ts";
import type { FaultName } from "./faults.ts";
import { Space, Wrong } from "./model.ts";
import { createPlaces, type Place, signToken } from "./places.ts";
import { modelProblem, selectProblem, viewProblem } from "./quiet.ts";
import { Recent } from "./recent.ts";
import { cellText, TABLE_COLUMNS } from "./row.ts";
import { PASSWORD, SimulatedServer } from "./simulated-server.ts";
import { SqlUser } from "./sql-user.ts";
import { alterSql, createShared, streamSql } from "./statement.ts";
import {
  type AlteredTable,
  SEATS,
  SLOTS_PER_SEAT,
  type Step,
  TABLES,
  USERS,
  type Watch,
  type WriteOp,
} from "./step.ts";
import { coverWatch, isOfStream, mayEnd, watchFor } from "./watch.ts";
import { Watcher } from "./watcher.ts";
import { Writes } from "./writes.ts";

const QUIET_MS = 15_000;
/** What is planted never becomes right. */
const FAULTY_QUIET_MS = 1_500;
const JOURNAL_STEPS = 120;
const JOURNAL_CHARACTERS = 400;
/** The most writes under way at a time. */
const FLOOD_LANES = 4;

export interface WorldOptions {
  readonly fault?: FaultName;
  readonly coverage: Coverage;
}

export class World implements AsyncDisposable {
  readonly #quietMs: number;
  readonly #server: SimulatedServer;
  readonly #root: SqlUser;
  readonly #journal = new Recent<string>(JOURNAL_STEPS);
  #users: readonly SqlUser[] = [];
  #places: readonly Place[] = [];
  readonly #spaces = new Map<string, Space>();
  readonly #watchers = new Map<string, Watcher>();
  readonly #coverage: Coverage;
  readonly #writes: Writes;
  /** How often each table was altered. */
  readonly #alterations = new Map<AlteredTable, number>();
  readonly #others = new Set<Promise<void>>();
  readonly #killed = new Set<string>();
  #wrong: Wrong | undefined;
  /** Every commit up to here is in the model. */
  #known = 0n;

  private constructor(server: SimulatedServer, root: SqlUser, { fault, coverage }: WorldOptions) {
    this.#quietMs = fault === undefined ? QUIET_MS : FAULTY_QUIET_MS;
    this.#coverage = coverage;
    this.#writes = new Writes(coverage);
    this.#server = server;
    this.#root = root;
  }

  static async open(options: WorldOptions): Promise<World> {
    const server = await SimulatedServer.open(options.fault);
    const root = new SqlUser(server.url, "root", await loginToken(server.url, "root", PASSWORD));
    const world = new World(server, root, options);
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
    await this.#root.must(`CREATE USER TABLE sim.own ${TABLE_COLUMNS}`);
    await this.#root.must(`CREATE STREAM TABLE sim.feed ${TABLE_COLUMNS} WITH (TTL_SECONDS = 1)`);
    for (const table of ["items", "wide"] as const) await this.#root.must(createShared(table));
    await this.#root.must(createShared("brief"));
    await this.#root.must("CREATE SHARED TABLE sim.marks (id BIGINT PRIMARY KEY, n INT)");
    const users: SqlUser[] = [];
    for (const name of USERS) {
      await this.#root.must(`CREATE USER '${name}' WITH PASSWORD 'pass-word-${name}-1' ROLE service`);
      users.push(new SqlUser(url, name, await signToken(name)));
    }
    this.#users = users;
    this.#places = createPlaces(url, this.#coverage);
    this.#known = await this.#mark();
  }

  async run(step: Step): Promise<void> {
    this.#coverage.count(`step ${step.kind}`);
    this.#journal.add(`${new Date().toISOString().slice(11)} ${JSON.stringify(step).slice(0, JOURNAL_CHARACTERS)}`);
    switch (step.kind) {
      case "write":
        return this.#write(step);
      case "stream":
        return this.#meanwhile(this.#stream(this.#user(step.user), step));
      case "recreate":
        return this.#recreate();
      case "alter":
        return this.#alter(step.table);
      case "logout":
        return this.#logOut(this.#user(step.user));
      case "flood":
        return this.#flood(step);
      case "watch": {
        const watcher = this.#watcher(step);
        this.#watchers.set(watcher.options.id, watcher);
        return this.#at(step.seat).client.watch(watcher);
      }
      case "unwatch":
        return this.#unwatch(idOf(step));
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
      case "compact": {
        const sent = this.#root.send(`STORAGE ${step.kind.toUpperCase()} TABLE sim.${step.table}`);
        return this.#meanwhile(sent.then(() => undefined));
      }
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

  /** What there is to decide by, whether the server or the oracle is wrong: the live query's log, the steps before, the end of the server's log. */
  evidence({ about }: Wrong): string {
    return [
      `commits known to ${this.#known}`,
      ...(about?.evidence() ?? []),
      "the last steps:",
      ...this.#journal.items(),
      "the end of the server's log:",
      ...this.#server.log,
    ].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, proxy } of this.#places) {
      client.close();
      proxy?.close();
    }
    await this.#server[Symbol.asyncDispose]();
    await Promise.allSettled(this.#others);
    await this.#writes.answered();
  }

  #write(step: Extract<Step, { kind: "write" }>): void {
    const { user, table, form, ops } = step;
    this.#coverage.count(`write ${form}`);
    const as = step.as === undefined ? undefined : this.#user(step.as).name;
    if (as !== undefined) this.#coverage.count("write as another user");
    this.#writes.send(this.#user(user), { space: this.#space(table, step.as ?? user), table, form, ops, as });
  }

  async #stream(user: SqlUser, step: Extract<Step, { kind: "stream" }>): Promise<void> {
    const answer = await user.send(streamSql(step));
    if (answer.kind === "failed") this.#wrong ??= new Wrong(`${streamSql(step)}\n  ${answer.error}`);
  }

  async #alter(table: AlteredTable): Promise<void> {
    const turn = this.#alterations.get(table) ?? 0;
    await this.#root.must(alterSql(table, turn));
    this.#alterations.set(table, turn + 1);
  }

  async #logOut(user: SqlUser): Promise<void> {
    await this.#writes.answered();
    await Promise.all(this.#others);
    await user.logOut();
    // A token of the moment of the logout is void too.
    await Bun.sleep(2);
    user.renew(await signToken(user.name));
  }

  async #recreate(): Promise<void> {
    await this.#check();
    const dropped = await this.#root.send("DROP TABLE sim.brief");
    if (dropped.kind === "failed" && dropped.error?.startsWith("DEPENDENT_OBJECTS") === true) {
      this.#coverage.count("drop of a watched table refused");
      return;
    }
    if (dropped.kind !== "done") throw new Wrong(`DROP TABLE: ${dropped.kind} ${dropped.error}`);
    await this.#root.must(createShared("brief"));
    this.#known = await this.#mark();
    this.#space("brief", 0).dropped(this.#known);
    this.#giveUp("brief");
  }

  /** The history of a table is gone. Nothing can tell a client of the older protocol to forget what it has. */
  #giveUp(table: Watch["table"]): void {
    for (const { options } of this.#watchers.values()) {
      if (options.watch.table === table && !options.family.startsWith("native")) this.#unwatch(options.id);
    }
  }

  #unwatch(id: string): void {
    this.#watchers.delete(id);
    for (const { client } of this.#places) client.unwatch(id);
  }

  /** Bounded lanes, so that the writers themselves hold little. */
  async #flood({ user, rows, bytes }: Extract<Step, { kind: "flood" }>): Promise<void> {
    const note = "x".repeat(bytes);
    for (let sent = 0; sent < rows; sent += FLOOD_LANES) {
      for (let lane = 0; lane < FLOOD_LANES; lane += 1) {
        const row = { id: lane, room: "a", n: sent % 10, note, f: null, b: null, d: null, at: null };
        const ops: WriteOp[] = [{ kind: "put", rows: [row] }];
        this.#writes.send(this.#user(user), {
          space: this.#space("wide", user),
          table: "wide",
          form: "batch",
          ops,
          as: undefined,
        });
      }
      await this.#writes.answered();
    }
  }

  #watcher(step: Extract<Step, { kind: "watch" }>): Watcher {
    const { user, family } = this.#at(step.seat).seat;
    const watch = watchFor(family, step.watch);
    const coverage = this.#coverage;
    coverWatch(coverage, family, watch);
    return new Watcher({
      id: idOf(step),
      user: this.#user(user).name,
      family,
      watch,
      space: this.#space(watch.table, user),
      inner: this.#space("items", user),
      from: watch.start.kind === "from" ? this.#known : undefined,
      coverage,
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
    await this.#server.stop(signal);
    await this.#writes.answered();
    await Promise.all(this.#others);
    this.#giveUp("feed");
    await this.#server.startAgain();
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
    if (this.#wrong !== undefined) throw this.#wrong;
    for (const watcher of this.#watchers.values()) watcher.judge(this.#known);
    this.#bury();
  }

  /** Takes away what ended for a good reason; nothing else may end. */
  #bury(): void {
    for (const [id, watcher] of this.#watchers) {
      const { ended } = watcher;
      if (ended === undefined) continue;
      if (ended.startsWith("KILLED") && this.#killed.has(id)) this.#coverage.count("ended by KILL");
      else if (!mayEnd(watcher.options.watch, ended)) throw watcher.wrong(`ended with ${ended}`);
      this.#watchers.delete(id);
    }
  }

  async #settle(): Promise<void> {
    for (const { proxy } of this.#places) proxy?.unstall();
    await Promise.all(this.#others);
    await this.#check({ readsBack: true });
    const deadline = performance.now() + this.#quietMs;
    let subscribes: ReadonlyMap<Watcher, number>;
    for (;;) {
      subscribes = new Map([...this.#watchers.values()].map((watcher) => [watcher, watcher.subscribes]));
      const problem = await this.#problem();
      if (problem === undefined) break;
      if (performance.now() > deadline) throw problem;
      await Bun.sleep(2);
    }
    const watchers = [...this.#watchers.values()].filter((watcher) => !isOfStream(watcher));
    const problem = await selectProblem(watchers, this.#userOf);
    if (problem !== undefined) throw problem;
    for (const space of this.#spaces.values()) space.settle(this.#known);
    // One whose socket ended meanwhile (its token did) is being replayed to once more.
    for (const [watcher, count] of subscribes) if (watcher.subscribes === count) watcher.settle();
    this.#killed.clear();
  }

  async #problem(): Promise<Wrong | undefined> {
    this.#judge();
    const watchers = [...this.#watchers.values()];
    return (
      modelProblem(watchers, this.#known) ??
      (await viewProblem(watchers, this.#root)) ??
      // Rows of a STREAM table end while it is compared.
      (await selectProblem(watchers.filter(isOfStream), this.#userOf))
    );
  }

  readonly #userOf = ({ options }: Watcher): SqlUser =>
    this.#users.find(({ name }) => name === options.user) ?? this.#root;

  #space(table: Watch["table"], user: number): Space {
    const name = table === "own" || table === "feed" ? `${table} of ${this.#user(user).name}` : table;
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

function idOf({ seat, slot }: { readonly seat: number; readonly slot: number }): string {
  return `s${seat}-${slot}`;
}

function idsOf(seat: number): readonly string[] {
  return Array.from({ length: SLOTS_PER_SEAT }, (_, slot) => idOf({ seat, slot }));
}
