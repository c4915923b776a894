// What the steps of a schedule act on: the server, the writers, the clients with their live queries, and the model; and how the model learns what was
// committed and the live queries are judged by it.
import { loginToken } from "../support/test-server.ts";
import { Access } from "./access.ts";
import type { Coverage } from "./coverage.ts";
import { isDocOf } from "./doc.ts";
import type { FaultName } from "./faults.ts";
import { Layouts } from "./layouts.ts";
import { Space, Wrong } from "./model.ts";
import { createPlaces, type Place } from "./places.ts";
import { FILE_TABLE_COLUMNS, TABLE_COLUMNS } from "./row.ts";
import { PASSWORD, SimulatedServer } from "./simulated-server.ts";
import { judgeSource } from "./source-judge.ts";
import { SqlUser } from "./sql-user.ts";
import { createShared } from "./statement.ts";
import { SEATS, SLOTS_PER_SEAT, TABLES, USERS, type Watch } from "./step.ts";
import { Views } from "./views.ts";
import { mayEnd } from "./watch.ts";
import type { Watcher } from "./watcher.ts";
import { Writes } from "./writes.ts";

/** What a live query is called that is held in this slot of this seat. */
export function idOf({ seat, slot }: { readonly seat: number; readonly slot: number }): string {
  return `s${seat}-${slot}`;
}

export function idsOf(seat: number): readonly string[] {
  return Array.from({ length: SLOTS_PER_SEAT }, (_, slot) => idOf({ seat, slot }));
}

/** Longer than any schedule takes. */
const KEPT_SECONDS = 30 * 86_400;
/** What a live query ends with whose column is gone. */
const LACKS_COLUMN = /COLUMN_NOT_FOUND|column .*(does not exist|dropped|renamed)/i;

/** Everybody has rows of their own. */
function isOfUser(table: Watch["table"]): boolean {
  return table === "own" || table === "feed" || table === "kept";
}

export interface StageOptions {
  readonly fault?: FaultName;
  readonly coverage: Coverage;
}

export class Stage implements AsyncDisposable {
  readonly access = new Access();
  readonly layouts = new Layouts();
  readonly views = new Views();
  readonly coverage: Coverage;
  readonly server: SimulatedServer;
  readonly root: SqlUser;
  readonly writes: Writes;
  readonly watchers = new Map<string, Watcher>();
  /** Live queries that a KILL is to end. */
  readonly killed = new Set<string>();
  /** Why live queries of a user may end besides, until all is quiet. */
  readonly #excuses = new Map<string, RegExp>();
  readonly #spaces = new Map<string, Space>();
  readonly #others = new Set<Promise<void>>();
  #users: readonly SqlUser[] = [];
  #places: readonly Place[] = [];
  #wrong: Wrong | undefined;
  #known = 0n;

  private constructor(server: SimulatedServer, root: SqlUser, coverage: Coverage) {
    this.server = server;
    this.root = root;
    this.coverage = coverage;
    this.writes = new Writes(coverage, this.layouts);
  }

