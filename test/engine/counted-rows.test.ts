import { expect, test } from "bun:test";
import { openEngine } from "./engine-fixture.ts";

const LINE = "Main thread: rows of files are counted by the catalog, buffered ones one by one";
const COUNT = "SELECT count(*) + 1 AS n FROM notes";

test.each(["USER", "SHARED"])(
  "ST-05 all rows of a %s table are counted on the main thread while catalog and buffer tell, otherwise by a query process",
  async (kind) => {
    await using engine = await openEngine();
    const asked = async (user: string): Promise<[unknown, boolean]> => {
      const lines = await engine.rows(`EXPLAIN ANALYZE ${COUNT}`, { user });
      const [[count] = []] = await engine.rows(COUNT, { user });
      return [count, lines.some(([line]) => line === LINE)];
    };
    await engine.run(`CREATE ${kind} TABLE notes (id BIGINT PRIMARY KEY, body TEXT)`);
    expect(await asked("ann")).toEqual(["1", true]);
    await engine.run("INSERT INTO notes VALUES (1, 'a'), (2, 'b'), (3, 'c')", { user: "ann" });
    await engine.run("INSERT INTO notes VALUES (10, 'a')", { user: "bob" });
    await engine.flush("app", "notes");
    const others = kind === "SHARED" ? 1 : 0;
    expect(await asked("ann")).toEqual([String(4 + others), true]);
    await engine.run("INSERT INTO notes VALUES (4, 'd'), (5, 'e'); DELETE FROM notes WHERE id = 5", { user: "ann" });
    expect(await asked("ann")).toEqual([String(5 + others), kind === "USER"]);
    expect(await asked("bob")).toEqual([kind === "USER" ? "2" : "6", kind === "USER"]);
    // What it hides is in a file.
    await engine.run("DELETE FROM notes WHERE id = 2", { user: "ann" });
    expect(await asked("ann")).toEqual([String(4 + others), false]);
    // And now a file has its end.
    await engine.flush("app", "notes");
    expect(await asked("ann")).toEqual([String(4 + others), false]);
  },
);

test("ST-05 a count inside a transaction sees what the transaction wrote", async () => {
  await using engine = await openEngine();
  await engine.run("CREATE SHARED TABLE notes (id BIGINT PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'a')");
  await engine.flush("app", "notes");
  const results = await engine.run(`BEGIN; INSERT INTO notes VALUES (2, 'b'); ${COUNT}; ROLLBACK; ${COUNT}`);
  expect(results.flatMap(({ rowsJson }) => rowsJson ?? [])).toEqual(['[["3"]]', '[["2"]]']);
});
