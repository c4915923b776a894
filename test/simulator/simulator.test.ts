// Live queries are never wrong: a seeded schedule in short, and the schedules that once found something.
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { startTestServer } from "../support/test-server.ts";
import { evaluate, filterSql, randomFilter } from "./filter.ts";
import { Random } from "./random.ts";
import { COLUMNS, literal, randomRow, TABLE_COLUMNS } from "./row.ts";
import { generate, simulate } from "./simulate.ts";
import type { Step } from "./step.ts";

const STEPS = 1_000;
const fixtures = [...new Glob("*.json").scanSync(`${import.meta.dir}/fixtures`)].toSorted();

test("LQ-07 LQ-08 LQ-10 LQ-11 LQ-12 LQ-13 ST-01 ST-03 whatever a seeded schedule does, every live query is right", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  process.stdout.write(`simulator seed ${seed}: bun run simulate --steps ${STEPS} --seed ${seed}\n`);
  expect(await simulate(generate(seed, STEPS))).toBeUndefined();
}, 600_000);

test.each(fixtures)("LQ-08 the schedule %s stays right", async (name) => {
  const steps = (await Bun.file(`${import.meta.dir}/fixtures/${name}`).json()) as readonly Step[];
  expect(await simulate([...steps, { kind: "settle" }])).toBeUndefined();
});

test("a seed always makes the same schedule, and JSON keeps it", () => {
  const schedule = [...generate(7, 3_000)];
  expect([...generate(7, 3_000)]).toEqual(schedule);
  expect([...generate(8, 3_000)]).not.toEqual(schedule);
  expect(JSON.parse(JSON.stringify(schedule))).toEqual(JSON.parse(JSON.stringify([...generate(7, 3_000)])));
});

test("LQ-09 the simulator's own reading of a filter is the one SQL gives it", async () => {
  const random = new Random(11);
  await using server = await startTestServer();
  const { root } = server;
  const rows = Array.from({ length: 60 }, (_, id) => randomRow(random, id));
  const values = rows.map((row) => `(${COLUMNS.map((column) => literal(column, row[column])).join(", ")})`);
  await root.sql(`CREATE NAMESPACE sim; CREATE SHARED TABLE sim.items ${TABLE_COLUMNS}`);
  await root.sql(`INSERT INTO sim.items (${COLUMNS.join(", ")}) VALUES ${values.join(", ")}`);
  for (let round = 0; round < 300; round += 1) {
    const filter = randomFilter(random);
    const sql = filterSql(filter);
    const found = await root.rows(`SELECT id FROM sim.items WHERE ${sql} ORDER BY id`);
    const expected = rows.filter((row) => evaluate(filter, row) === true).map(({ id }) => id);
    expect({ sql, ids: found.map(([id]) => Number(id)) }).toEqual({ sql, ids: expected });
  }
});
