// TB-04: intervals, arrays and time zones over buffered and flushed rows, in live queries, and as an application sees them.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createClient } from "../../src/link/index.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql(
    "DROP TABLE IF EXISTS app.visits; CREATE SHARED TABLE app.visits (id BIGINT PRIMARY KEY, came TIMESTAMPTZ, went TIMESTAMPTZ, tags TEXT, day DATE)",
  );
  await server.root.sql(
    "INSERT INTO app.visits VALUES (1, '2024-03-31 00:30+00', '2024-03-31 03:00+00', 'a,b', '2024-03-31'), (2, '2024-07-01 10:00 Europe/Berlin', '2024-07-02 10:00+00', 'b', '2024-07-01'), (9007199254740993, NULL, NULL, NULL, NULL)",
  );
});

test.each(["buffered", "flushed"])("TB-05 %s rows give the same intervals, arrays and local times", async (where) => {
  const { root } = server;
  if (where === "flushed") await root.job("STORAGE FLUSH TABLE app.visits");
  expect(
    await root.rows(
      "SELECT id, went - came, (came AT TIME ZONE 'Europe/Berlin')::text, string_to_array(tags, ',') FROM app.visits ORDER BY id",
    ),
  ).toEqual([
    ["1", "02:30:00", "2024-03-31 01:30:00", ["a", "b"]],
    ["2", "1 day 02:00:00", "2024-07-01 10:00:00", ["b"]],
    ["9007199254740993", null, null, null],
  ]);
  expect(
    await root.rows(
      "SELECT array_agg(id ORDER BY id DESC), max(went - came), sum(went - came), array_agg(day ORDER BY id) FROM app.visits",
    ),
  ).toEqual([[["9007199254740993", "2", "1"], "1 day 02:00:00", "1 day 04:30:00", [19_813, 19_905, null]]]);
  expect(
    await root.rows(
      "SELECT id FROM app.visits WHERE went - came > '1 day' OR 'a' = ANY (string_to_array(tags, ',')) ORDER BY id",
    ),
  ).toEqual([["1"], ["2"]]);
  expect(await root.rows("SELECT id, unnest(string_to_array(tags, ',')) FROM app.visits ORDER BY id, 2")).toEqual([
    ["1", "a"],
    ["1", "b"],
    ["2", "b"],
  ]);
});

test.each(["json", "msgpack"] as const)("LQ-09 a live query by intervals, zones and arrays, %s", async (format) => {
  await using client = createClient({ url: server.url, auth: { token: server.root.token }, format });
  const live = client.live(
    "SELECT id FROM app.visits WHERE went - came >= INTERVAL '1 day' AND extract(hour FROM came AT TIME ZONE 'Europe/Berlin') = 10 AND string_to_array(tags, ',') && ARRAY['b', 'x']",
  );
  await live.ready;
  const ids = (): string =>
    live
      .rows()
      .map((row) => String(row["id"]))
      .join();
  expect(ids()).toBe("2");
  await server.root.sql(
    "UPDATE app.visits SET came = '2024-03-30 09:00+00', went = '2024-03-31 09:00+00' WHERE id = 1",
  );
  while (ids() !== "1,2") await Bun.sleep(2);
  await server.root.sql("UPDATE app.visits SET tags = 'c' WHERE id = 2");
  while (ids() !== "1") await Bun.sleep(2);
  expect(ids()).toBe("1");
});

test("TB-04 an application gets the values of elements, and the text of intervals", async () => {
  await using client = createClient({ url: server.url, auth: { token: server.root.token } });
  const { rows, columns } = await client.query(
    "SELECT ARRAY[9007199254740993, 1] AS ids, ARRAY[1.5, NULL] AS exact, ARRAY[X'01ff'] AS raw, INTERVAL '90 minutes' AS span, $1::int[] AS given",
    [[1, 2]],
  );
  expect(columns.map(({ type }) => type)).toEqual([
    "Array(BigInt)",
    "Array(Decimal(38,1))",
    "Array(Bytes)",
    "Interval",
    "Array(Int)",
  ]);
  expect(rows).toEqual([
    {
      ids: [9_007_199_254_740_993n, 1n],
      exact: ["1.5", null],
      raw: [new Uint8Array([1, 255])],
      span: "01:30:00",
      given: [1, 2],
    },
  ]);
});

test("TB-12 what has no bound of its own is bounded, and the server lives on", async () => {
  const { root } = server;
  const failure = async (sql: string): Promise<string> => {
    const { error } = await root.send(sql);
    return `${error?.code}: ${error?.message}`;
  };
  expect(await failure("SELECT array_fill(1, ARRAY[2000000000])")).toContain("array size exceeds the maximum allowed");
  expect(await failure("SELECT array_agg(repeat('x', 100000)) FROM generate_series(1, 100)")).toContain("too large");
  expect(await failure("SELECT INTERVAL '1 year' * 1e300")).toContain("interval out of range");
  expect(await failure("SELECT now() + INTERVAL '100000000 years'")).toContain("out of range");
  expect(
    await failure("SELECT count(*) FROM generate_series(now(), now() + INTERVAL '1 day', INTERVAL '0')"),
  ).toContain("step size cannot equal zero");
  expect(await failure("SELECT now() AT TIME ZONE repeat('x', 100000)")).toContain("not recognized");
  expect(await root.rows("SELECT 1")).toEqual([["1"]]);
});
