// A limit of time is there to end what hangs. One that a busy machine can reach makes a test that fails for no reason.
import { expect, test } from "bun:test";
import { Glob } from "bun";
import manifest from "../../package.json" with { type: "json" };

const tests = `${import.meta.dir}/..`;
const limitOf = (command: string): number => Number(/--timeout (\d+)/.exec(command)?.[1]);

/** A default of a file, and the last argument of a test. */
const LIMITS = [/setDefaultTimeout\(([\d_]+)\)/g, /^ *\}, ([\d_]+)\);$/gm, /^ *\},\n *([\d_]+),\n *\);$/gm];

test("no test is given less time than the suite gives every test", async () => {
  const suite = limitOf(manifest.scripts.test);
  expect(limitOf(manifest.scripts.check)).toBe(suite);
  const shorter: string[] = [];
  for await (const file of new Glob("**/*.test.ts").scan(tests)) {
    const text = await Bun.file(`${tests}/${file}`).text();
    const limits = LIMITS.flatMap((limit) => [...text.matchAll(limit)]).map(([, ms = ""]) => ms.replaceAll("_", ""));
    shorter.push(...limits.filter((ms) => Number(ms) < suite).map((ms) => `${file}: ${ms}`));
  }
  expect(shorter).toEqual([]);
});
