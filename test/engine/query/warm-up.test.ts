import { expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import { ColdTables } from "../../../src/engine/query/cold-tables.ts";
import { warmingSteps } from "../../../src/engine/query/warm-up.ts";
import {
  makeSegmentSample,
  ROWS_PER_SEGMENT,
  SAMPLE_PLACES,
  type SegmentSample,
} from "../../../src/storage/cold/segment-sample.ts";
import { openQueryFixture, textRequest } from "./query-fixture.ts";

function wholeSample(): SegmentSample {
  const making = makeSegmentSample();
  let made = making.next();
  while (made.done !== true) made = making.next();
  return made.value;
}

test("the sample that a fresh process reads is a scope like any other: groups, look-ups and rows come out of it", async () => {
  const sample = wholeSample();
  using db = new DatabaseSync(":memory:");
  const tables = new ColdTables({ db, objects: sample.objects, maxBytes: 1 << 20 });
  const rows = sample.segments.length * ROWS_PER_SEGMENT;
  const source = { ...sample, places: undefined, conditions: [], includeDeleted: false, top: undefined };

  const grouped = await tables.summarize({
    ...sample,
    conditions: [],
    hiddenKeys: [],
    groups: [SAMPLE_PLACES.kind],
    columns: [],
  });
  expect(grouped?.by).toBe("columns");
  expect(grouped?.rows.reduce((sum, [count]) => sum + Number(count), 0)).toBe(rows);

  const found = await tables.lookUp(source, [7n, BigInt(rows - 1), BigInt(rows)], sample.segments);
  expect(found.outcome.rows).toBe(2);
  expect(found.rowsJson).toContain('"what number 7 has to say"');

  await tables.load(source, sample.segments);
  const name = tables.find(source, sample.segments)?.name;
  expect(db.prepare(`SELECT count(*) AS n, count(c7) AS notes FROM temp.${name}`).get()).toEqual({
    n: rows,
    notes: rows - Math.ceil(rows / 3),
  });
});

test("warming up comes to its end, and no step of it fails", async () => {
  let steps = 0;
  for await (const _step of warmingSteps()) steps += 1;
  expect(steps).toBeGreaterThan(20);
});

test("a process that has just started, and is warming up, answers what it is asked", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1, warmsUp: true } });
  for (let asked = 0; asked < 30; asked += 1) {
    const { json } = await fixture.pool.run(textRequest(`SELECT ${asked}`));
    expect(json).toBe(`[["${asked}"]]`);
    await Bun.sleep(1);
  }
});
