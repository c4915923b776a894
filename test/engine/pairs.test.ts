// Every pair of what may happen to a table at the same time: A is under way and has read all it goes by, then B is committed, then A goes on. The rows are those of B and
// then A, or A says that it did not happen and they are those of B; nothing of it depends on where rows lie, nor on what is removed later.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { COMMITS, type Operation } from "./pairs-commits.ts";
import {
  addedColumn,
  BEFORE,
  cleanedUp,
  deleted,
  dropped,
  emptied,
  inserted,
  type Model,
  Refused,
  type Row,
  type Step,
  setNotNull,
  updated,
} from "./pairs-model.ts";
import { openWorld, rowOf, type World } from "./pairs-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface First {
  readonly run: Operation;
  /** Where its middle is: before it asks the writer, for the so-manieth time, or a query process. */
  readonly middle: number | "read";
  readonly step: Step;
  /** What it writes it found before the middle, so that it may as well have been first: of rows that are not among them nothing is said. */
  readonly isByFilter?: boolean;
  /** What it is refused after, although one after the other both would have worked; whoever asked tries it again. */
  readonly isRefusedAfter?: RegExp;
}

const SELECT = "SELECT * FROM t ORDER BY id";

const FIRST: Readonly<Record<string, First>> = {
  "a flush": {
    run: (w) => w.flushAlice(),
    middle: 0,
    step: (model) => model,
    isRefusedAfter: /whole scope|clean-up|DROP TABLE|flush(?!ed)/,
  },
  "a merge": {
    run: (w) => w.merge(),
    middle: 0,
    step: (model) => model,
    isRefusedAfter: /whole scope|clean-up|DROP TABLE|merge/,
  },
  "TRUNCATE of few rows": { run: (w) => w.alice("TRUNCATE t"), middle: 0, step: emptied, isByFilter: true },
  "TRUNCATE of a whole scope": { run: (w) => w.truncateWhole(), middle: 0, step: emptied },
  "DROP TABLE": { run: (w) => w.root("DROP TABLE t"), middle: 0, step: dropped },
  "ADD COLUMN": {
    run: (w) => w.root("ALTER TABLE t ADD COLUMN late INT DEFAULT 9"),
    middle: 0,
    step: once(addedColumn),
  },
  "SET NOT NULL": { run: (w) => w.root("ALTER TABLE t ALTER COLUMN body SET NOT NULL"), middle: 1, step: setNotNull },
  "the clean-up of the user": { run: (w) => w.cleanUp(), middle: 0, step: cleanedUp },
  "the clean-up of the user, its rows gone": { run: (w) => w.cleanUp(), middle: 1, step: cleanedUp },
  "an INSERT": {
    run: (w) => w.alice("INSERT INTO t (id, n) VALUES (8, 8)"),
    middle: 0,
    step: (model) => inserted(model, 8),
  },
  "an UPDATE of a flushed key": {
    run: (w) => w.alice("UPDATE t SET n = n + 1 WHERE id = 1"),
    middle: 0,
    step: (model) => updated(model, 1, (id) => id === 1),
  },
  "a DELETE of a flushed key": {
    run: (w) => w.alice("DELETE FROM t WHERE id = 2"),
    middle: 0,
    step: (model) => deleted(model, 2),
  },
  "an UPDATE by filter": {
    run: (w) => w.alice("UPDATE t SET n = n + 1 WHERE n > 3"),
    middle: 0,
    step: (model) => updated(model, 1, (id) => Number(model.alice.get(id)?.["n"]) > 3),
    isByFilter: true,
  },
  "an INSERT of a SELECT": {
    run: (w) => w.alice("INSERT INTO t (id, n) SELECT 9, count(*) * 0 + 9 FROM t"),
    middle: "read",
    step: (model) => inserted(model, 9),
  },
  "a transaction": {
    run: (w) => w.alice(`BEGIN; UPDATE t SET n = n + 1 WHERE id = 2; ${SELECT}; DELETE FROM t WHERE id = 5; COMMIT`),
    middle: 1,
    step: (model) =>
      deleted(
        updated(model, 1, (id) => id === 2),
        5,
      ),
  },
};

function once(step: Step): Step {
  return (model) => {
    if (model.columns?.includes("late") === true) throw new Refused();
    return step(model);
  };
}

