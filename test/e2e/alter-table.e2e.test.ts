// ALTER TABLE over HTTP: every form on rows that are buffered, flushed, or both, in SHARED and USER tables.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  alice = await server.user("alice", "service");
  bob = await server.user("bob", "service");
});

afterAll(() => server[Symbol.asyncDispose]());

let tables = 0;

const PLACES = ["buffered", "flushed", "half flushed"] as const;
type Place = (typeof PLACES)[number];

/** A table `(id, a INT, b TEXT, f FLOAT, d DECIMAL(6, 2))` with rows 1 and 2, as alice wrote them. */
async function tableOf(kind: "SHARED" | "USER", place: Place): Promise<string> {
  tables += 1;
  const name = `app.t${tables}`;
  const columns = "id BIGINT PRIMARY KEY, a INT, b TEXT, f FLOAT, d DECIMAL(6, 2) DEFAULT 1.25";
  await server.root.sql(`CREATE ${kind} TABLE ${name} (${columns})`);
  await alice.sql(`INSERT INTO ${name} VALUES (1, 10, 'one', 0.1, 1234.56)`);
  if (place === "half flushed") await server.root.job(`STORAGE FLUSH TABLE ${name}`);
  await alice.sql(`INSERT INTO ${name} VALUES (2, NULL, 'two', NULL, NULL)`);
  if (place === "flushed") await server.root.job(`STORAGE FLUSH TABLE ${name}`);
  return name;
}

