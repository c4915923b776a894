// Any writes by several users at once, by key and by filter, with flushes in between, through a real server: what each statement says it did, put in the
// order of `_seq`, is a history that one writer alone could have made, and its end is what a SELECT finds.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type SqlReply, startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

setDefaultTimeout(600_000);

type Op =
  | { readonly kind: "insert" | "upsert"; readonly id: number; readonly room: string; readonly by: number }
  | { readonly kind: "updateKey"; readonly id: number; readonly by: number }
  | { readonly kind: "updateFilter"; readonly room: string; readonly by: number }
  | { readonly kind: "move"; readonly id: number; readonly room: string }
  | { readonly kind: "deleteKey"; readonly id: number }
  | { readonly kind: "deleteFilter"; readonly room: string }
  | { readonly kind: "flush" };

interface Step {
  readonly user: number;
  readonly op: Op;
}

interface Row {
  readonly id: number;
  readonly room: string;
  readonly n: number;
  readonly seq: bigint;
}

const USERS = ["ann", "bob", "cyd"];
const id = fc.integer({ min: 0, max: 5 });
const room = fc.constantFrom("a", "b");
const by = fc.integer({ min: 1, max: 9 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("insert" as const), id, room, by }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("upsert" as const), id, room, by }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("updateKey" as const), id, by }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("updateFilter" as const), room, by }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("move" as const), id, room }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteKey" as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteFilter" as const), room }) },
  { weight: 2, arbitrary: fc.constant({ kind: "flush" } as const) },
);
const step = fc.record({ user: fc.nat({ max: USERS.length - 1 }), op });
/** The steps of a round run at once. */
const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });

