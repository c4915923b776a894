// Random writes, transactions, ALTERs, flushes, compactions and restarts against a model that knows rows as maps from a column's identity to its value.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let server: TestServer;
let runs = 0;

/** What is merged forgets its deletes at once: a deleted row that comes back has the best chances. */
const SETTINGS = { "retention.default_deleted_retention_hours": 0 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-history-"));
  server = await startTestServer(SETTINGS, { folder });
  await server.root.sql("CREATE NAMESPACE run");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await server.stop();
  server = await startTestServer(SETTINGS, { folder });
}

type Value = number | null;

interface ModelColumn {
  name: string;
  type: "SMALLINT" | "INT" | "BIGINT";
  notNull: boolean;
  default: Value;
}

const id = fc.integer({ min: 1, max: 8 });
const value = fc.option(fc.integer({ min: -9, max: 9 }), { freq: 4 });
const which = fc.nat(5);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), id, which, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("update" as const), which, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), id }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), default: value, notNull: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rename" as const), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("widen" as const), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("setDefault" as const), which, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("setNotNull" as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("transaction" as const),
      ids: fc.array(id, { minLength: 1, maxLength: 3 }),
      commits: fc.boolean(),
    }),
  },
);
/** Starting a server costs what a hundred other steps do. */
const stepOrRestart = fc.oneof(
  { weight: 40, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);
type Step = typeof stepOrRestart extends fc.Arbitrary<infer T> ? T : never;

/** The table and what it should hold. */
class Modelled {
  readonly #table: string;
  readonly #columns: ModelColumn[] = [];
  readonly #rows = new Map<number, Map<ModelColumn, Value>>();
  #names = 0;

  constructor(table: string) {
    this.#table = table;
  }

  async run(what: Step): Promise<void> {
    switch (what.kind) {
      case "put":
        return this.#put(what);
      case "update":
        return this.#update(what);
      case "remove":
        await server.root.sql(`DELETE FROM ${this.#table} WHERE id = ${what.id}`);
        this.#rows.delete(what.id);
        return;
      case "add":
        return this.#add(what);
      case "flush":
      case "compact":
        // It goes on beside the steps that follow, a restart among them.
        await server.root.sql(`STORAGE ${what.kind.toUpperCase()} TABLE ${this.#table}`);
        return;
      case "restart":
        return restart();
      case "transaction":
        return this.#transaction(what);
      default: {
        const column = this.#columns[what.which % Math.max(1, this.#columns.length)];
        if (column !== undefined) await this.#change(what, column);
      }
    }
  }

  /** Runs the statement, which must be refused exactly when the model says so. */
  async #sql(text: string, isRefused: boolean): Promise<boolean> {
    const reply = await server.root.send(text);
    expect({ text, reason: reply.error?.reason }).toEqual({
      text,
      reason: isRefused ? "NOT_NULL_VIOLATION" : undefined,
    });
    return !isRefused;
  }

  async #put({ id: key, which: place, value: given }: Extract<Step, { kind: "put" }>): Promise<void> {
    const named = this.#columns[place % Math.max(1, this.#columns.length)];
    const row = new Map(this.#columns.map((column) => [column, column === named ? given : column.default]));
    const isRefused = [...row].some(([column, cell]) => column.notNull && cell === null);
    const [names, values] = named === undefined ? ["id", key] : [`id, ${named.name}`, `${key}, ${given}`];
    const all = this.#columns.map(({ name }) => `${name} = excluded.${name}`).join(", ");
    const text = `INSERT INTO ${this.#table} (${names}) VALUES (${values}) ON CONFLICT (id) DO ${all === "" ? "NOTHING" : `UPDATE SET ${all}`}`;
    if (await this.#sql(text, isRefused)) this.#rows.set(key, row);
  }

  /** All of the deletes or none. */
  async #transaction({ ids, commits }: Extract<Step, { kind: "transaction" }>): Promise<void> {
    const deletes = ids.map((one) => `DELETE FROM ${this.#table} WHERE id = ${one}`);
    await server.root.sql(`BEGIN; ${deletes.join("; ")}; ${commits ? "COMMIT" : "ROLLBACK"}`);
    if (commits) for (const one of ids) this.#rows.delete(one);
  }

  async #update({ which: place, value: given }: Extract<Step, { kind: "update" }>): Promise<void> {
    const column = this.#columns[place % Math.max(1, this.#columns.length)];
    if (column === undefined) return;
    const isRefused = column.notNull && given === null && this.#rows.size > 0;
    if (!(await this.#sql(`UPDATE ${this.#table} SET ${column.name} = ${given} WHERE true`, isRefused))) return;
    for (const row of this.#rows.values()) row.set(column, given);
  }

  async #add(what: Extract<Step, { kind: "add" }>): Promise<void> {
    this.#names += 1;
    const column: ModelColumn = {
      name: `c${this.#names}`,
      type: "SMALLINT",
      notNull: what.notNull,
      default: what.default,
    };
    const definition = `${column.name} SMALLINT ${what.notNull ? "NOT NULL" : "NULL"} DEFAULT ${what.default}`;
    const isRefused = what.notNull && what.default === null && this.#rows.size > 0;
    if (!(await this.#sql(`ALTER TABLE ${this.#table} ADD COLUMN ${definition}`, isRefused))) return;
    this.#columns.push(column);
    for (const row of this.#rows.values()) row.set(column, what.default);
  }

  async #change(what: Extract<Step, { which: number }>, column: ModelColumn): Promise<void> {
    const alter = `ALTER TABLE ${this.#table}`;
    switch (what.kind) {
      case "drop":
        await this.#sql(`${alter} DROP COLUMN ${column.name}`, false);
        this.#columns.splice(this.#columns.indexOf(column), 1);
        for (const row of this.#rows.values()) row.delete(column);
        return;
      case "rename":
        this.#names += 1;
        await this.#sql(`${alter} RENAME COLUMN ${column.name} TO c${this.#names}`, false);
        column.name = `c${this.#names}`;
        return;
      case "widen":
        column.type = column.type === "SMALLINT" ? "INT" : "BIGINT";
        await this.#sql(`${alter} ALTER COLUMN ${column.name} TYPE ${column.type}`, false);
        return;
      case "setDefault":
        await this.#sql(`${alter} ALTER COLUMN ${column.name} SET DEFAULT ${what.value}`, false);
        column.default = what.value;
        return;
      case "setNotNull": {
        const isRefused = !column.notNull && [...this.#rows.values()].some((row) => row.get(column) === null);
        if (await this.#sql(`${alter} ALTER COLUMN ${column.name} SET NOT NULL`, isRefused)) column.notNull = true;
        return;
      }
      default:
        throw new Error(`${what.kind} changes no column`);
    }
  }

  async check(): Promise<void> {
    const { schema, rows = [] } = await server.root.sql(`SELECT * FROM ${this.#table} ORDER BY id`);
    expect(schema?.slice(1, -2).map(({ name }) => name)).toEqual(this.#columns.map(({ name }) => name));
    const expected = [...this.#rows]
      .sort(([a], [b]) => a - b)
      .map(([key, row]) => [key, ...this.#columns.map((column) => row.get(column))]);
    expect<unknown>(rows.map((row) => row.slice(0, -2).map((cell) => (cell === null ? null : Number(cell))))).toEqual(
      expected,
    );
  }
}

test("TB-09 ST-03 ST-04 ST-05 after any history of writes, transactions, ALTERs, flushes, compactions and restarts a table holds what its model holds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("SHARED", "USER"),
      fc.array(stepOrRestart, { maxLength: 40 }),
      async (kind, steps) => {
        runs += 1;
        const table = `run.t${runs}`;
        await server.root.sql(`CREATE ${kind} TABLE ${table} (id INT PRIMARY KEY)`);
        const modelled = new Modelled(table);
        for (const what of steps) {
          await modelled.run(what);
          await modelled.check();
        }
      },
    ),
    { numRuns: Number(process.env["KALAMDB_TEST_RUNS"] ?? 60), verbose: 1 },
  );
}, 600_000);
