// How much of the machine went to processes that are none of ours while rounds ran. On a shared machine a figure without this is a guess.
import { readdirSync, readFileSync } from "node:fs";

interface CpuTimes {
  /** Of all processors since boot, in clock ticks; stolen time counts as busy, for it is not ours. */
  readonly busy: number;
  readonly total: number;
  /** Of this process and all below it, those that have ended included. */
  readonly own: number;
}

export class NoiseMeter {
  #started: CpuTimes | undefined;
  #others = 0;
  #total = 0;

  begin(): void {
    this.#started = readCpuTimes();
  }

  end(): void {
    const before = this.#started;
    const after = readCpuTimes();
    if (before === undefined || after === undefined) return;
    this.#others += Math.max(0, after.busy - before.busy - (after.own - before.own));
    this.#total += after.total - before.total;
  }

  /** Part of the machine, 0 to 1. Undefined: not known here. */
  othersShare(): number | undefined {
    return this.#total === 0 ? undefined : this.#others / this.#total;
  }
}

function readCpuTimes(): CpuTimes | undefined {
  try {
    const line = readFileSync("/proc/stat", "latin1").split("\n", 1)[0] ?? "";
    const fields = line.trim().split(/\s+/).slice(1).map(Number);
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = fields;
    const busy = user + nice + system + irq + soft + steal;
    return { busy, total: busy + idle + wait, own: familyTicks(process.pid) };
  } catch {
    // Not Linux: the share of others stays unknown.
    return undefined;
  }
}

/** utime, stime and the same of children that were waited for: fields 14 to 17, counted after the command's name. */
const TIME_FIELDS = [11, 12, 13, 14] as const;

function familyTicks(pid: number): number {
  let ticks = 0;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    for (const field of TIME_FIELDS) ticks += Number(fields[field]);
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean);
      for (const child of children) ticks += familyTicks(Number(child));
    }
  } catch {
    // A process or thread that ended while it was read; its parent counts it.
  }
  return ticks;
}
