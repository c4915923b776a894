// The process that is killed: writes pairs of rows as fast as it can and prints `<pair> <seq of the first row>` for each one that was
// acknowledged. Arguments: data folder, first pair number, then optionally a failpoint and at which of its hits to end the process.
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { openStore } from "../../src/storage/store.ts";
import { ALICE, CHAT, definition } from "../storage/open-test-store.ts";

/** Works in flight at once: what one turn commits. */
const WIDTH = 8;
const [dataDir = "", first = "0", failpointName, atHit = "1"] = process.argv.slice(2);

let hits = 0;
let isArmed = false;
const store = openStore({
  dataDir,
  durability: "full",
  clock: systemClock,
  log: silentLog,
  failpoint: (name) => {
    if (!isArmed || name !== failpointName) return;
    hits += 1;
    if (hits === Number(atHit)) process.kill(process.pid, "SIGKILL");
  },
});
const { value: table } = await store.writer.submit((tx) => {
  if (tx.catalog.namespace(CHAT) === undefined) tx.createNamespace(CHAT);
  return tx.catalog.table(CHAT, "pairs") ?? tx.createTable(definition("pairs"));
});
isArmed = true;

for (let next = Number(first); ; next += WIDTH) {
  const works = Array.from({ length: WIDTH }, (_, index) => {
    const pair = next + index;
    return store.writer.submit((tx) => {
      const insert = (id: number) =>
        tx.put(table, ALICE, [BigInt(id), `pair ${pair} ${"x".repeat(pair % 500)}`], {
          deleted: false,
          before: undefined,
        });
      const row = insert(2 * pair);
      insert(2 * pair + 1);
      return { pair, seq: row.seq };
    });
  });
  const lines = (await Promise.all(works)).map(({ value }) => `${value.pair} ${value.seq}\n`);
  // Synchronous: a line that the parent counts on must have left the process.
  writeSync(1, lines.join(""));
}
