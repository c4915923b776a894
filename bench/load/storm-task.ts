// Thousands of sockets that come back at once.
import type { StormResult, Task } from "./client-tasks.ts";
import { Faults } from "./faults.ts";
import { openSubscribers } from "./subscriber.ts";

/** As many as a listen queue takes: the rest would wait for the kernel to try again, a second at a time, whatever the server does. */
const CONNECTING_AT_ONCE = 400;

export async function runStorm(task: Extract<Task, { readonly kind: "storm" }>): Promise<StormResult> {
  const { target, tokens, sockets, query, resumeFrom, rows } = task;
  const faults = new Faults();
  const told = new Uint32Array(sockets);
  const options = Array.from({ length: sockets }, (_, index) => ({
    target: { ...target, token: tokens[index % tokens.length] ?? target.token },
    protocol: "native" as const,
    queries: [query],
    resumeFrom,
    onRow: () => {
      told[index] = (told[index] ?? 0) + 1;
    },
    faults,
  }));
  const startedAt = performance.now();
  const subscribers = await openSubscribers(options, CONNECTING_AT_ONCE);
  const elapsedMs = performance.now() - startedAt;
  if (target.kind === "server") {
    const wrong = told.filter((count) => count !== rows).length;
    if (wrong > 0) faults.add(`${wrong} of ${sockets} sockets were not told of exactly ${rows} rows`);
  }
  for (const one of subscribers) one.close();
  return { kind: "storm", elapsedMs, faults: faults.list() };
}
