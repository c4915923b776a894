// Runs the steps of a schedule, and compares everything when all is quiet.
import type { FaultName } from "./faults.ts";
import { JobSteps } from "./job-steps.ts";
import { Wrong } from "./model.ts";
import {
  modelProblem,
  otherUserProblem,
  selectProblem,
  settleThoseThatStayed,
  subscribesOf,
  viewProblem,
} from "./quiet.ts";
import { Recent } from "./recent.ts";
import { revoke } from "./revocation.ts";
import { cellText } from "./row.ts";
import type { Answer, SqlUser } from "./sql-user.ts";
import { idOf, idsOf, Stage, type StageOptions } from "./stage.ts";
import { createShared, streamSql } from "./statement.ts";
import type { Step, WriteOp } from "./step.ts";
import { coverWatch, isOfStream, watchFor } from "./watch.ts";
import { Watcher } from "./watcher.ts";
import type { Request } from "./writes.ts";

/** Far more than any machine needs: what is wrong stays wrong. */
const QUIET_MS = 60_000;
/** What is planted never becomes right. */
const FAULTY_QUIET_MS = 1_500;
const JOURNAL_STEPS = 120;
const JOURNAL_CHARACTERS = 400;
/** The most writes under way at a time. */
const FLOOD_LANES = 4;
/** Clients that were cut off come back within milliseconds. */
const DROP_ATTEMPTS = 10;

export class World implements AsyncDisposable {
  readonly #stage: Stage;
  readonly #jobs: JobSteps;
  readonly #quietMs: number;
  readonly #journal = new Recent<string>(JOURNAL_STEPS);

  private constructor(stage: Stage, fault: FaultName | undefined) {
    this.#stage = stage;
    this.#jobs = new JobSteps(stage);
    this.#quietMs = fault === undefined ? QUIET_MS : FAULTY_QUIET_MS;
  }

  static async open(options: StageOptions): Promise<World> {
    return new World(await Stage.open(options), options.fault);
  }

  async run(step: Step): Promise<void> {
    const stage = this.#stage;
    stage.coverage.count(`step ${step.kind}`);
    this.#journal.add(`${new Date().toISOString().slice(11)} ${JSON.stringify(step).slice(0, JOURNAL_CHARACTERS)}`);
    switch (step.kind) {
      case "write":
        return this.#write(step);
      case "truncate":
        return this.#truncate(step);
      case "stream":
        return stage.meanwhile(stream(stage.user(step.user), step));
      case "recreate":
        return this.#recreate(step.cuts === true);
      case "alter":
        return this.#alter(step);
      case "view":
        return this.#view(step);
      case "revoke":
        return revoke(stage, stage.user(step.user), step.how);
      case "flood":
        return this.#flood(step);
      case "watch": {
        const watcher = this.#watcher(step);
        stage.watchers.set(watcher.options.id, watcher);
        return stage.at(step.seat).client.watch(watcher);
      }
      case "unwatch":
        return stage.unwatch(idOf(step));
      case "cut":
        return stage.at(step.seat).client.cut();
      case "stall":
        return stage.at(step.seat).proxy?.stall();
      case "unstall":
        return stage.at(step.seat).proxy?.unstall();
      case "killQuery":
        return this.#kill([idOf(step)], "live_id", "LIVE QUERY");
      case "killConnection":
        return this.#kill(idsOf(step.seat), "connection_id", "CONNECTION");
      case "flush":
      case "compact":
        return stage.meanwhile(this.#jobs.start(step.kind, step.table).then(() => undefined));
      case "killJob":
        return stage.meanwhile(this.#jobs.kill(step.job, step.table));
      case "trouble":
        return this.#jobs.begin(step.with);
      case "full":
        return this.#jobs.fill(stage.user(step.user), step);
      case "restart":
        return this.#restart("SIGTERM");
      case "crash":
        return this.#restart("SIGKILL");
      case "wait":
        return Bun.sleep(step.ms);
      case "check":
        return stage.check();
      default:
        return this.#settle();
    }
  }

  /** What there is to decide by, whether the server or the oracle is wrong: the live query's log, the steps before, the end of the server's log. */
  evidence({ about }: Wrong): string {
    return [
      `commits known to ${this.#stage.known}`,
      ...(about?.evidence() ?? []),
      "the last steps:",
      ...this.#journal.items(),
      "the end of the server's log:",
      ...this.#stage.server.log,
    ].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stage[Symbol.asyncDispose]();
  }

  #write(step: Extract<Step, { kind: "write" }>): void {
    const { user, table, form, ops } = step;
    const { coverage } = this.#stage;
    coverage.count(`write ${form}`);
    const as = step.as === undefined ? undefined : this.#stage.user(step.as).name;
    if (as !== undefined) coverage.count("write as another user");
    this.#send(user, { space: this.#stage.space(table, step.as ?? user), table, form, ops, as }, step.as);
  }

  #send(user: number, request: Omit<Request, "sourceOf">, as = user): void {
    const stage = this.#stage;
    stage.writes.send(stage.user(user), { ...request, sourceOf: (from) => stage.space(from, as) });
  }

