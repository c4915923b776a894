// A live query starts, or is resumed, and something is committed before its rows are read: what it is given is the rows of one position, or it is told to begin anew.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseName, parseUserId } from "../../src/base/ids.ts";
import { slotsOf } from "../../src/engine/data.ts";
import { createRowSource } from "../../src/engine/row-source.ts";
import type { PageRequest, RowSource } from "../../src/live/ports.ts";
import type { RowVersion } from "../../src/model/change.ts";
import { paramShape } from "../../src/model/param.ts";
import type { LivePlan } from "../../src/sql/plan.ts";
import { ALICE, failureOf } from "../storage/open-test-store.ts";
import { COMMITS } from "./pairs-commits.ts";
import { BEFORE, type Model, type Row } from "./pairs-model.ts";
import { openWorld, type World } from "./pairs-world.ts";

const USER = parseUserId("alice");

let world: World;
let source: RowSource;
beforeAll(async () => {
  world = await openWorld();
  const { deps, store } = world.engine;
  const { streams, catalog, epoch } = store.current;
  source = createRowSource({ queries: deps.queries, writer: deps.writer, streams, catalog }, epoch);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Everything of alice's, as a live query that begins now is planned. */
function liveQuery(): PageRequest {
  const { deps } = world.engine;
  const session = { user: USER, role: "user", namespace: parseName("app") } as const;
  const { plan, literals } = deps.preparer.prepareLive("SELECT * FROM t", session, paramShape([]));
  const slots = slotsOf(plan.slots, { session, params: [], literals, nowUs: 0n, signal: undefined }, deps);
  return { plan, slots, scope: ALICE, user: USER, after: 0n as PageRequest["after"], upTo: undefined, limit: 1_000 };
}

function rowOf({ table }: LivePlan, { cells }: RowVersion): Row {
  return Object.fromEntries(table.columns.map(({ name }, place) => [name, cells[place]?.toString() ?? null]));
}

/** Of the columns that the query was planned for. A column that has another name is the same. */
function shown({ alice }: Model): ReadonlyMap<number, Row> {
  const names = BEFORE.columns ?? [];
  const cell = (row: Row, name: string): string | null => row[name] ?? (name === "extra" ? row["other"] : null) ?? null;
  return new Map(
    Array.from(alice, ([id, row]) => [id, Object.fromEntries(names.map((name) => [name, cell(row, name)]))]),
  );
}

const isGone = (model: Model, name: string): boolean => model.columns === undefined || name.includes("DROP TABLE");

describe("LQ-05 ST-05 TB-09 a live query that starts has the rows of its position, when before they are read there comes", () => {
  test.each(Object.entries(COMMITS))("%s", async (name, [commit, step]) => {
    await world.begin();
    const request = liveQuery();
    world.beforeRead(() => commit(world));
    const between = step(BEFORE);
    const reading = source.snapshot(request);
    if (isGone(between, name)) {
      expect(await failureOf(reading)).toMatchObject({ code: "TABLE_NOT_FOUND" });
      return;
    }
    const page = await reading;
    expect(page.position).toBe(world.engine.store.current.writer.position);
    // Planned anew: what it would show of columns that are gone, or mean something else, nobody has written.
    if (source.isOutdated(request.plan)) {
      expect(name).toMatch(/^DROP COLUMN|type/);
      return;
    }
    expect(new Map(page.rows.map((row) => [Number(row.cells[0]), rowOf(request.plan, row)]))).toEqual(
      new Map(shown(between)),
    );
    expect((await source.history({ ...request, after: page.position })).rows).toEqual([]);
  });
});

describe("LQ-11 ST-04 TB-02 a live query that is resumed is given what makes its rows those of the position, or a reset, when before they are read there comes", () => {
  test.each(Object.entries(COMMITS))("%s", async (name, [commit, step]) => {
    await world.begin();
    const request = liveQuery();
    const { position: cursor } = await source.snapshot(request);
    world.beforeRead(() => commit(world));
    const between = step(BEFORE);
    const reading = source.history({ ...request, after: cursor });
    if (isGone(between, name)) {
      expect(await failureOf(reading)).toMatchObject({ code: "TABLE_NOT_FOUND" });
      return;
    }
    const page = await reading;
    const isReset = source.historyStartsAt(request.plan.table, ALICE) > cursor;
    expect(isReset).toBe(/whole scope|clean-up/.test(name));
    if (isReset || source.isOutdated(request.plan)) return;
    const rows = new Map(shown(BEFORE));
    for (const version of page.rows) {
      expect(version.seq).toBeGreaterThan(cursor);
      if (version.deleted) rows.delete(Number(version.cells[0]));
      else rows.set(Number(version.cells[0]), rowOf(request.plan, version));
    }
    expect(rows).toEqual(new Map(shown(between)));
  });
});
