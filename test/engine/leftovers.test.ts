import { expect, test } from "bun:test";
import { type EngineFixture, openEngine } from "./engine-fixture.ts";

const BATCH = 50;
const ROWS = 600;

async function flushedTable(engine: EngineFixture, kind: "USER" | "SHARED"): Promise<void> {
  await engine.run(`CREATE ${kind} TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)`);
  for (let first = 0; first < ROWS; first += BATCH) {
    const rows = Array.from({ length: BATCH }, (_unused, index) => `(${first + index}, 'old')`);
    await engine.run(`INSERT INTO app.notes VALUES ${rows.join(", ")}`);
  }
  await engine.flush("app", "notes");
}

async function code(answer: Promise<unknown>): Promise<unknown> {
  return answer.then(
    () => "done",
    (failure: { error?: { code?: unknown } }) => failure.error?.code,
  );
}

/** Reads and writes of flushed keys, told apart by their first key, and what the table holds then. */
async function useKeys(engine: EngineFixture, first: number): Promise<unknown> {
  const duplicate = await code(engine.run(`INSERT INTO app.notes VALUES (${first}, 'again')`));
  await engine.run(`INSERT INTO app.notes VALUES (${first}, 'x') ON CONFLICT (id) DO UPDATE SET body = 'merged'`);
  await engine.run(`UPDATE app.notes SET body = 'changed' WHERE id = ${first + 1}`);
  await engine.run(`UPDATE app.notes SET body = 'filtered' WHERE id > ${first + 1} AND id < ${first + 4}`);
  await engine.run(`DELETE FROM app.notes WHERE id = ${first + 4}`);
  await engine.run(`BEGIN; UPDATE app.notes SET body = 'inside' WHERE id = ${first + 5}; COMMIT`);
  const near = `id >= ${first} AND id < ${first + 7}`;
  const rows = await engine.rows(`SELECT id - ${first}, body FROM app.notes WHERE ${near} ORDER BY id`);
  const versions = await engine.rows(
    `SELECT count(*), count(DISTINCT _seq) FROM app.notes WHERE _deleted IN (true, false)`,
  );
  return { duplicate, rows, versions };
}

test.each(["USER", "SHARED"] as const)(
  "ST-05 ST-03 statements on flushed rows of a %s table answer the same whether or not the rows have left the buffer's table",
  async (kind) => {
    await using engine = await openEngine();
    await flushedTable(engine, kind);
    const during = await useKeys(engine, 0);
    const table = engine.deps.catalog.tables()[0];
    if (table === undefined) throw new Error("the table is gone");
    const duringBuffered = engine.deps.writer.bufferedRows(table.id);
    await engine.store.current.trimmed();
    const after = await useKeys(engine, 100);
    expect(during).toEqual({
      duplicate: "DUPLICATE_KEY",
      rows: [
        ["0", "merged"],
        ["1", "changed"],
        ["2", "filtered"],
        ["3", "filtered"],
        ["5", "inside"],
        ["6", "old"],
      ],
      versions: [[String(ROWS), String(ROWS)]],
    });
    expect(after).toEqual(during);
    expect(duringBuffered).toBe(6);
  },
);

/** Rows that were rewritten before a delete, in two files, which are then merged without the delete: history starts above the rewritten rows. */
async function mergedTable(engine: EngineFixture, kind: "USER" | "SHARED"): Promise<void> {
  const columns = "(id BIGINT PRIMARY KEY, body TEXT)";
  await engine.run(`CREATE ${kind} TABLE app.notes ${columns} WITH (DELETED_RETENTION_HOURS = 0)`);
  await engine.run("INSERT INTO app.notes SELECT g, 'old' FROM generate_series(1, 9) AS g");
  await engine.flush("app", "notes");
  await engine.run("UPDATE app.notes SET body = 'new' WHERE id BETWEEN 3 AND 5");
  await engine.run("DELETE FROM app.notes WHERE id = 4");
  await engine.run("UPDATE app.notes SET body = 'last' WHERE id = 1");
  await engine.flush("app", "notes");
  engine.store.clock.wallMs += 1_000;
  await engine.compact("app", "notes");
}

const MERGED = [
  ["1", "last"],
  ["2", "old"],
  ["3", "new"],
  ["5", "new"],
  ...["6", "7", "8", "9"].map((id) => [id, "old"]),
];

test.each([
  ["USER", true],
  ["SHARED", true],
  ["USER", false],
  ["SHARED", false],
] as const)(
  "ST-04 ST-05 every row of a %s table is read once when a merge has forgotten a delete (flushed rows still in the buffer's table: %p)",
  async (kind, keepsLeftovers) => {
    await using engine = await openEngine();
    engine.hooks.keepsLeftovers = keepsLeftovers;
    await mergedTable(engine, kind);
    if (!keepsLeftovers) await engine.store.current.trimmed();
    expect(await engine.rows("SELECT id, body FROM app.notes ORDER BY id")).toEqual(MERGED);
    expect(await engine.rows("SELECT id FROM app.notes WHERE _deleted IN (true, false) ORDER BY id")).toEqual(
      MERGED.map(([id]) => [id]),
    );
    expect(await engine.rows("SELECT count(*), max(id) FROM app.notes")).toEqual([["8", "9"]]);
    expect(await engine.rows("SELECT body FROM app.notes WHERE id = 3")).toEqual([["new"]]);
    expect(await engine.rows("SELECT id FROM app.notes ORDER BY id DESC LIMIT 6")).toEqual(
      MERGED.map(([id]) => [id])
        .toReversed()
        .slice(0, 6),
    );
    expect(await code(engine.run("INSERT INTO app.notes VALUES (5, 'again')"))).toBe("DUPLICATE_KEY");
    expect((await engine.run("UPDATE app.notes SET body = 'all' WHERE body <> 'none'")).at(-1)?.rowCount).toBe(8);
    expect((await engine.run("TRUNCATE app.notes")).at(-1)?.rowCount).toBe(8);
    expect(await engine.rows("SELECT id FROM app.notes")).toEqual([]);
  },
);