  /** Nobody else writes, so what was there is known. */
  async #truncate({ user, table, rows }: Extract<Step, { kind: "truncate" }>): Promise<void> {
    const stage = this.#stage;
    await stage.othersDone();
    await stage.check();
    const ops: WriteOp[] = [{ kind: "truncate" }];
    if (rows.length > 0) ops.push({ kind: "put", rows });
    const form = rows.length > 0 ? "commit" : "batch";
    this.#send(user, { space: stage.space(table, user), table, form, ops, as: undefined });
    await stage.check();
  }

  async #alter({ table, times = 1 }: Extract<Step, { kind: "alter" }>): Promise<void> {
    const stage = this.#stage;
    // Whoever is away meanwhile comes back to a column of the same name that is another.
    if (times > 1) for (const place of stage.places) if (stage.watches(place, table)) place.client.cut();
    for (let turn = 0; turn < times; turn += 1) await stage.layouts.alter(stage, table);
  }

  async #view({ table, filter, how, cuts = false }: Extract<Step, { kind: "view" }>): Promise<void> {
    const stage = this.#stage;
    if (how === "replace") {
      await stage.views.replace(stage, table, filter);
      stage.coverage.count("view replaced");
      return;
    }
    let isDone = await stage.views.recreate(stage, table, filter);
    for (let attempt = 0; cuts && !isDone && attempt < DROP_ATTEMPTS; attempt += 1) {
      for (const place of stage.places) if (stage.watches(place, table)) place.client.cut();
      isDone = await stage.views.recreate(stage, table, filter);
    }
    stage.coverage.count(isDone ? "view dropped" : "drop of a watched view refused");
  }

  async #recreate(cuts: boolean): Promise<void> {
    const stage = this.#stage;
    await stage.check();
    const { known } = stage;
    const statements = ["DROP TABLE sim.brief", createShared("brief")] as const;
    let answer = await stage.root.send(statements.join(";\n"));
    for (let attempt = 0; cuts && isWatched(answer) && attempt < DROP_ATTEMPTS; attempt += 1) {
      for (const place of stage.places) if (stage.watches(place, "brief")) place.client.cut();
      answer = await stage.root.send(statements.join(";\n"));
    }
    if (isWatched(answer)) {
      stage.coverage.count("drop of a watched table refused");
      return;
    }
    if (answer.kind !== "done") throw new Wrong(`DROP TABLE: ${answer.kind} ${answer.error}`);
    stage.space("brief", 0).dropped(known, await stage.mark());
  }

  /** Bounded lanes, so that the writers themselves hold little. */
  async #flood({ user, rows, bytes }: Extract<Step, { kind: "flood" }>): Promise<void> {
    const { writes } = this.#stage;
    const space = this.#stage.space("wide", user);
    const note = "x".repeat(bytes);
    for (let sent = 0; sent < rows; sent += FLOOD_LANES) {
      for (let lane = 0; lane < FLOOD_LANES; lane += 1) {
        const row = { id: lane, room: "a", n: sent % 10, note, f: null, b: null, d: null, at: null };
        const ops: WriteOp[] = [{ kind: "put", rows: [row] }];
        this.#send(user, { space, table: "wide", form: "batch", ops, as: undefined });
      }
      await writes.answered();
    }
  }

  #watcher(step: Extract<Step, { kind: "watch" }>): Watcher {
    const stage = this.#stage;
    const { user, family } = stage.at(step.seat).seat;
    const watch = watchFor(family, step.watch);
    const { coverage } = stage;
    coverWatch(coverage, family, watch);
    const isAltered = watch.table === "items" || watch.table === "own";
    const name = isAltered ? stage.layouts.nameOf(watch.table) : undefined;
    const moving = isAltered && watch.naming !== undefined ? (name ?? "more") : undefined;
    const watcher = new Watcher({
      id: idOf(step),
      user: stage.user(user).name,
      family,
      watch,
      space: stage.space(watch.table, user),
      inner: stage.space("items", user),
      from: watch.start.kind === "from" ? stage.known : undefined,
      coverage,
      alters: stage.layouts,
      view: watch.isOfView === true && isAltered ? stage.views.of(watch.table) : undefined,
      moving,
    });
    watcher.mayLackColumn = moving !== name;
    return watcher;
  }

  #kill(ids: readonly string[], column: string, what: string): void {
    const { root, killed } = this.#stage;
    const kill = async (): Promise<void> => {
      const list = ids.map((id) => `subscription_id = '${id}' OR subscription_id LIKE '${id}#%'`).join(" OR ");
      const found = await root.send(`SELECT ${column} FROM system.live_queries WHERE ${list} LIMIT 1`);
      const name = found.results?.at(-1)?.rows[0]?.[0];
      if (name === undefined) return;
      for (const id of ids) killed.add(id);
      // It may have gone by itself meanwhile.
      await root.send(`KILL ${what} '${cellText(name)}'`);
    };
    this.#stage.meanwhile(kill());
  }

  async #restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const stage = this.#stage;
    const { known } = stage;
    await stage.server.stop(signal);
    await stage.writes.answered();
    await stage.othersDone();
    await stage.server.startAgain();
    // The rows of STREAM tables are gone; whoever watches has not asked yet, or finds none.
    const position = await stage.mark();
    for (const user of stage.users.keys()) stage.space("feed", user).dropped(known, position);
    await stage.check({ readsBack: true });
  }

  async #settle(): Promise<void> {
    const stage = this.#stage;
    for (const { proxy } of stage.places) proxy?.unstall();
    await stage.othersDone();
    await this.#jobs.settle();
    await stage.check({ readsBack: true });
    const deadline = performance.now() + this.#quietMs;
    let subscribes: ReadonlyMap<Watcher, number>;
    for (;;) {
      subscribes = subscribesOf(stage.watchers.values());
      const problem = await this.#problem();
      if (problem === undefined) break;
      if (performance.now() > deadline) throw problem;
      await Bun.sleep(2);
    }
    const watchers = [...stage.watchers.values()].filter((watcher) => !isOfStream(watcher));
    const problem = (await selectProblem(watchers, this.#userOf)) ?? (await otherUserProblem(watchers, stage.root));
    if (problem !== undefined) throw problem;
    await stage.compareFiles();
    stage.settled();
    settleThoseThatStayed(subscribes);
  }

  async #problem(): Promise<Wrong | undefined> {
    const { watchers, known, root } = this.#stage;
    this.#stage.judge();
    const all = [...watchers.values()];
    return (
      this.#stage.layouts.problem(this.#stage) ??
      modelProblem(all, known) ??
      (await viewProblem(all, root)) ??
      // Rows of a STREAM table end while it is compared.
      (await selectProblem(all.filter(isOfStream), this.#userOf))
    );
  }

  readonly #userOf = ({ options }: Watcher): SqlUser =>
    this.#stage.users.find(({ name }) => name === options.user) ?? this.#stage.root;
}

function isWatched({ kind, error }: Answer): boolean {
  return kind === "failed" && error?.startsWith("DEPENDENT_OBJECTS") === true;
}

async function stream(user: SqlUser, step: Extract<Step, { kind: "stream" }>): Promise<void> {
  const answer = await user.send(streamSql(step));
  if (answer.kind === "failed") throw new Wrong(`${streamSql(step)}\n  ${answer.error}`);
}