  static async open({ fault, coverage }: StageOptions): Promise<Stage> {
    const server = await SimulatedServer.open(fault);
    try {
      const root = new SqlUser(server.url, "root", await loginToken(server.url, "root", PASSWORD));
      const stage = new Stage(server, root, coverage);
      await stage.#prepare();
      return stage;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const { url } = this.server;
    await this.root.must("CREATE NAMESPACE sim");
    await this.root.must(`CREATE USER TABLE sim.own ${FILE_TABLE_COLUMNS}`);
    await this.root.must(`CREATE STREAM TABLE sim.feed ${TABLE_COLUMNS} WITH (TTL_SECONDS = 1)`);
    for (const table of ["items", "wide", "brief"] as const) await this.root.must(createShared(table));
    await this.root.must(
      `CREATE STREAM TABLE sim.kept ${TABLE_COLUMNS} WITH (TTL_SECONDS = ${KEPT_SECONDS}, PERSISTED = TRUE)`,
    );
    await this.views.create(this.root);
    await this.root.must("CREATE SHARED TABLE sim.marks (id BIGINT PRIMARY KEY, n INT)");
    const users: SqlUser[] = [];
    for (const name of USERS) {
      await this.root.must(`CREATE USER '${name}' WITH PASSWORD 'pass-word-${name}-1' ROLE service`);
      users.push(new SqlUser(url, name, await this.access.token(name)));
      await this.access.giveKey(this.root, name);
    }
    this.#users = users;
    this.#places = createPlaces(url, this.access, this.coverage);
    await this.mark();
  }

  /** Every commit up to here is in the model. */
  get known(): bigint {
    return this.#known;
  }

  get users(): readonly SqlUser[] {
    return this.#users;
  }

  get places(): readonly Place[] {
    return this.#places;
  }

  get spaces(): Iterable<Space> {
    return this.#spaces.values();
  }

  user(index: number): SqlUser {
    return this.#users[index % USERS.length] ?? this.root;
  }

  at(seat: number): Place {
    const place = this.#places[seat % SEATS.length];
    if (place === undefined) throw new Error("there are no seats");
    return place;
  }

  space(table: Watch["table"], user: number): Space {
    const name = isOfUser(table) ? `${table} of ${this.user(user).name}` : table;
    const known = this.#spaces.get(name);
    if (known !== undefined) return known;
    const space = new Space(name);
    this.#spaces.set(name, space);
    return space;
  }

  /** Goes on while the schedule does. What is wrong with it is found at the next judgement. */
  meanwhile(promise: Promise<void>): void {
    const caught = promise.catch((error: unknown) => {
      if (!(error instanceof Wrong)) throw error;
      this.#wrong ??= error;
    });
    this.#others.add(caught);
    void caught.finally(() => this.#others.delete(caught));
  }

  async othersDone(): Promise<void> {
    await Promise.all(this.#others);
  }

  /** Makes a commit after everything before it. Nothing may be under way. */
  async mark(): Promise<bigint> {
    this.#known = await this.position();
    return this.#known;
  }

  /** Above every commit that was made before it is asked for. */
  async position(): Promise<bigint> {
    const { results } = await this.root.must(
      "INSERT INTO sim.marks VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = 1",
    );
    return BigInt(results?.at(-1)?.seq ?? 0);
  }

  /** Waits for every write's answer, then judges what was received. */
  async check({ readsBack = false } = {}): Promise<void> {
    await this.writes.answered();
    const { told, lost, latest } = this.writes.take();
    for (const space of this.#spaces.values()) space.take(told.get(space) ?? [], lost.get(space) ?? []);
    for (const [space, each] of told) for (const one of each) judgeSource(one, space);
    if (latest > this.#known) this.#known = latest;
    if (readsBack || lost.size > 0) await this.#readBack();
    this.judge();
  }

  async #readBack(): Promise<void> {
    await this.mark();
    await this.compareTables();
  }

  /** Every table is what the model says, but for what is not sure. Nothing may be under way. */
  async compareTables(): Promise<void> {
    for (const table of TABLES) {
      for (const [index, user] of this.#users.entries()) {
        if (!isOfUser(table) && index > 0) continue;
        this.space(table, index).readBack(await user.table(table), this.#known, this.layouts.made(table));
      }
    }
  }

  /** Every file that a row holds is there, for whoever may read the row. */
  async compareFiles(): Promise<void> {
    for (const table of ["items", "own"] as const) {
      for (const [index, user] of this.#users.entries()) {
        if (!isOfUser(table) && index > 0) continue;
        for (const { row, doc } of this.space(table, index).living()) {
          if (typeof doc !== "string") continue;
          const text = await user.download(table, doc);
          this.coverage.count("file read back");
          if (text === undefined || !isDocOf(doc, text))
            throw new Wrong(`${table}: key ${row.id} holds ${doc}, its file is ${text}`);
        }
      }
    }
  }

  judge(): void {
    if (this.#wrong !== undefined) throw this.#wrong;
    for (const watcher of this.watchers.values()) watcher.judge(this.#known);
    this.#bury();
  }

  excuse(user: string, reason: RegExp): void {
    this.#excuses.set(user, reason);
  }

  /** All is quiet: from here on nothing is excused. */
  settled(): void {
    for (const space of this.#spaces.values()) space.settle(this.#known);
    this.killed.clear();
    this.#excuses.clear();
  }

  /** Takes away what ended for a good reason; nothing else may end. */
  #bury(): void {
    for (const [id, watcher] of this.watchers) {
      const { ended } = watcher;
      if (ended === undefined) continue;
      if (ended.startsWith("KILLED") && this.killed.has(id)) this.coverage.count("ended by KILL");
      else if (this.#excuses.get(watcher.options.user)?.test(ended) === true) this.coverage.count("ended by refusal");
      else if (watcher.mayLackColumn && LACKS_COLUMN.test(ended)) this.coverage.count("ended by ALTER");
      else if (!mayEnd(watcher.options.watch, ended)) throw watcher.wrong(`ended with ${ended}`);
      this.watchers.delete(id);
    }
  }

  watches({ seat }: Place, table: Watch["table"]): boolean {
    const index = SEATS.indexOf(seat);
    return idsOf(index).some((id) => this.watchers.get(id)?.options.watch.table === table);
  }

  unwatch(id: string): void {
    this.watchers.delete(id);
    for (const { client } of this.#places) client.unwatch(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, proxy } of this.#places) {
      client.close();
      proxy?.close();
    }
    await this.server[Symbol.asyncDispose]();
    await Promise.allSettled(this.#others);
    await this.writes.answered();
  }
}
