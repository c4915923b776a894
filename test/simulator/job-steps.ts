// Jobs and a disk in trouble: what fails must fail cleanly, lose nothing, leave reads alone, and work again when the trouble is over. No job may fail for
// any other reason.
import { Wrong } from "./model.ts";
import { cellText } from "./row.ts";
import { returnedRows, type SqlUser } from "./sql-user.ts";
import type { Stage } from "./stage.ts";
import { opSql } from "./statement.ts";
import type { FlushedTable, Step } from "./step.ts";
import { begin, end, type Trouble } from "./trouble.ts";

const RECOVERED_WITHIN_MS = 60_000;
const POLL_MS = 10;
const JOB_ID = /\b(?:FL|CO)-[0-9a-f]+\b/;
/** What a statement that writes is answered with while the disk is full. */
const REFUSED = /^STORAGE_FULL\b/;
/** Why a job may fail at any time, and why in trouble. */
const DROPPED = /table was dropped/;
const IN_TROUBLE = /STORAGE_FULL|no space left|disk.* full/i;
/** What a job ends with that was met by the end of a server once more than it may be taken up again. */
const RESTARTED = /^Server restarted\b/;
/** What a KILL JOB says that comes too late. */
const TOO_LATE = /^(NOT_FOUND|CONFLICT|INVALID_INPUT)\b|already|finished|ended/i;

export class JobSteps {
  readonly #stage: Stage;
  /** Failed jobs that were judged. */
  readonly #judged = new Set<string>();
  #hadTrouble = false;
  #values = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Goes on until all is to be quiet. */
  begin(trouble: Exclude<Trouble, "full">): void {
    begin(this.#stage.server.troubleFolder, trouble);
    this.#hadTrouble = true;
  }

  /** Starts the job, unless there is nothing to do. */
  async start(kind: "flush" | "compact", table: FlushedTable): Promise<string | undefined> {
    const { results } = await this.#stage.root.send(`STORAGE ${kind.toUpperCase()} TABLE sim.${table}`);
    return JOB_ID.exec(results?.at(-1)?.message ?? "")?.[0];
  }

  /** Starts a job and ends it wherever it is. */
  async kill(kind: "flush" | "compact", table: FlushedTable): Promise<void> {
    const id = await this.start(kind, table);
    if (id === undefined) return;
    const answer = await this.#stage.root.send(`KILL JOB '${id}'`);
    if (answer.kind === "failed" && !TOO_LATE.test(answer.error ?? "")) throw new Wrong(`KILL JOB: ${answer.error}`);
    if (answer.kind === "done") this.#stage.coverage.count("job killed");
  }

  /** Nothing that is sent to a full disk may be there afterwards; what was there is read all the time. */
  async fill(user: SqlUser, { table, ops }: Extract<Step, { kind: "full" }>): Promise<void> {
    const stage = this.#stage;
    await stage.othersDone();
    await stage.check();
    const { troubleFolder } = stage.server;
    begin(troubleFolder, "full");
    this.#hadTrouble = true;
    for (const op of ops) {
      const answer = await user.send(opSql(op, table));
      // What changes nothing needs no space; that nothing was deleted is seen in the tables.
      const written = answer.results?.flatMap(returnedRows).some(({ seq }) => seq > stage.known);
      if (written === true) throw new Wrong(`${opSql(op, table)}\n  wrote to a full disk`);
      if (REFUSED.test(answer.error ?? "")) stage.coverage.count("write refused by a full disk");
    }
    await stage.compareTables();
    end(troubleFolder);
    await this.#recovers();
    await stage.check({ readsBack: true });
  }

  async #recovers(): Promise<void> {
    const deadline = performance.now() + RECOVERED_WITHIN_MS;
    for (;;) {
      // Another value each time: what changes nothing needs no space.
      this.#values += 1;
      const answer = await this.#stage.root.send(`UPSERT INTO sim.marks VALUES (2, ${this.#values})`);
      if (answer.kind === "done") return;
      if (!REFUSED.test(answer.error ?? "")) throw new Wrong(`after a full disk: ${answer.kind} ${answer.error}`);
      if (performance.now() > deadline) throw new Wrong("the disk has space again, and writes are still refused");
      await Bun.sleep(POLL_MS);
    }
  }

  /** The trouble is over: every table can be flushed, and nothing failed for another reason. */
  async settle(): Promise<void> {
    end(this.#stage.server.troubleFolder);
    if (this.#hadTrouble) for (const table of ["items", "own"] as const) await this.#flushes(table);
    await this.#judgeFailed();
    this.#hadTrouble = false;
  }

  async #flushes(table: FlushedTable): Promise<void> {
    const { root } = this.#stage;
    const deadline = performance.now() + RECOVERED_WITHIN_MS;
    for (;;) {
      const id = await this.start("flush", table);
      if (id === undefined) return;
      const { results } = await root.must(`SELECT status, message FROM system.jobs WHERE job_id = '${id}'`);
      const [status, message] = results?.at(-1)?.rows[0] ?? [];
      if (status === "completed") return;
      // It waits for its next attempt; whoever has no patience begins anew.
      if (status === "pending") await root.send(`KILL JOB '${id}'`);
      if (performance.now() > deadline) {
        throw new Wrong(
          `the disk has space again, and ${table} is not flushed: ${cellText(status)} ${cellText(message)}`,
        );
      }
      await Bun.sleep(POLL_MS);
    }
  }

  async #judgeFailed(): Promise<void> {
    const { results } = await this.#stage.root.must(
      "SELECT job_id, status, message, exception_trace, retry_count >= max_retries FROM system.jobs WHERE status = 'failed' OR retry_count > 0",
    );
    for (const [id, status, message, trace, isWornOut] of results?.at(-1)?.rows ?? []) {
      if (this.#judged.has(String(id))) continue;
      this.#judged.add(String(id));
      if (this.#hadTrouble) this.#stage.coverage.count("job met by a disk in trouble");
      if (status !== "failed") continue;
      const why = `${String(message)}\n${String(trace)}`;
      const isExcused =
        DROPPED.test(why) || (this.#hadTrouble && IN_TROUBLE.test(why)) || (isWornOut === true && RESTARTED.test(why));
      if (!isExcused) throw new Wrong(`job ${String(id)} failed: ${why}`);
    }
  }
}
