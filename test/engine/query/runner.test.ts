import { expect, test } from "bun:test";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import { createQueryRunner, queryRequest } from "../../../src/engine/query/runner.ts";
import { BIGINT, TEXT } from "../../../src/model/sql-type.ts";
import { keyLookupPlan } from "../../../src/sql/key-lookup.ts";
import type { QueryPlan } from "../../../src/sql/plan.ts";
import { ALICE, BOB, createTable, openTestStore, write } from "../../storage/open-test-store.ts";
import { openQueryFixture } from "./query-fixture.ts";

const noStreams = { versions: () => [] };

test("TB-03 the scope a process reads is the value of the slot the plan names, for the parameter as for the files", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const table = await createTable(fixture.store.current, "notes");
  const plan: QueryPlan = { ...keyLookupPlan(table, 1), strategy: { kind: "scan" } };
  expect(queryRequest({ plan, slots: [1n, "alice"] }, "cells", noStreams).relations).toEqual([
    {
      kind: "table",
      schema: table,
      scope: ALICE,
      scopeParameter: 2,
      includeDeleted: true,
      keys: undefined,
      places: undefined,
      conditions: [],
      top: undefined,
    },
  ]);
  expect(() => queryRequest({ plan, slots: [1n, null] }, "cells", noStreams)).toThrow();
  expect(() => queryRequest({ plan, slots: [1n, ""] }, "cells", noStreams)).toThrow();
});

test("ST-05 a point plan hands over its keys, slots and constants alike; a shared table has no scope parameter", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const table = await createTable(fixture.store.current, "notes", "shared");
  const lookup = keyLookupPlan(table, 2);
  const keys = [
    { kind: "slot", slot: 1 },
    { kind: "constant", value: 9n },
  ] as const;
  const request = queryRequest(
    { plan: { ...lookup, strategy: { kind: "point", keys } }, slots: [1n, 2n] },
    "json",
    noStreams,
  );
  expect(request.relations).toEqual([
    {
      kind: "table",
      schema: table,
      scope: SHARED_SCOPE,
      scopeParameter: undefined,
      includeDeleted: true,
      keys: [2n, 9n],
      places: undefined,
      conditions: [],
      top: undefined,
    },
  ]);
});

test("TB-03 the rows of a STREAM table travel once, however often a query names it", async () => {
  await using store = openTestStore();
  const table = await createTable(store.current, "events", "stream");
  await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "a"] }));
  const lookup = keyLookupPlan(table, 1);
  const relations = [...lookup.relations, ...lookup.relations];
  const plan: QueryPlan = { ...lookup, relations, strategy: { kind: "scan" } };
  const request = queryRequest({ plan, slots: [1n, "alice"] }, "cells", store.current.streams);
  expect(request.relations).toEqual([
    { kind: "stream", schema: table, rowsParameter: 3 },
    { kind: "stream", schema: table, rowsParameter: 3 },
  ]);
  expect(request.values).toEqual([1n, "alice", expect.stringMatching(/^\[\[1,"a",\d+\]\]$/)]);
  const others = queryRequest({ plan, slots: [1n, "bob"] }, "cells", store.current.streams);
  expect(others.values.at(-1)).toBe("[]");
});

test("TB-08 a system view names the parameter of its rows", () => {
  const plan: QueryPlan = {
    kind: "query",
    sql: ["SELECT v1 FROM ", 0, " AS r0"],
    slots: [{ kind: "viewRows", view: "system.users", type: TEXT }],
    relations: [
      {
        kind: "systemView",
        view: "system.users",
        columns: [
          { name: "a", type: TEXT, flags: [] },
          { name: "b", type: BIGINT, flags: [] },
        ],
        rowsSlot: 0,
      },
    ],
    output: [{ name: "b", type: BIGINT, flags: [] }],
    strategy: { kind: "scan" },
  };
  expect(queryRequest({ plan, slots: ["[]"] }, "json", noStreams)).toMatchObject({
    relations: [{ kind: "view", columns: 2, rowsParameter: 1 }],
    values: ["[]"],
  });
});

test("TB-02 the newest version of a key is found in buffer and files, for its owner alone", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const { store, flusher, pool } = fixture;
  const table = await createTable(store.current, "notes");
  const { writer } = store.current;
  await writer.submit((tx) => {
    write(tx, { table, scope: ALICE, cells: [1n, "flushed"] });
    write(tx, { table, scope: ALICE, cells: [2n, "flushed, then deleted"] });
    write(tx, { table, scope: BOB, cells: [1n, "bob's"] });
  });
  await flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position });
  await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [2n, "gone"], deleted: true }));
  const queries = createQueryRunner(pool, noStreams);
  const plan = keyLookupPlan(table, 3);
  const { rows, position } = await queries.cells({ plan, slots: [1n, 2n, 3n, "alice"] }, undefined);
  const found = rows.map((row) => row.slice(1)).sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1));
  expect(found).toEqual([
    [false, 1n, "flushed"],
    [true, 2n, "gone"],
  ]);
  expect(position).toBe(writer.position);
  expect(await queries.json({ plan, slots: [1n, 2n, 3n, "eve"] }, undefined)).toEqual({ rowsJson: "[]", rowCount: 0 });
});
