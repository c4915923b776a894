// What one look of the round over all scopes may cost, and that every round comes past every scope.
import { expect, test } from "bun:test";
import { parseUserId, type Scope, scopeOfUser, type TableId, tableIdOf } from "../../src/base/ids.ts";
import { AgedDeletes, MAX_SCOPES_A_LOOK, ROUND_MS } from "../../src/jobs/aged-deletes.ts";
import { definition } from "../storage/open-test-store.ts";

interface Fixture {
  readonly aged: AgedDeletes;
  /** Of each turn of the event loop, the scopes looked at. */
  readonly turns: number[];
  readonly looked: Set<string>;
  nowMs: number;
}

function over(scopesByTable: ReadonlyMap<TableId, readonly Scope[]>, due: ReadonlySet<string>): Fixture {
  const turns: number[] = [];
  const looked = new Set<string>();
  let isSameTurn = false;
  const tables = [...scopesByTable.keys()].map((id) => ({
    ...definition(`t${id}`),
    id,
    version: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
  }));
  const fixture: Fixture = {
    turns,
    looked,
    nowMs: 0,
    aged: new AgedDeletes({
      clock: { nowMs: () => fixture.nowMs, monotonicMs: () => fixture.nowMs },
      catalog: { tables: () => tables, flushedScopes: (table) => scopesByTable.get(table) ?? [] },
      compaction: {
        isDue: (table, scope) => {
          if (!isSameTurn) {
            turns.push(0);
            isSameTurn = true;
            setImmediate(() => {
              isSameTurn = false;
            });
          }
          turns.push((turns.pop() ?? 0) + 1);
          looked.add(`${table} ${scope}`);
          return due.has(`${table} ${scope}`);
        },
      },
    }),
  };
  return fixture;
}

function scopes(count: number): Scope[] {
  return Array.from({ length: count }, (_unused, index) => scopeOfUser(parseUserId(`user-${index}`)));
}

const running = new AbortController().signal;

test("ST-04 ST-08 a look at 100,000 scopes is cut into bounded parts, and the round comes past each of them", async () => {
  const table = tableIdOf(1);
  const it = over(new Map([[table, scopes(100_000)]]), new Set([`${table} user-99999`]));
  const found: TableId[] = [];
  let looks = 0;
  while (found.length === 0 && looks < 100) {
    const before = it.looked.size;
    found.push(...(await it.aged.look(running)));
    expect(it.looked.size - before).toBeLessThanOrEqual(MAX_SCOPES_A_LOOK);
    looks += 1;
  }
  expect([found, it.looked.size]).toEqual([[table], 100_000]);
  expect(Math.max(...it.turns)).toBeLessThanOrEqual(100);
});

test("ST-04 a table found is found once a round, the others are looked at all the same, and the next round begins an hour after this one", async () => {
  const [one, two, three] = [tableIdOf(1), tableIdOf(2), tableIdOf(3)];
  const all = new Map([one, two, three].map((id) => [id, scopes(4)]));
  const it = over(all, new Set([`${one} user-0`, `${one} user-2`, `${three} user-3`]));
  expect(new Set(await it.aged.look(running))).toEqual(new Set([one, three]));
  expect([...it.looked].filter((text) => text.startsWith(`${two} `)).length).toBe(4);
  it.nowMs = ROUND_MS - 1;
  expect(await it.aged.look(running)).toEqual([]);
  it.nowMs = ROUND_MS;
  expect(new Set(await it.aged.look(running))).toEqual(new Set([one, three]));
});

test("ST-04 looks at once are one, and a stop ends it", async () => {
  const table = tableIdOf(1);
  const it = over(new Map([[table, scopes(1_000)]]), new Set([`${table} user-999`]));
  const stopping = new AbortController();
  const [first, second] = [it.aged.look(stopping.signal), it.aged.look(stopping.signal)];
  stopping.abort();
  expect([await first, await second, it.looked.size]).toEqual([[], [], 0]);
});
