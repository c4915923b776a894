// The way down, in order: no new work, sockets told to come back later, jobs ended and statements in flight finished, then storage. Each wait has a bound.
import type { Server } from "bun";
import { errorText, type Log } from "../base/log.ts";
import { within } from "../base/within.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { InFlight } from "./in-flight.ts";
import type { SocketData } from "./socket-data.ts";
import type { SocketServer } from "./sockets.ts";

export interface StopInput {
  readonly server: Server<SocketData>;
  readonly sockets: SocketServer;
  readonly jobs: Jobs;
  readonly inFlight: InFlight;
  /** For jobs and statements together. */
  readonly timeoutMs: number;
  readonly log: Log;
  /** Flusher, query processes, storage: in the order they must close. */
  readonly closers: readonly (() => Promise<void> | void)[];
}

export interface Stopping {
  readonly isStopping: () => boolean;
  readonly stop: () => Promise<void>;
  /** Runs `work` on a timer until the stop; a failure is logged and the next turn comes all the same. */
  every(intervalMs: number, work: () => Promise<void> | void, options?: { readonly atOnce?: boolean }): void;
}

export function createStopping(input: StopInput): Stopping {
  const timers: Timer[] = [];
  let stopped: Promise<void> | undefined;
  return {
    isStopping: () => stopped !== undefined,
    stop: () => {
      stopped ??= stopAll(input, timers);
      return stopped;
    },
    every(intervalMs, work, { atOnce = false } = {}) {
      const turn = async (): Promise<void> => {
        try {
          await work();
        } catch (error) {
          input.log.error("timer failed", { error: errorText(error) });
        }
      };
      timers.push(setInterval(() => void turn(), intervalMs));
      if (atOnce) void turn();
    },
  };
}

/** Of the time for the stop, what jobs may go on; the rest is for those that are interrupted to end well. */
const JOB_SHARE = 0.75;
/** For answers on their way and for clients that close in turn; connections that only wait are closed by the server. */
const FAREWELL_MS = 1_000;

async function stopAll(input: StopInput, timers: readonly Timer[]): Promise<void> {
  const { server, log } = input;
  for (const timer of timers) clearInterval(timer);
  input.sockets.closeAll();
  await within(input.timeoutMs, Promise.all([input.jobs.stop(input.timeoutMs * JOB_SHARE), input.inFlight.idle()]));
  await within(FAREWELL_MS, server.stop());
  await server.stop(true);
  const failures: unknown[] = [];
  for (const close of input.closers) {
    try {
      await close();
    } catch (error) {
      // The rest is closed all the same: storage comes last.
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join("; "));
  log.info("server stopped");
}
