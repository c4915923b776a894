// Forgets the ends of rows of STREAM tables that were kept long enough for clients that resume. That rows end at their time is no job: it happens twice a second,
// because subscribers wait for it.
import type { StreamView } from "../storage/seams.ts";
import type { JobKind } from "./job-kind.ts";
import { measured } from "./measured.ts";

export interface StreamEvictionDeps {
  readonly streams: Pick<StreamView, "hasForgettable" | "forget">;
}

export const STREAM_EVICTION_KEY = "stream_eviction";

/** Each slice is a commit of its own. After a restart it begins anew: what was forgotten is gone. */
export function streamEvictionKind({ streams }: StreamEvictionDeps): JobKind {
  return {
    priority: 2,
    maxRetries: 3,
    afterRestart: "resume",
    open: () => ({
      locks: [STREAM_EVICTION_KEY],
      async run(context) {
        let rows = 0;
        while (!context.signal.aborted) {
          const forgotten = await streams.forget((work) => measured(context, work));
          rows += forgotten;
          if (forgotten === 0) {
            return { kind: "completed", message: `Forgot ${rows} ended row(s) of STREAM tables`, result: { rows } };
          }
        }
        return { kind: "interrupted", message: `(${rows} rows)` };
      },
    }),
  };
}
