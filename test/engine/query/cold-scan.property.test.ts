import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { BoundQuery, QueryRunner } from "../../../src/engine/reads.ts";
import type { RelationUse } from "../../../src/sql/plan.ts";
import { type EngineFixture, openEngine } from "../engine-fixture.ts";

setDefaultTimeout(600_000);

const KEYS = 12;
const key = fc.integer({ min: 1, max: KEYS });
const row = fc.record({
  id: key,
  n: fc.option(fc.integer({ min: -3, max: 3 })),
  w: fc.option(fc.constantFrom("a", "b", "ä", "z", "\u{ffff}", "\u{1f600}")),
  f: fc.option(fc.boolean()),
});
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("put" as const), row }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("query" as const), text: query() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function condition(alias: string): fc.Arbitrary<string> {
  const op = fc.constantFrom("<", "<=", ">", ">=", "=", "<>");
  const column = (name: string): string => `${alias}.${name}`;
  const compare = (name: string, value: fc.Arbitrary<number | string>): fc.Arbitrary<string> =>
    fc.tuple(op, value).map(([one, other]) => `${column(name)} ${one} ${other}`);
  return fc.oneof(
    compare("n", fc.integer({ min: -4, max: 4 })),
    compare("id", fc.integer({ min: 0, max: KEYS + 1 })),
    compare("w", fc.constantFrom("'a'", "'b'", "'ä'", "'\u{1f600}'")),
    fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => `${column("id")} IN (${keys.join(", ")})`),
    fc.constantFrom("n IN (1, 2, NULL)", "w IN ('a', 'z')", "n IS NULL", "w IS NOT NULL", "f IS NULL").map(column),
    fc.constantFrom(column("f"), `NOT ${column("f")}`, `3 > ${column("n")}`),
    fc.constantFrom(
      `${column("n")} + 1 > 2`,
      `(${column("n")} > 0 OR ${column("w")} = 'a')`,
      column("n BETWEEN -1 AND 2"),
    ),
  );
}

function filter(alias: string): fc.Arbitrary<string> {
  const conditions = fc.array(condition(alias), { maxLength: 3 });
  return conditions.map((parts) => (parts.length === 0 ? "" : ` WHERE ${parts.join(" AND ")}`));
}

/** Texts that mean the same to SQLite: every order says where NULL comes and ends in the key. */
function query(): fc.Arbitrary<string> {
  const direction = fc.constantFrom("ASC NULLS LAST", "DESC NULLS FIRST", "DESC NULLS LAST", "ASC NULLS FIRST");
  const limit = fc
    .tuple(fc.nat({ max: 5 }), fc.nat({ max: 3 }))
    .map(([count, skip]) => `LIMIT ${count} OFFSET ${skip}`);
  const order = fc
    .tuple(fc.constantFrom("n", "w", "id", "f"), direction)
    .map(([by, way]) => `ORDER BY t.${by} ${way}, t.id`);
  const joined = fc.constantFrom("JOIN", "LEFT JOIN", "FULL JOIN");
  return fc.oneof(
    fc.tuple(filter("t"), order, limit).map(([f, o, l]) => `SELECT t.id, t.n, t.w, t.f FROM notes t${f} ${o} ${l}`),
    fc.tuple(filter("t"), order).map(([f, o]) => `SELECT t.w, t.id FROM notes t${f} ${o}`),
    filter("t").map((f) => `SELECT count(*) AS c FROM notes t${f}`),
    filter("t").map(
      (f) => `SELECT count(n) AS c, min(n) AS a, max(w) AS b, sum(n) AS s, min(id) AS m FROM notes t${f}`,
    ),
    filter("t").map((f) => `SELECT w, count(*) AS c, max(n) AS m FROM notes t${f} GROUP BY w ORDER BY w NULLS LAST`),
    grouped(),
    fc
      .tuple(joined, fc.oneof(filter("a"), filter("b")))
      .map(
        ([join, f]) =>
          `SELECT a.id, b.id AS other FROM notes a ${join} notes b ON b.n = a.id${f} ORDER BY 1 NULLS LAST, 2 NULLS LAST`,
      ),
    filter("t").map((f) => `SELECT id FROM notes WHERE id IN (SELECT t.n FROM notes t${f}) ORDER BY id`),
  );
}