function after(model: Model, step: Step): Model | undefined {
  try {
    return step(model);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** Undefined: it went well. */
async function codeOf(running: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([running]);
  if (outcome.status === "fulfilled") return undefined;
  const { reason } = outcome;
  return reason?.error?.code ?? reason?.code ?? reason;
}

async function expectRows({ extra: _default, ...expected }: Model): Promise<void> {
  expect(await world.rows()).toEqual(expected);
  if (expected.columns !== undefined) expect(await world.count()).toBe(expected.alice.size);
}

/** Which of the two the rows are; the second when they are neither. */
async function eitherOrder(one: Model | undefined, other: Model): Promise<Model> {
  const { alice } = await world.rows();
  return one !== undefined && Bun.deepEquals(alice, one.alice) ? one : other;
}

describe.each(Object.entries(FIRST))("ST-03 ST-04 ST-05 TB-02 TB-08 TB-09 while %s is under way", (_first, first) => {
  test.each(Object.entries(COMMITS))("%s commits", async (name, [second, secondStep]) => {
    await world.begin();
    const middle = (): Promise<unknown> => second(world);
    if (first.middle === "read") world.beforeRead(middle);
    else world.beforeSubmit(middle, first.middle);
    const code = await codeOf(first.run(world));
    expect(world.hasMiddleCome()).toBe(true);
    const between = secondStep(BEFORE);
    const both = after(between, first.step);
    if (both === undefined)
      expect(String(code)).toMatch(/^(TABLE_NOT_FOUND|COLUMN_NOT_FOUND|ALREADY_EXISTS|NOT_NULL_VIOLATION)$/);
    else if (first.isRefusedAfter?.test(name) === true)
      expect(String(code)).toMatch(/^(WRITE_CONFLICT|TABLE_NOT_FOUND)$/);
    else expect(code).toBeUndefined();
    const expected =
      first.isByFilter === true ? await eitherOrder(both, secondStep(first.step(BEFORE))) : (both ?? between);
    await expectRows(expected);
    expect(await world.bufferedAfterDeath()).toBe(world.buffered());
    // Wherever the rows go from here.
    await world.trimmed();
    await world.flush();
    await world.merge();
    await world.removeReplaced();
    await expectRows(expected);
  });
});

/** The answer is of the moment at which it was read, which is after the other has committed. */
const READS: Readonly<Record<string, (model: Model) => readonly Row[] | undefined>> = {
  [SELECT]: (model) => rowsOf(model),
  "SELECT * FROM t WHERE id = 1": (model) => rowsOf(model, 1),
  "SELECT * FROM t WHERE n > 3 ORDER BY id DESC LIMIT 2": (model) =>
    rowsOf(model)
      ?.filter(({ n }) => Number(n) > 3)
      .toReversed()
      .slice(0, 2),
  "SELECT count(*), sum(n) FROM t WHERE n > 0": (model) => {
    const rows = rowsOf(model);
    const sum = rows?.reduce((total, { n }) => total + Number(n), 0);
    return rows && [{ id: String(rows.length), body: rows.length === 0 ? null : String(sum) }];
  },
};

function rowsOf({ columns, alice }: Model, only?: number): readonly Row[] | undefined {
  if (columns === undefined) return undefined;
  const rows = [...alice].sort(([a], [b]) => a - b).filter(([id]) => only === undefined || id === only);
  return rows.map(([, row]) => ({ ...row }));
}

describe.each(Object.entries(READS))("ST-05 TB-09 while '%s' waits for a query process", (sql, answerOf) => {
  test.each(Object.entries(COMMITS))("%s commits", async (_second, [second, secondStep]) => {
    await world.begin();
    world.beforeRead(() => second(world));
    const between = secondStep(BEFORE);
    const expected = answerOf(between);
    const answer = world.engine.rows(sql, { user: "alice", role: "user" });
    if (expected === undefined) {
      expect(await codeOf(answer)).toBe("TABLE_NOT_FOUND");
      return;
    }
    const columns = sql.includes("count(*)") ? ["id", "body"] : (between.columns ?? []);
    expect((await answer).map((row) => rowOf(columns, row))).toEqual([...expected]);
    expect(world.hasMiddleCome()).toBe(true);
  });
});
