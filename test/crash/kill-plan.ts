// Where a server under test ends itself: at the n-th time that it comes to a named step after its folder was armed. Shared by the threads of that process.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ARMED = "armed-for-a-crash";
const LATER = "clock-moved-on";
const HOUR_MS = 3_600_000;

/** From here on the steps count. */
export function arm(folder: string): void {
  writeFileSync(join(folder, ARMED), "");
}

/** Lets every grace of the server pass. */
export function moveClock(folder: string): void {
  writeFileSync(join(folder, LATER), "");
}

export function clockOffsetMs(folder: string): number {
  return existsSync(join(folder, LATER)) ? HOUR_MS : 0;
}

/** Called with the name of each step of the thread; the plan is in the environment: `CRASH_STEP`, `CRASH_HIT`. */
export function killer(): (step: string) => void {
  const folder = process.env["CRASH_FOLDER"] ?? "";
  const wanted = process.env["CRASH_STEP"] ?? "";
  const atHit = Number(process.env["CRASH_HIT"] ?? "1");
  let hits = 0;
  return (step) => {
    if (step !== wanted || !existsSync(join(folder, ARMED))) return;
    hits += 1;
    if (hits === atHit) process.kill(process.pid, "SIGKILL");
  };
}