/** Aggregates that are had from columns where the condition allows it, beside what SQLite makes of them. */
function grouped(): fc.Arbitrary<string> {
  const keys = fc.constantFrom("w", "n", "f", "n, w", "w, f", "n, f, w");
  const value = fc.constantFrom(
    "count(*)",
    "count(n)",
    "count(w)",
    "sum(n)",
    "sum(id)",
    "avg(n)",
    "min(w)",
    "max(w)",
    "min(id) + max(n)",
    "count(*) * 2 + sum(n)",
  );
  const having = fc.constantFrom("", " HAVING count(*) > 1", " HAVING sum(n) > 0 OR max(w) = 'z'");
  const values = fc.array(value, { minLength: 1, maxLength: 4 });
  return fc.oneof(
    fc
      .tuple(keys, values, filter("t"), having)
      .map(
        ([by, list, f, h]) =>
          `SELECT ${by}, ${named(list)} FROM notes t${f} GROUP BY ${by}${h} ORDER BY ${ordered(by)}`,
      ),
    fc.tuple(values, filter("t")).map(([list, f]) => `SELECT ${named(list)} FROM notes t${f}`),
  );
}

function named(values: readonly string[]): string {
  return values.map((value, index) => `${value} AS v${index}`).join(", ");
}

function ordered(keys: string): string {
  return keys
    .split(", ")
    .map((key) => `${key} NULLS LAST`)
    .join(", ");
}

function withoutHints({ plan, slots }: BoundQuery): BoundQuery {
  const relations = plan.relations.map((use): RelationUse => {
    if (use.kind === "systemView") return use;
    const { read: _read, ...rest } = use;
    return rest;
  });
  const { summary: _summary, ...rest } = plan;
  return { plan: { ...rest, relations }, slots };
}

/** Asks everything twice, the second time for whole rows of whole scopes, and expects the same bytes. */
function comparing(queries: QueryRunner): QueryRunner {
  return {
    ...queries,
    async json(query, signal) {
      const hinted = await queries.json(query, signal);
      const whole = await queries.json(withoutHints(query), signal);
      expect(hinted.rowsJson).toBe(whole.rowsJson);
      return hinted;
    },
  };
}

function literal(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : String(value);
}

function plain(rows: readonly (readonly unknown[])[]): string[][] {
  return rows.map((cells) => cells.map((cell) => String(typeof cell === "boolean" ? Number(cell) : cell)));
}

async function perform(engine: EngineFixture, model: Database, one: Step): Promise<void> {
  const text = statementOf(one);
  if (one.kind === "flush") return engine.flush("app", "notes");
  if (one.kind !== "query") {
    model.run(text);
    await engine.run(text);
    return;
  }
  expect({ text, rows: plain(await engine.rows(text)) }).toEqual({ text, rows: plain(model.query(text).values()) });
}

function statementOf(one: Step): string {
  switch (one.kind) {
    case "put": {
      const values = [one.row.id, one.row.n, one.row.w, one.row.f].map(literal).join(", ");
      const update = "ON CONFLICT (id) DO UPDATE SET n = excluded.n, w = excluded.w, f = excluded.f";
      return `INSERT INTO notes (id, n, w, f) VALUES (${values}) ${update}`;
    }
    case "delete":
      return `DELETE FROM notes WHERE id = ${one.key}`;
    case "query":
      return one.text;
    case "flush":
      return "";
  }
}

test.each(["user", "shared"] as const)(
  "ST-05 any query of a %s table answers as SQLite does over the newest rows, with and without what the plan says it needs",
  async (kind) => {
    // Files of three rows; a cache so small that columns come and go.
    await using engine = await openEngine({ flusher: { segmentRows: 3 }, coldCacheBytes: 6_000 });
    const { deps } = engine;
    Object.assign(deps, { queries: comparing(deps.queries) });
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      using model = new Database(":memory:");
      model.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, n INTEGER, w TEXT, f INTEGER)");
      await engine.run(`CREATE ${kind.toUpperCase()} TABLE notes (id BIGINT PRIMARY KEY, n INT, w TEXT, f BOOLEAN)`);
      try {
        for (const one of steps) await perform(engine, model, one);
      } finally {
        await engine.run("DROP TABLE notes");
      }
    });
    await fc.assert(property, { numRuns: 60 });
  },
);
