// TB-04: a value of any type is the same value wherever it is read: buffered and flushed, over HTTP, and in a live query in JSON and MessagePack.
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { createClient } from "../../src/link/index.ts";
import type { Cell, SqlType } from "../../src/model/sql-type.ts";
import { cellToJson, TYPES, typeText } from "../../src/model/types.ts";
import { ALL_TYPES, cellOf } from "../storage/cold/arbitrary.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

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

async function liveRows(table: string, format: "json" | "msgpack"): Promise<unknown> {
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
        const texts = cells.map((cell, index) => written(cell, ALL_TYPES[index] ?? { kind: "text" }));
        await server.root.sql(`INSERT INTO ${table} (id, ${names}) VALUES ($1, ${slots})`, [id, ...texts]);
      }
      const expected = rows.map((cells) =>
        cells.map((cell, index): unknown => JSON.parse(cellToJson(cell, ALL_TYPES[index] ?? { kind: "text" }))),
      );
      const query = `SELECT ${names} FROM ${table} ORDER BY id`;
      expect(await server.root.rows(query)).toEqual(expected);
      const buffered = await liveRows(table, "json");
      expect(await liveRows(table, "msgpack")).toEqual(buffered);
      await server.root.sql(`STORAGE FLUSH TABLE ${table}`);
      expect(await server.root.rows(query)).toEqual(expected);
      expect(await liveRows(table, "json")).toEqual(buffered);
      expect(await liveRows(table, "msgpack")).toEqual(buffered);
      await server.root.sql(`DROP TABLE ${table}`);
    }),
    { numRuns: 12 },
  );
}, 60_000);
