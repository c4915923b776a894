import { expect, test } from "bun:test";
import { failureOf } from "../storage/open-test-store.ts";
import { openEngine } from "./engine-fixture.ts";

test("ST-05 a generated key that was flushed is taken; its row is read, changed and deleted as a buffered one", async () => {
  await using engine = await openEngine();
  await engine.run("CREATE SHARED TABLE notes (id BIGINT PRIMARY KEY DEFAULT SNOWFLAKE_ID(), body TEXT)");
  const [made] = await engine.rows("INSERT INTO notes (body) VALUES ('first'), ('second') RETURNING id");
  const id = String(made?.[0]);
  await engine.flush("app", "notes");
  const failure = await failureOf(engine.run(`INSERT INTO notes (id, body) VALUES (${id}, 'again')`));
  expect(failure).toMatchObject({ error: { code: "DUPLICATE_KEY" } });
  expect(await engine.rows("INSERT INTO notes (body) VALUES ('third') RETURNING body")).toEqual([["third"]]);
  expect(await engine.rows("UPDATE notes SET body = 'changed' WHERE body = 'first' RETURNING id")).toEqual([[id]]);
  expect(await engine.rows("SELECT body FROM notes WHERE body <> 'first'")).toEqual([
    ["changed"],
    ["second"],
    ["third"],
  ]);
  await engine.flush("app", "notes");
  expect(await engine.rows("SELECT count(*) AS n FROM notes WHERE body = 'first'")).toEqual([["0"]]);
  expect(await engine.rows(`DELETE FROM notes WHERE id = ${id} RETURNING body`)).toEqual([["changed"]]);
  await engine.flush("app", "notes");
  expect(await engine.rows("SELECT body FROM notes")).toEqual([["second"], ["third"]]);
  await engine.run(`INSERT INTO notes (id, body) VALUES (${id}, 'back')`);
  expect(await engine.rows(`SELECT body FROM notes WHERE id = ${id}`)).toEqual([["back"]]);
});

test.each([
  ["TEXT", "'b'"],
  ["INT", "2"],
  ["UUID", "'0190163d-8694-739b-aea5-966c26f8ad91'"],
])("ST-05 a flushed %s key is found again", async (type, key) => {
  await using engine = await openEngine();
  await engine.run(`CREATE USER TABLE keyed (id ${type} PRIMARY KEY, n INT)`);
  await engine.run(`INSERT INTO keyed VALUES (${key}, 1)`);
  await engine.flush("app", "keyed");
  const failure = await failureOf(engine.run(`INSERT INTO keyed VALUES (${key}, 2)`));
  expect(failure).toMatchObject({ error: { code: "DUPLICATE_KEY" } });
  await engine.run(`INSERT INTO keyed VALUES (${key}, 5) ON CONFLICT (id) DO UPDATE SET n = keyed.n + excluded.n`);
  expect(await engine.rows("SELECT n FROM keyed")).toEqual([[6]]);
});
