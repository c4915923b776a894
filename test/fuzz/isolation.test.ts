// TB-03, AU-05: generated SQL of every form finds no way to other people's rows; and the fuzzer would see one.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { startTestServer } from "../support/test-server.ts";
import { fuzzIsolation } from "./isolation.ts";
import { createGrammar } from "./sql-grammar.ts";

test("TB-03 AU-05 no generated statement or live query shows or changes anything of another user", async () => {
  await fuzzIsolation({ runs: 400 });
}, 240_000);

test("TB-03 the fuzzer sees a leak: a service, which may act for others, is caught at it", async () => {
  const outcome = await fuzzIsolation({ runs: 400, seed: 1, role: "service" }).then(
    () => "nothing was found",
    (error: unknown) => String(error),
  );
  expect(outcome).toContain("Property failed");
}, 240_000);

test("TB-03 enough of what is generated is SQL that runs: a fuzzer whose statements are all refused proves nothing", async () => {
  const server = await startTestServer({ "query.timeout_ms": 10_000 });
  try {
    await server.root.sql("CREATE NAMESPACE app");
    for (const name of ["notes", "copies"]) {
      await server.root.sql(`CREATE USER TABLE app.${name} (id BIGINT PRIMARY KEY, body TEXT, size INT, email TEXT)`);
    }
    await server.root.sql("CREATE STREAM TABLE app.feed (id BIGINT PRIMARY KEY, body TEXT) WITH (TTL_SECONDS = 3600)");
    await server.root.sql(
      "CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, body TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
    );
    await server.root.sql("CREATE VIEW app.mine AS SELECT id, body, size FROM app.notes");
    const alice = await server.user("alice");
    await alice.sql("INSERT INTO app.notes (id, body) VALUES (1, 'a'), (2, 'b')");
    let ran = 0;
    for (const sql of fc.sample(createGrammar().statement, { numRuns: 300, seed: 7 })) {
      const reply = await alice.send(sql, sql.includes("$1") ? ["x"] : undefined);
      if (reply.status === "success") ran += 1;
    }
    expect(ran).toBeGreaterThan(75);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}, 240_000);