describe.each(["SHARED", "USER"] as const)("%s table", (kind) => {
  describe.each(PLACES)("with %s rows", (place) => {
    const select = (table: string, columns: string): Promise<readonly (readonly unknown[])[]> =>
      alice.rows(`SELECT ${columns} FROM ${table} ORDER BY id`);

    test.each<[string, string, string, unknown, string]>([
      [
        "ADD COLUMN c INT",
        "ADD COLUMN c INT",
        "id, c",
        [
          ["1", null],
          ["2", null],
        ],
        "no default is NULL",
      ],
      [
        "ADD with a default",
        "ADD c TEXT NOT NULL DEFAULT 'it''s'",
        "c",
        [["it's"], ["it's"]],
        "old rows get the default",
      ],
      ["ADD with CURRENT_USER", "ADD c TEXT DEFAULT CURRENT_USER()", "c", [["alice"], ["alice"]], "evaluated once"],
      ["ADD of BYTES", "ADD c BYTES DEFAULT X'00ff'", "c", [[[0, 255]], [[0, 255]]], "a blob is a constant too"],
      ["ADD of DECIMAL", "ADD c DECIMAL(5, 1) DEFAULT -2.5", "c", [["-2.5"], ["-2.5"]], "stored as sortable text"],
      ["ADD of DOUBLE", "ADD c DOUBLE DEFAULT 3", "c", [[3], [3]], "a whole number in a REAL column"],
      ["DROP COLUMN", "DROP COLUMN b", "*", undefined, ""],
      [
        "DROP, then ADD of the same name",
        "DROP b, ADD b TEXT DEFAULT 'new'",
        "b",
        [["new"], ["new"]],
        "ids are never reused",
      ],
      ["RENAME COLUMN", "RENAME COLUMN b TO label", "label", [["one"], ["two"]], "same id, same values"],
      ["RENAME of the key", "RENAME id TO key", "key FROM_KEY", undefined, ""],
      ["INT to BIGINT", "ALTER COLUMN a TYPE BIGINT", "a", [["10"], [null]], "64-bit integers are text on the wire"],
      ["FLOAT to DOUBLE", "MODIFY f DOUBLE", "f", [[Math.fround(0.1)], [null]], "no digit is invented"],
      ["DECIMAL of more precision", "MODIFY d DECIMAL(20, 2)", "d", [["1234.56"], [null]], ""],
      ["SET NOT NULL", "ALTER b SET NOT NULL", "b", [["one"], ["two"]], "no row is NULL"],
      [
        "several",
        "ADD c INT DEFAULT 7, RENAME a TO n, DROP f",
        "n, c",
        [
          [10, 7],
          [null, 7],
        ],
        "one statement",
      ],
    ])("TB-09 %s", async (_form, action, columns, expected) => {
      const table = await tableOf(kind, place);
      const { message } = await alice.sql(`ALTER TABLE ${table} ${action}`);
      expect(message).toContain("(version 2)");
      if (expected !== undefined) expect<unknown>(await select(table, columns)).toEqual(expected);
      // What was flushed before stays right when everything is.
      await server.root.job(`STORAGE FLUSH TABLE ${table}`);
      if (expected !== undefined) expect<unknown>(await select(table, columns)).toEqual(expected);
    });

    test("TB-09 a dropped column is gone from SELECT *, and cannot be named", async () => {
      const table = await tableOf(kind, place);
      await alice.sql(`ALTER TABLE ${table} DROP COLUMN b`);
      const { schema } = await alice.sql(`SELECT * FROM ${table}`);
      expect(schema?.map(({ name }) => name)).toEqual(["id", "a", "f", "d", "_seq", "_deleted"]);
      expect(await alice.fails(`SELECT b FROM ${table}`)).toMatchObject({ reason: "COLUMN_NOT_FOUND" });
    });

    test("TB-09 a renamed key still finds, updates and guards its rows", async () => {
      const table = await tableOf(kind, place);
      await alice.sql(`ALTER TABLE ${table} RENAME COLUMN id TO number`);
      expect<unknown>(await alice.rows(`SELECT b FROM ${table} WHERE number = 2`)).toEqual([["two"]]);
      await alice.sql(`UPDATE ${table} SET b = 'zwei' WHERE number = 2`);
      expect(await alice.fails(`INSERT INTO ${table} (number) VALUES (1)`)).toMatchObject({ reason: "DUPLICATE_KEY" });
      expect<unknown>(await alice.rows(`SELECT b FROM ${table} ORDER BY number`)).toEqual([["one"], ["zwei"]]);
    });

    test("TB-09 rows written after an ALTER hold the new columns, beside those written before", async () => {
      const table = await tableOf(kind, place);
      await alice.sql(`ALTER TABLE ${table} ADD COLUMN c INT DEFAULT 7`);
      await alice.sql(`ALTER TABLE ${table} ALTER COLUMN c SET DEFAULT 8`);
      await alice.sql(`INSERT INTO ${table} (id) VALUES (3)`);
      await alice.sql(`UPDATE ${table} SET b = 'uno' WHERE id = 1`);
      await alice.sql(`UPDATE ${table} SET c = NULL WHERE id = 2`);
      for (const _state of ["as it is", "flushed"]) {
        expect<unknown>(await select(table, "c")).toEqual([[7], [null], [8]]);
        await server.root.job(`STORAGE FLUSH TABLE ${table}`);
      }
    });

    test("TB-09 SET NOT NULL is refused while a row is NULL, and enforced from then on", async () => {
      const table = await tableOf(kind, place);
      const refusal = await alice.fails(`ALTER TABLE ${table} ALTER COLUMN a SET NOT NULL`);
      expect(refusal).toMatchObject({ reason: "NOT_NULL_VIOLATION" });
      expect(refusal.message).toContain('column "a" of relation');
      await alice.sql(`UPDATE ${table} SET a = 0 WHERE a IS NULL`);
      await alice.sql(`ALTER TABLE ${table} ALTER COLUMN a SET NOT NULL`);
      expect(await alice.fails(`INSERT INTO ${table} (id) VALUES (9)`)).toMatchObject({ reason: "NOT_NULL_VIOLATION" });
    });

    test("TB-09 a row that was deleted may be NULL where NULL is forbidden later", async () => {
      const table = await tableOf(kind, place);
      await alice.sql(`DELETE FROM ${table} WHERE id = 2`);
      const { message } = await alice.sql(`ALTER TABLE ${table} ALTER COLUMN a SET NOT NULL`);
      expect(message).toBe(`Table ${table} altered successfully: ALTER COLUMN a SET NOT NULL (version 2)`);
    });

    test.each([
      ["NOT NULL without a default", "ADD c INT NOT NULL", "NOT_NULL_VIOLATION"],
      ["a default generated for each row", "ADD c BIGINT DEFAULT SNOWFLAKE_ID()", "UNSUPPORTED"],
    ])("TB-09 ADD COLUMN with %s needs a table without rows", async (_what, action, reason) => {
      const table = await tableOf(kind, place);
      expect(await alice.fails(`ALTER TABLE ${table} ${action}`)).toMatchObject({ reason });
      await alice.sql(`DELETE FROM ${table} WHERE true`);
      expect((await alice.sql(`ALTER TABLE ${table} ${action}`)).message).toContain("(version 2)");
    });

    test("TB-09 a statement whose last action fails changes nothing", async () => {
      const table = await tableOf(kind, place);
      await alice.fails(`ALTER TABLE ${table} ADD c INT DEFAULT 7, DROP b, ALTER a SET NOT NULL`);
      expect<unknown>(await select(table, "id, b")).toEqual([
        ["1", "one"],
        ["2", "two"],
      ]);
      expect(await alice.fails(`SELECT c FROM ${table}`)).toMatchObject({ reason: "COLUMN_NOT_FOUND" });
    });
  });
});

