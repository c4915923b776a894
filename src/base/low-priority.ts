import { getPriority, setPriority } from "node:os";

/** Gives a thread a third of the share of one that stays, when both want a core, and all of it otherwise. */
const NICER_BY = 5;
const NICEST = 19;

/** Of the calling thread and those it starts from then on: for work that may take a while, beside threads that everybody waits for. */
export function lowerPriority(): void {
  // Elsewhere a priority is the whole process's.
  if (process.platform !== "linux") return;
  try {
    setPriority(0, Math.min(NICEST, getPriority(0) + NICER_BY));
  } catch {
    // Where the system does not let a process say so, all threads are equal.
  }
}
