// Every requirement of an area has a test that names it.
import { expect, test } from "bun:test";

/** How many requirements each area has, numbered from 01. */
const AREAS = { LQ: 20, TB: 14, ST: 12, AU: 6 } as const;
const IDS = Object.entries(AREAS).flatMap(([area, count]) =>
  Array.from({ length: count }, (_unused, index) => `${area}-${String(index + 1).padStart(2, "0")}`),
);

/** Live queries over joins, aggregates and windows are refused by name (specs/live-queries.md): there is nothing to test but the refusal. */
const NOT_OFFERED: readonly string[] = ["LQ-18"];

const root = new URL("../", import.meta.url).pathname;

/** Ids in the names that tests and groups of tests have; those in comments are no promise. */
async function namedIds(): Promise<ReadonlyMap<string, readonly string[]>> {
  const filesById = new Map<string, string[]>();
  for (const file of new Bun.Glob("**/*.test.ts").scanSync(root)) {
    const source = await Bun.file(root + file).text();
    for (const [, , name = ""] of source.matchAll(
      /(?:^|[\s([,])(["'`])([^"'`\n]*\b(?:LQ|TB|ST|AU)-\d\d\b[^"'`\n]*)/gm,
    )) {
      if (/^\s*\/\//.test(name)) continue;
      for (const [id] of name.matchAll(/\b(?:LQ|TB|ST|AU)-\d\d\b/g))
        filesById.set(id, [...(filesById.get(id) ?? []), file]);
    }
  }
  return filesById;
}

test("every requirement is named by a test, and no test names one that there is not", async () => {
  const named = await namedIds();
  expect(IDS.filter((id) => !named.has(id) && !NOT_OFFERED.includes(id))).toEqual([]);
  expect([...named].filter(([id]) => !IDS.includes(id))).toEqual([]);
});