test("TB-09 a condition on a USER table is checked for every user's rows", async () => {
  const table = await tableOf("USER", "flushed");
  await alice.sql(`UPDATE ${table} SET a = 1 WHERE a IS NULL`);
  await bob.sql(`INSERT INTO ${table} (id) VALUES (1)`);
  expect(await alice.fails(`ALTER TABLE ${table} ALTER COLUMN a SET NOT NULL`)).toMatchObject({
    reason: "NOT_NULL_VIOLATION",
  });
});

test("TB-09 every effective change is a version; one that changes nothing is none", async () => {
  const table = await tableOf("SHARED", "buffered");
  const name = table.slice("app.".length);
  await alice.sql(`ALTER TABLE ${table} ADD COLUMN c INT`);
  const same = await alice.sql(
    `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS c INT, DROP IF EXISTS z, ALTER c DROP NOT NULL`,
  );
  expect(same.message).toBe(
    `Table ${table} unchanged: ADD COLUMN c INT, DROP COLUMN z, ALTER COLUMN c DROP NOT NULL (version 2 - no changes needed)`,
  );
  await alice.sql(`ALTER TABLE ${table} SET ACCESS LEVEL PUBLIC`);
  const versions = "SELECT schema_version, is_latest, access_level FROM system.schemas";
  expect<unknown>(await server.root.rows(`${versions} WHERE table_name = '${name}' ORDER BY 1`)).toEqual([
    [1, false, "private"],
    [2, false, "private"],
    [3, true, "public"],
  ]);
  const described = async (text: string): Promise<readonly unknown[]> =>
    (await alice.rows(text)).map(([column, , id, , , , , , version]) => [column, id, version]);
  expect((await described(`DESCRIBE TABLE ${table}`)).at(-1)).toEqual(["c", "6", 3]);
  const history = await described(`DESCRIBE TABLE ${table} HISTORY`);
  expect([history.length, history.at(0), history.at(-1)]).toEqual([17, ["id", "1", 3], ["d", "5", 1]]);
});

