// What goes on beside the writers of a soak: flushes, merges, columns that come and go. A server that is away refuses all of it, which is no fault.
import type { SoakServer } from "./soak-server.ts";

export interface UpkeepOptions {
  readonly isOver: () => boolean;
  readonly random: () => number;
}

const ROUND_MS = 3_000;
const TABLES = ["soak.own", "soak.room"] as const;

/** Resolves with what was done, in words. */
export async function upkeepOf(server: SoakServer, { isOver, random }: UpkeepOptions): Promise<string> {
  const done = new Map<string, number>();
  const extra = new Map<string, string>();
  const run = async (what: string, sql: string): Promise<boolean> => {
    try {
      await server.root.sql(sql);
      done.set(what, (done.get(what) ?? 0) + 1);
      return true;
    } catch {
      done.set(`${what} refused`, (done.get(`${what} refused`) ?? 0) + 1);
      return false;
    }
  };
  for (let round = 0; !isOver(); round += 1) {
    const table = TABLES[round % TABLES.length] ?? "soak.own";
    await run("flush", `STORAGE FLUSH TABLE ${table}`);
    const column = extra.get(table);
    if (column === undefined) {
      const name = `extra_${round}`;
      if (await run("column added", `ALTER TABLE ${table} ADD COLUMN ${name} TEXT DEFAULT 'x'`)) extra.set(table, name);
    } else if (await run("column dropped", `ALTER TABLE ${table} DROP COLUMN ${column}`)) extra.delete(table);
    if (round % 5 === 4) await run("merge", `STORAGE COMPACT TABLE ${table}`);
    await Bun.sleep(ROUND_MS * (0.5 + random()));
  }
  return [...done].map(([what, count]) => `${count} × ${what}`).join(", ");
}