let server: TestServer;
let users: TestUser[];
let tables = 0;
beforeAll(async () => {
  server = await startTestServer({ "flush.segment_rows": 3, "storage.durability": "normal" });
  await server.root.sql("CREATE NAMESPACE app");
  users = await Promise.all(USERS.map((name) => server.user(name, "service")));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const RETURNING = "RETURNING id, room, n, _seq";

function sqlOf(op: Op, table: string): string {
  switch (op.kind) {
    case "insert":
      return `INSERT INTO ${table} VALUES (${op.id}, '${op.room}', ${op.by}) ${RETURNING}`;
    case "upsert":
      return `INSERT INTO ${table} AS t VALUES (${op.id}, '${op.room}', ${op.by}) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n ${RETURNING}`;
    case "updateKey":
      return `UPDATE ${table} SET n = n + ${op.by} WHERE id = ${op.id} ${RETURNING}`;
    case "updateFilter":
      return `UPDATE ${table} SET n = n + ${op.by} WHERE room = '${op.room}' ${RETURNING}`;
    case "move":
      return `UPDATE ${table} SET room = '${op.room}', n = n + 1 WHERE id = ${op.id} ${RETURNING}`;
    case "deleteKey":
      return `DELETE FROM ${table} WHERE id = ${op.id} ${RETURNING}`;
    case "deleteFilter":
      return `DELETE FROM ${table} WHERE room = '${op.room}' ${RETURNING}`;
    case "flush":
      return `STORAGE FLUSH TABLE ${table}`;
  }
}

interface Event {
  readonly scope: string;
  readonly op: Op;
  readonly statement: number;
  /** As the statement returned it: the new version, or the one that a DELETE removed. */
  readonly row: Row;
}

function isDelete(op: Op): boolean {
  return op.kind === "deleteKey" || op.kind === "deleteFilter";
}

const rowOf = ([key, at, n, seq]: readonly unknown[]): Row => ({
  id: Number(key),
  room: String(at),
  n: Number(n),
  seq: BigInt(String(seq)),
});

/** A DELETE returns the version it removed, so it comes right after that. */
function inOrder(events: readonly Event[]): Event[] {
  return events.toSorted((a, b) => {
    if (a.row.seq !== b.row.seq) return a.row.seq < b.row.seq ? -1 : 1;
    return Number(isDelete(a.op)) - Number(isDelete(b.op));
  });
}

type Model = Map<string, Map<number, Row>>;

function scopeRows(model: Model, scope: string): Map<number, Row> {
  const rows = model.get(scope) ?? new Map<number, Row>();
  model.set(scope, rows);
  return rows;
}

/** What one writer would have made of the row; undefined: it could not have done this. */
function expected(op: Op, old: Row | undefined): Pick<Row, "room" | "n"> | undefined {
  switch (op.kind) {
    case "insert":
      return old === undefined ? { room: op.room, n: op.by } : undefined;
    case "upsert":
      return { room: old?.room ?? op.room, n: (old?.n ?? 0) + op.by };
    case "updateKey":
      return old && { room: old.room, n: old.n + op.by };
    case "updateFilter":
      return old?.room === op.room ? { room: old.room, n: old.n + op.by } : undefined;
    case "move":
      return old && { room: op.room, n: old.n + 1 };
    case "deleteKey":
      return old && { room: old.room, n: old.n };
    case "deleteFilter":
      return old?.room === op.room ? { room: old.room, n: old.n } : undefined;
    case "flush":
      return undefined;
  }
}

function replay(model: Model, events: readonly Event[]): void {
  for (const { scope, op, row } of inOrder(events)) {
    const rows = scopeRows(model, scope);
    const old = rows.get(row.id);
    const { room: at, n } = row;
    expect({ op, old, made: { room: at, n } }).toEqual({
      op,
      old,
      made: expected(op, old) ?? { room: "impossible", n: -1 },
    });
    if (!isDelete(op)) rows.set(row.id, row);
    else {
      expect(row.seq).toBe(old?.seq ?? -1n);
      rows.delete(row.id);
    }
  }
}

/** A statement's versions follow each other with none of another statement between. */
function assertUnbroken(events: readonly Event[]): void {
  const written = inOrder(events).filter(({ op }) => !isDelete(op));
  const runs = written.filter(({ statement }, index) => written[index - 1]?.statement !== statement);
  expect(runs).toHaveLength(new Set(written.map(({ statement }) => statement)).size);
}

const FAIR = new Set(["DUPLICATE_KEY"]);

async function runRound(table: string, round: readonly Step[]): Promise<{ step: Step; reply: SqlReply }[]> {
  return Promise.all(
    round.map(async (one) => {
      const user = users[one.user];
      if (user === undefined) throw new Error("no such user");
      return { step: one, reply: await user.send(sqlOf(one.op, table)) };
    }),
  );
}

/** Alone, a statement by filter reaches every row that matches. */
function assertReachedAll(
  model: Model,
  one: { readonly scope: string; readonly op: Op; readonly rows: readonly Row[] },
): void {
  const { op } = one;
  if (op.kind !== "updateFilter" && op.kind !== "deleteFilter") return;
  const matching = [...scopeRows(model, one.scope).values()].filter((row) => row.room === op.room);
  expect(new Set(one.rows.map((row) => row.id))).toEqual(new Set(matching.map((row) => row.id)));
  expect(one.rows).toHaveLength(matching.length);
}

test.each([
  ["USER", (user: number): string => USERS[user] ?? ""],
  ["SHARED", (): string => "all"],
])("ST-05 TB-03 concurrent writes on a %s table are a history of one writer", async (kind, scopeOf) => {
  await fc.assert(
    fc.asyncProperty(rounds, async (history) => {
      tables += 1;
      const table = `app.t${tables}`;
      await server.root.sql(`CREATE ${kind} TABLE ${table} (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
      const model: Model = new Map();
      let statements = 0;
      for (const round of history) {
        const outcomes = await runRound(table, round);
        const events = outcomes.flatMap(({ step: { user, op: done }, reply }): Event[] => {
          statements += 1;
          if (reply.status === "error") {
            expect({
              sql: sqlOf(done, table),
              reason: reply.error?.reason,
              fair: FAIR.has(reply.error?.reason ?? ""),
            }).toMatchObject({ fair: true });
            return [];
          }
          const rows = (reply.results[0]?.rows ?? []).map(rowOf);
          if (round.length === 1) assertReachedAll(model, { scope: scopeOf(user), op: done, rows });
          return rows.map((row) => ({ scope: scopeOf(user), op: done, statement: statements, row }));
        });
        assertUnbroken(events);
        replay(model, events);
      }
      for (const [index, user] of users.entries()) {
        const found = (await user.rows(`SELECT id, room, n, _seq FROM ${table} ORDER BY id`)).map(rowOf);
        const modelled = [...scopeRows(model, scopeOf(index)).values()].toSorted((a, b) => a.id - b.id);
        expect(found).toEqual(modelled);
      }
      await server.root.sql(`DROP TABLE ${table}`);
    }),
    { numRuns: 60 },
  );
});