test.each([
  ["DROP COLUMN id", "INVALID_SQL", "primary key of table"],
  ["ALTER COLUMN id TYPE TEXT", "INVALID_SQL", "cannot be given another type"],
  ["ALTER COLUMN id DROP NOT NULL", "INVALID_SQL", "is in a primary key"],
  ["DROP COLUMN nothing", "COLUMN_NOT_FOUND", 'column "nothing" of relation'],
  ["ADD COLUMN a TEXT", "ALREADY_EXISTS", 'column "a" of relation'],
  ["RENAME a TO b", "ALREADY_EXISTS", 'column "b" of relation'],
  ["ALTER a TYPE TEXT", "UNSUPPORTED", "Changing column 'a' from INT to TEXT"],
  ["ALTER a TYPE SMALLINT", "UNSUPPORTED", "Changing column 'a' from INT to SMALLINT"],
  ["ALTER d TYPE DECIMAL(8, 4)", "UNSUPPORTED", "from DECIMAL(6, 2) to DECIMAL(8, 4)"],
  ["ALTER a SET DEFAULT 'x'", "INVALID_VALUE", "Column 'a' expects INT"],
])("TB-09 %s is refused with %s", async (action, reason, text) => {
  const table = await tableOf("SHARED", "buffered");
  const refusal = await alice.fails(`ALTER TABLE ${table} ${action}`);
  expect(refusal.reason ?? refusal.code).toBe(reason);
  expect(refusal.message).toContain(text);
});

test("TB-09 who may alter what", async () => {
  const plain = await server.user("carol");
  const shared = await tableOf("SHARED", "buffered");
  const own = await tableOf("USER", "buffered");
  expect(await plain.fails(`ALTER TABLE ${shared} ADD c INT`)).toMatchObject({ http: 403 });
  await plain.sql(`ALTER TABLE ${own} ADD c INT`);
  expect((await alice.fails(`ALTER TABLE ${own} SET ACCESS LEVEL PUBLIC`)).message).toContain("SHARED tables only");
  expect((await server.root.fails("ALTER TABLE system.users ADD c INT")).message).toContain(
    "Cannot alter system table 'system.users'",
  );
  expect(await alice.fails("ALTER TABLE app.nothing ADD c INT")).toMatchObject({ reason: "TABLE_NOT_FOUND" });
  expect((await alice.sql("ALTER TABLE IF EXISTS app.nothing ADD c INT")).message).toContain("does not exist");
});

test("TB-09 statements under way when the table changes are planned again", async () => {
  const table = await tableOf("SHARED", "half flushed");
  const inserting = Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      alice.sql(`INSERT INTO ${table} (id, a) VALUES (${100 + index}, ${index})`),
    ),
  );
  // A statement that loses to eight ALTERs in a row says so, and has done nothing.
  const updating = (async (): Promise<number> => {
    let done = 0;
    for (let step = 0; step < 30; step += 1) {
      const reply = await alice.send(`UPDATE ${table} SET a = coalesce(a, 0) + 1 WHERE b IS NOT NULL`);
      expect([undefined, "WRITE_CONFLICT"]).toContain(reply.error?.reason);
      if (reply.status === "success") done += 1;
    }
    return done;
  })();
  const flushing = server.root.job(`STORAGE FLUSH TABLE ${table}`);
  for (let step = 0; step < 20; step += 1) {
    const before = step === 0 ? "" : `, DROP COLUMN x${step - 1}`;
    await alice.sql(`ALTER TABLE ${table} ADD COLUMN x${step} INT DEFAULT ${step}${before}`);
  }
  const [done] = await Promise.all([updating, inserting, flushing]);
  expect(done).toBeGreaterThan(0);
  expect<unknown>(await alice.rows(`SELECT a, x19 FROM ${table} WHERE id <= 2 ORDER BY id`)).toEqual([
    [10 + done, 19],
    [done, 19],
  ]);
  expect<unknown>(await alice.rows(`SELECT count(*), sum(a), min(x19) FROM ${table} WHERE id >= 100`)).toEqual([
    ["200", "19900", 19],
  ]);
});

test("TB-09 ALTER statements sent at once all take effect", async () => {
  const table = await tableOf("SHARED", "buffered");
  const sent = Array.from({ length: 20 }, (_, index) =>
    alice.sql(`ALTER TABLE ${table} ADD COLUMN y${index} INT DEFAULT ${index}`),
  );
  await Promise.all(sent);
  const sum = Array.from({ length: 20 }, (_, index) => `y${index}`).join(" + ");
  expect<unknown>(await alice.rows(`SELECT ${sum} FROM ${table} WHERE id = 1`)).toEqual([[190]]);
});
