// Entry of a query process: this program started again by the pool, read-only, memory-capped, one query at a time. It ends when the server does.
import { assert } from "../../base/errors.ts";
import { IdleSteps } from "../../base/idle-steps.ts";
import { lowerPriority } from "../../base/low-priority.ts";
import { StaleRead } from "../write.ts";
import type { ClearMessage, OpenMessage, ProcessMessage, RunMessage } from "./messages.ts";
import { dieWithParent, limitMemory } from "./process-limits.ts";
import { toFailure } from "./query-failure.ts";
import { type PrepareConnection, QuerySession } from "./query-session.ts";
import { warmingSteps } from "./warm-up.ts";

/** Whoever has just asked may ask again, and would find the process at a step that takes longer than the answer. */
const QUIET_MS = 50;

function send(message: ProcessMessage): void {
  process.send?.(message);
}

/** Serves queries until the channel closes. Must be called in a process that the pool spawned. */
export function runQueryProcess(prepareConnection: PrepareConnection): void {
  // Of a core that both want the main thread has more: it writes, commits and tells everybody of it.
  lowerPriority();
  let session: QuerySession | undefined;
  let warmUp: IdleSteps | undefined;
  process.on("disconnect", () => process.exit(0));
  // A terminal or a service manager signals the whole group; queries end when the server decides, which closes the channel.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("message", (message: OpenMessage | RunMessage | ClearMessage) => {
    if (message.kind === "open") {
      dieWithParent(message.parentPid);
      session = new QuerySession(message, prepareConnection);
      limitMemory(message.memoryLimitBytes);
      send({ kind: "ready" });
      if (message.warmsUp) warmUp = new IdleSteps(warmingSteps());
      warmUp?.resume();
      return;
    }
    assert(session !== undefined, "a process is opened before it is asked");
    if (message.kind === "clear") return send({ kind: "cleared", ...session.clearCaches() });
    warmUp?.pause();
    void answer(session, message).finally(() => warmUp?.resume(QUIET_MS));
  });
}

async function answer(session: QuerySession, message: RunMessage): Promise<void> {
  const { id } = message;
  try {
    const done = await session.run(message, {
      json: (text) => send({ kind: "json", id, text }),
      cells: (rows) => send({ kind: "cells", id, rows }),
    });
    send({ kind: "done", id, ...done });
  } catch (error) {
    if (error instanceof StaleRead) send({ kind: "outdated", id });
    else send({ kind: "failed", id, failure: toFailure(error) });
  }
}
