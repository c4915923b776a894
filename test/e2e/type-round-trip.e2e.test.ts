// TB-04: a value of any type is the same value wherever it is read: buffered and flushed, over HTTP, and in a live query in JSON and MessagePack.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { createClient, type Row, type Value } from "../../src/link/index.ts";
import type { Cell, SqlType } from "../../src/model/sql-type.ts";
import { cellToJson, TYPES, typeText } from "../../src/model/types.ts";
import { ALL_TYPES, cellOf } from "../storage/cold/arbitrary.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(600_000);

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
});

afterAll(() => server[Symbol.asyncDispose]());

const YEAR_1_US = -62_135_596_800_000_000n;
const YEAR_9999_US = 253_402_300_799_999_999n;

/** Years that a text without BC and of four digits can say. */
function writable(type: SqlType): fc.Arbitrary<Exclude<Cell, null>> {
  if (type.kind === "timestamp" || type.kind === "datetime") return fc.bigInt({ min: YEAR_1_US, max: YEAR_9999_US });
  if (type.kind === "date") return fc.integer({ min: -719_162, max: 2_932_896 });
  return cellOf(type);
}

const ROW = fc.tuple(...ALL_TYPES.map((type) => fc.option(writable(type), { freq: 8 })));

function written(cell: Cell, type: SqlType): string | null {
  return cell === null ? null : TYPES[type.kind].toText(cell, type);
}

function typeAt(index: number): SqlType {
  return ALL_TYPES[index] ?? { kind: "text" };
}

function literal(text: string | null): string {
  return text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;
}

function cellOfValue(value: Value, type: SqlType): Cell {
  if (value === null || value instanceof Uint8Array) return value;
  return TYPES[type.kind].parse(Array.isArray(value) ? JSON.stringify(value) : (value as Exclude<Cell, null>), type);
}

async function liveRows(table: string, format: "json" | "msgpack"): Promise<Omit<Row, "_seq">[]> {
  await using client = createClient({ url: server.url, auth: { token: server.root.token }, format });
  const live = client.live(`SELECT * FROM ${table} WHERE id >= 0 AND (c2 IS NULL OR c2 = c2)`);
  await live.ready;
  return live
    .rows()
    .map(({ _seq, ...row }) => row)
    .toSorted((a, b) => Number(a["id"]) - Number(b["id"]));
}

test("TB-04 every type keeps its values from INSERT to file, wire and live query", async () => {
  let tables = 0;
  const columns = ALL_TYPES.map((type, index) => `c${index} ${typeText(type)}`).join(", ");
  const names = ALL_TYPES.map((_type, index) => `c${index}`).join(", ");
  const slots = ALL_TYPES.map((_type, index) => `$${index + 2}`).join(", ");
  await fc.assert(
    fc.asyncProperty(fc.array(ROW, { minLength: 1, maxLength: 8 }), async (rows) => {
      tables += 1;
      const table = `app.t${tables}`;
      await server.root.sql(`CREATE SHARED TABLE ${table} (id INT PRIMARY KEY, ${columns})`);
      for (const [id, cells] of rows.entries()) {
        const texts = cells.map((cell, index) => written(cell, typeAt(index)));
        // By turns as parameters and as literals.
        if (id % 2 === 0) {
          await server.root.sql(`INSERT INTO ${table} (id, ${names}) VALUES ($1, ${slots})`, [id, ...texts]);
        } else {
          await server.root.sql(`INSERT INTO ${table} (id, ${names}) VALUES (${id}, ${texts.map(literal).join(", ")})`);
        }
      }
      const expected = rows.map((cells) =>
        cells.map((cell, index): unknown => JSON.parse(cellToJson(cell, typeAt(index)))),
      );
      const query = `SELECT ${names} FROM ${table} ORDER BY id`;
      expect(await server.root.rows(query)).toEqual(expected);
      const buffered = await liveRows(table, "json");
      // What the client library makes of a value means the same value.
      expect(
        buffered.map((row) => ALL_TYPES.map((type, index) => cellOfValue(row[`c${index}`] ?? null, type))),
      ).toEqual(rows.map((cells) => [...cells]));
      expect(await liveRows(table, "msgpack")).toEqual(buffered);
      await server.root.job(`STORAGE FLUSH TABLE ${table}`);
      expect(await server.root.rows(query)).toEqual(expected);
      expect(await liveRows(table, "json")).toEqual(buffered);
      expect(await liveRows(table, "msgpack")).toEqual(buffered);
      await server.root.sql(`DROP TABLE ${table}`);
    }),
    { numRuns: 12 },
  );
});

/** Types that `=` compares. */
const COMPARED = ALL_TYPES.flatMap((type, index) =>
  ["json", "embedding"].includes(type.kind) ? [] : [{ type, index }],
);

test("TB-04 LQ-09 a live filter on a value of any type finds the rows that SQL finds, as they are written", async () => {
  let tables = 0;
  const columns = ALL_TYPES.map((type, index) => `c${index} ${typeText(type)}`).join(", ");
  const slots = ALL_TYPES.map((_type, index) => `$${index + 2}`).join(", ");
  await fc.assert(
    fc.asyncProperty(fc.array(ROW, { minLength: 2, maxLength: 4 }), fc.nat(), async (rows, pick) => {
      tables += 1;
      const table = `app.filtered${tables}`;
      await server.root.sql(`CREATE SHARED TABLE ${table} (id INT PRIMARY KEY, ${columns})`);
      await using client = createClient({ url: server.url, auth: { token: server.root.token } });
      const wanted = rows[pick % rows.length] ?? [];
      const queries = COMPARED.flatMap(({ type, index }) => {
        const value = written(wanted[index] ?? null, type);
        return value === null ? [] : [{ sql: `SELECT id FROM ${table} WHERE c${index} = $1`, params: [value] }];
      });
      // Nothing is there yet: what comes is found by the compiled predicate, not by SQLite.
      const live = queries.map(({ sql, params }) => client.live(sql, { params }));
      await Promise.all(live.map(({ ready }) => ready));
      const values = (at: number): (string | null)[] =>
        (rows[at] ?? []).map((cell, index) => written(cell, typeAt(index)));
      for (const id of rows.keys()) {
        await server.root.sql(`INSERT INTO ${table} VALUES ($1, ${slots})`, [id, ...values(id)]);
      }
      const last = await client.query(`INSERT INTO ${table} (id) VALUES (1000)`);
      expect(last.rowCount).toBe(1);
      for (const [index, { sql, params }] of queries.entries()) {
        const { rows: found } = await client.query(sql, params);
        const ids = found.map(({ id }) => Number(id)).toSorted((a, b) => a - b);
        expect(ids.length).toBeGreaterThan(0);
        const shown = (): number[] => (live[index]?.rows() ?? []).map(({ id }) => Number(id)).toSorted((a, b) => a - b);
        const told = (): string => JSON.stringify({ sql, params, shown: shown(), ids });
        await until(() => Bun.deepEquals(shown(), ids), told);
      }
    }),
    { numRuns: 6 },
  );
});
