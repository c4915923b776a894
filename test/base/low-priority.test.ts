import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { openQueryFixture, textRequest } from "../engine/query/query-fixture.ts";

const MODULE = join(import.meta.dir, "../../src/base/low-priority.ts");

async function run(program: string): Promise<string> {
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text.trim();
}

test.skipIf(process.platform !== "linux")(
  "ST-12 a thread that steps back leaves the others where they are",
  async () => {
    const threads = await run(`
    import { readdirSync, readFileSync } from "node:fs";
    const worker = new Worker("data:text/javascript," + encodeURIComponent(
      'import(${JSON.stringify(MODULE)}).then(({ lowerPriority }) => { lowerPriority(); lowerPriority(); postMessage("done"); })'));
    await new Promise((resolve) => { worker.onmessage = resolve; });
    const nice = (id) => Number(readFileSync("/proc/self/task/" + id + "/stat", "utf8").split(") ")[1].split(" ")[16]);
    console.log(JSON.stringify({ main: nice(process.pid), all: readdirSync("/proc/self/task").map(nice) }));
    process.exit(0);
  `);
    const { main, all }: { main: number; all: number[] } = JSON.parse(threads);
    const usual = getPriority(0);
    expect(main).toBe(usual);
    expect(all).toContain(Math.min(19, usual + 10));
  },
);

test.skipIf(process.platform !== "linux")("ST-12 what is at the bottom already stays there", async () => {
  const text = await run(`
    import { setPriority, getPriority } from "node:os";
    import { lowerPriority } from ${JSON.stringify(MODULE)};
    setPriority(0, 18);
    lowerPriority();
    lowerPriority();
    console.log(getPriority(0));
  `);
  expect(text).toBe("19");
});

test.skipIf(process.platform !== "linux")("ST-12 query processes step back for the main thread", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  await fixture.pool.run(textRequest("SELECT '1'"));
  // The one that answered; before it there may be one that is starting.
  const pid = fixture.pool.pids.at(-1);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [, fields = ""] = stat.split(") ");
  expect(Number(fields.split(" ")[16])).toBe(Math.min(19, getPriority(0) + 5));
});
