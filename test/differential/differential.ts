// One run: the same random tables in PostgreSQL and in the server, the same random statements of both, and what differs, made as small as it goes.
import type { TestUser } from "../support/test-server.ts";
import { Comparison, type Difference, PLACES, type Place } from "./comparison.ts";
import { type SqlNode, smaller, sqlOf } from "./node.ts";
import { Queries } from "./queries.ts";
import type { Query } from "./query.ts";
import { Random } from "./random.ts";
import { randomTable } from "./tables.ts";
import { Writes } from "./writes.ts";

const TABLES = 3;
/** Errors of a value, which one of the two may find before the other, or not at all, where neither order nor need is promised. */
const EVALUATED =
  /out of range|division by zero|invalid input syntax|invalid regular|cannot |must be|negative|precision|zero step|character number|more than one row|overflow|LIKE pattern|path element|delete path/;
/** Refusals that specs/sql.md tells of. */
const DOCUMENTED = /over columns of an enclosing|^SELECT DISTINCT ON expressions must match/;
const SHRINK_STEPS = 400;
/** How often a kind of difference is printed. */
const TOLD = 2;
/** One statement of so many changes rows, and so many more are kept at the end of a data set. */
const WRITES = 6;

function isExcused(query: Query, sql: string, { group, isEmpty }: Difference): boolean {
  // PostgreSQL does not look at the other side of what a written NULL makes NULL.
  const isOwed = query.isStrict === true && !isEmpty && !sql.includes("(NULL::");
  return DOCUMENTED.test(group) || (!isOwed && EVALUATED.test(group));
}

export class Differential implements Disposable {
  readonly #comparison: Comparison;
  readonly #print: (text: string) => void;
  readonly #seen = new Map<string, number>();
  #compared = 0;
  #agreed = 0;
  #excused = 0;
  #refused = 0;

  constructor(user: TestUser, psql: readonly string[], print: (text: string) => void) {
    this.#comparison = new Comparison(user, psql);
    this.#print = print;
  }

  [Symbol.dispose](): void {
    this.#comparison[Symbol.dispose]();
  }

  summary(): string {
    return `${this.#compared} compared, ${this.#agreed} agree (${this.#refused} refused by both), ${this.#excused} with an error on one side that is documented or of a value, ${this.#seen.size} kinds of difference`;
  }

  /** `sql`: one statement in place of random ones. */
  async dataset(seed: number, statements: number, sql?: string): Promise<void> {
    const random = new Random(seed);
    const edges = random.chance(1, 2);
    const tables = Array.from({ length: TABLES }, (_, at) => randomTable(random, `a${at + 1}`, edges));
    await this.#comparison.begin(
      `seed${seed}`,
      tables.map(({ name }) => name),
    );
    for (const table of tables) {
      const half = table.inserts.length >> 1;
      await this.#setUp([table.create, ...table.inserts.slice(0, half)]);
      await this.#comparison.flush("half");
      await this.#setUp(table.inserts.slice(half));
    }
    await this.#comparison.flush("cold");
    if (sql === undefined) {
      const queries = new Queries(random, tables, edges);
      const writes = new Writes(random, tables, edges);
      for (let at = 0; at < statements; at += 1) {
        await this.#compare((random.chance(1, WRITES) ? writes : queries).statement(), `${seed}/${at}`);
      }
      await this.#keep(writes, Math.ceil(statements / WRITES), `${seed}`);
    } else await this.#show(sql);
    await this.#comparison.end();
  }

  async #show(sql: string): Promise<void> {
    this.#print(`postgres ${JSON.stringify(await this.#comparison.postgres(sql))}`);
    for (const place of PLACES) {
      const reply = await this.#comparison.server(sql, place);
      this.#print(`${place} ${JSON.stringify(reply.error ?? reply.results.at(-1))}`);
    }
  }

  async #setUp(statements: readonly string[]): Promise<void> {
    for (const sql of statements) {
      const answer = await this.#comparison.postgres(sql);
      for (const place of PLACES) {
        const reply = await this.#comparison.server(sql, place);
        const differs = (answer.kind === "error") !== (reply.error != null);
        if (differs) this.#tell(`setup ${JSON.stringify(reply.error?.message ?? answer)}`, sql, "");
      }
    }
  }

  /** Changes of rows one after the other. The first that differs is the last, since the tables are no longer the same. */
  async #keep(writes: Writes, count: number, name: string): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const write = writes.statement();
      if (!(await this.#compare(write, `${name}, trial ${at}`))) continue;
      const sql = sqlOf(write.node);
      this.#compared += 1;
      const { difference } = await this.#comparison.of({ ...write, sql, isKept: true });
      if (difference !== undefined) {
        this.#tell(`kept: ${difference.kind}`, sql, `${name}, kept ${at}\n${difference.detail}`);
        return;
      }
      this.#agreed += 1;
    }
  }

  /** Whether both have the same answer, and it is no error. */
  async #compare(query: Query, name: string): Promise<boolean> {
    this.#compared += 1;
    const { difference, isRefused } = await this.#comparison.of({ ...query, sql: sqlOf(query.node) });
    if (isRefused) this.#refused += 1;
    if (difference === undefined) {
      this.#agreed += 1;
      return !isRefused;
    }
    if (isExcused(query, sqlOf(query.node), difference)) {
      this.#excused += 1;
      return false;
    }
    const times = this.#seen.get(difference.kind) ?? 0;
    if (difference.group !== "answer" && times > 0) {
      this.#seen.set(difference.kind, times + 1);
      return false;
    }
    const { node, difference: least } = await this.#shrink(query, difference);
    this.#tell(least.kind, sqlOf(node), `${name}\n${least.detail}`);
    return false;
  }

  /** The smallest statement found that differs in the same way. */
  async #shrink(query: Query, found: Difference): Promise<{ readonly node: SqlNode; readonly difference: Difference }> {
    const places: readonly Place[] = [found.place];
    let best = { node: query.node, difference: found };
    let steps = 0;
    for (let improved = true; improved; ) {
      improved = false;
      for (const node of smaller(best.node)) {
        if (steps >= SHRINK_STEPS) break;
        steps += 1;
        const { difference } = await this.#comparison.of({ ...query, sql: sqlOf(node) }, places);
        if (difference?.group !== found.group || isExcused(query, sqlOf(node), difference)) continue;
        best = { node, difference };
        improved = true;
        break;
      }
    }
    return best;
  }

  #tell(kind: string, sql: string, detail: string): void {
    const times = this.#seen.get(kind) ?? 0;
    this.#seen.set(kind, times + 1);
    if (times < TOLD) this.#print(`---- ${kind.includes(sql) ? kind : `${kind}\n${sql}`}\n${detail}\n`);
  }
}
