// Question: does every acknowledged write reach everybody who watches it, once and in order, while tables are flushed, merged and altered, sockets break and the server ends
// and comes back? Not a figure but a verdict; exit code 1 when anything was lost, repeated, misordered or told to the wrong user. The server comes back from the sources as
// they are then: leave them alone meanwhile.
//   bun bench/delivery-soak.ts [--seconds 120] [--users 1000] [--restarts 3] [--seed N]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UNLIMITED } from "./load/side.ts";
import { runSoak } from "./soak/run-soak.ts";

const SHOWN_FAULTS = 50;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    users: { type: "string", default: "1000" },
    restarts: { type: "string", default: "3" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
  },
});

const folder = await mkdtemp(join(tmpdir(), "kalamdb-soak-"));
process.stdout.write(`seed ${values.seed}\n`);
try {
  const { summary, faults } = await runSoak({
    folder,
    seconds: Number(values.seconds),
    users: Number(values.users),
    restarts: Number(values.restarts),
    seed: Number(values.seed),
    env: UNLIMITED,
  });
  const verdict = faults.length === 0 ? ["nothing was lost, repeated or misordered"] : faults.slice(0, SHOWN_FAULTS);
  process.stdout.write(`${[summary, ...verdict].join("\n")}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
