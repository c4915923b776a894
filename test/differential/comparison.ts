// One statement asked of PostgreSQL and of the server, where its rows are buffered, flushed, or half of each: what differs.
import type { SqlReply, SqlResult, TestUser } from "../support/test-server.ts";
import { sideBySide } from "./answers.ts";
import { type Answer, Postgres } from "./postgres.ts";

export const PLACES = ["hot", "cold", "half"] as const;
export type Place = (typeof PLACES)[number];

export interface Asked {
  readonly sql: string;
  readonly isOrdered: boolean;
  /** Selects the rows that it may change, in one order: they are compared as well. */
  readonly effect?: string;
  /** Whether the change stays. */
  readonly isKept?: boolean;
}

export interface Difference {
  /** What a smaller statement must still show. */
  readonly group: string;
  /** Differences of one kind are told once or twice. */
  readonly kind: string;
  readonly detail: string;
  readonly place: Place;
  /** Whether the server answered with no rows where PostgreSQL failed. */
  readonly isEmpty: boolean;
}

export interface Outcome {
  readonly difference?: Difference;
  readonly isRefused: boolean;
}

/** Errors that nobody who typed SQL should see. */
const INTERNAL = /internal|sqlite|no such|misuse|parser stack/i;
const EXHAUSTED = /timeout|memory|too large|exceeds the maximum/;
const DETAIL_LENGTH = 300;
/** What the answers are written with. */
const SETTINGS = [
  "SET timezone = 'UTC'",
  "SET intervalstyle = 'postgres'",
  "SET datestyle = 'ISO'",
  "SET bytea_output = 'hex'",
  "SET statement_timeout = '10s'",
];

const short = (value: unknown): string => JSON.stringify(value).slice(0, DETAIL_LENGTH);

export class Comparison implements Disposable {
  readonly #user: TestUser;
  readonly #postgres: Postgres;
  /** What the names of the namespaces begin with. */
  #space = "";

  constructor(user: TestUser, psql: readonly string[]) {
    this.#user = user;
    this.#postgres = new Postgres(psql);
  }

  [Symbol.dispose](): void {
    this.#postgres[Symbol.dispose]();
  }

  /** Empty namespaces, and no tables of these names in PostgreSQL. */
  async begin(space: string, tables: readonly string[]): Promise<void> {
    this.#space = space;
    for (const setting of [...SETTINGS, `DROP TABLE IF EXISTS ${tables.join(", ")}`]) {
      const answer = await this.#postgres.ask(setting);
      if (answer.kind === "error") throw new Error(`${setting}: ${answer.message}`);
    }
    for (const place of PLACES) await this.#user.sql(`CREATE NAMESPACE ${space}_${place}`);
  }

  async end(): Promise<void> {
    for (const place of PLACES) await this.#user.sql(`DROP NAMESPACE ${this.#space}_${place} CASCADE`);
  }

  /** Every row of a place into Parquet. */
  async flush(place: Place): Promise<void> {
    await this.#user.job(`STORAGE FLUSH ALL IN ${this.#space}_${place}`);
  }

  postgres(sql: string): Promise<Answer> {
    return this.#postgres.ask(sql);
  }

  server(sql: string, place: Place): Promise<SqlReply> {
    return this.#user.send(sql, undefined, { namespace_id: `${this.#space}_${place}` });
  }

  async of(asked: Asked, places: readonly Place[] = PLACES): Promise<Outcome> {
    const statements = asked.effect === undefined ? [asked.sql] : [asked.sql, asked.effect];
    const isTrial = asked.effect !== undefined && asked.isKept !== true;
    const expected = await this.#expected(statements, isTrial);
    const failed = expected.find((answer) => answer.kind === "error");
    if (failed !== undefined && EXHAUSTED.test(failed.message)) return { isRefused: false };
    let first: Difference | undefined;
    let isRefused = failed !== undefined;
    for (const place of places) {
      const reply = await this.server((isTrial ? ["BEGIN", ...statements, "ROLLBACK"] : statements).join(";\n"), place);
      if (reply.error == null) isRefused = false;
      first ??= differenceAt(place, { asked, expected, failed, reply });
    }
    return first === undefined ? { isRefused } : { difference: first, isRefused: false };
  }

  async #expected(statements: readonly string[], isTrial: boolean): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    if (isTrial) await this.#postgres.ask("BEGIN");
    for (const statement of statements) {
      const answer = await this.#postgres.ask(statement);
      answers.push(answer);
      if (answer.kind === "error") break;
    }
    if (isTrial) await this.#postgres.ask("ROLLBACK");
    return answers;
  }
}

interface Compared {
  readonly asked: Asked;
  readonly expected: readonly Answer[];
  /** The error of PostgreSQL. */
  readonly failed: Extract<Answer, { kind: "error" }> | undefined;
  readonly reply: SqlReply;
}

function differenceAt(place: Place, { asked, expected, failed, reply }: Compared): Difference | undefined {
  if (reply.error != null) {
    const message = reply.error.message.replace(/^Statement \d+ failed: /, "");
    const isWrong = INTERNAL.test(`${reply.error.code} ${reply.error.reason ?? ""} ${message}`);
    if (failed !== undefined && !isWrong) return undefined;
    const group = message.replaceAll(/"[^"]*"|'[^']*'|\d+/g, "…");
    const detail = `${place}: ${JSON.stringify(reply.error)}\npostgres: ${short(expected)}`;
    return { group, kind: `${isWrong ? "INTERNAL" : "refused"}: ${group}`, detail, place, isEmpty: false };
  }
  const results = reply.results.filter((result) => result.schema !== undefined);
  if (failed !== undefined) {
    return {
      group: failed.message,
      kind: `accepted: ${failed.message.replaceAll(/"[^"]*"|\d+/g, "…")}`,
      detail: `${place}: ${short(results.map(({ rows }) => rows))}`,
      place,
      isEmpty: results[0]?.rows?.length === 0,
    };
  }
  for (const [at, answer] of expected.entries()) {
    const result = results[at];
    if (answer.kind === "error" || result === undefined) throw new Error(`no answer to: ${asked.sql}`);
    const detail = unequal(answer.rows, result, at > 0 || asked.isOrdered);
    if (detail === undefined) continue;
    const what = at === 0 ? "" : "afterwards, ";
    return {
      group: "answer",
      kind: `answer: ${asked.sql}`,
      detail: `${what}${place}: ${detail}`,
      place,
      isEmpty: false,
    };
  }
  return undefined;
}

/** The first row that is not the same, and how many there are. */
function unequal(rows: Parameters<typeof sideBySide>[0], result: SqlResult, isOrdered: boolean): string | undefined {
  const { postgres, kalam } = sideBySide(rows, result, isOrdered);
  if (postgres.join("\n") === kalam.join("\n")) return undefined;
  const places = Array.from({ length: Math.max(postgres.length, kalam.length) }, (_, at) => at);
  const at = places.find((place) => postgres[place] !== kalam[place]) ?? 0;
  const types = short((result.schema ?? []).map((field) => field.data_type));
  const told = (lines: readonly string[]): string => `(${lines.length}): ${lines[at] ?? "no more"}`;
  return `${types}\npostgres ${told(postgres)}\nkalam ${told(kalam)}`;
}
