// Random writes, ALTERs and flushes against a model that knows rows as maps from a column's identity to its value.
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let server: TestServer;
let runs = 0;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE run");
});

afterAll(() => server[Symbol.asyncDispose]());

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
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

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
        await server.root.sql(`STORAGE FLUSH TABLE ${this.#table}`);
        return;
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

test("TB-09 ST-05 after any history of writes, ALTERs and flushes a table holds what its model holds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("SHARED", "USER"), fc.array(step, { maxLength: 40 }), async (kind, steps) => {
      runs += 1;
      const table = `run.t${runs}`;
      await server.root.sql(`CREATE ${kind} TABLE ${table} (id INT PRIMARY KEY)`);
      const modelled = new Modelled(table);
      for (const what of steps) {
        await modelled.run(what);
        await modelled.check();
      }
    }),
    { numRuns: Number(process.env["KALAMDB_TEST_RUNS"] ?? 60), verbose: 1 },
  );
}, 240_000);
