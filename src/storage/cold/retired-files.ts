// Files that no segment names any more and that somebody may still read, or that a commit of unknown outcome may still name: removed when neither can be. What is not
// reached before the end of the process is left to the sweep at the next start.
import type { Clock } from "../../base/clock.ts";
import type { Seq } from "../../base/ids.ts";
import { errorText, type Log } from "../../base/log.ts";
import { syncLog } from "../hot/sync-log.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { Segment, Writer } from "../seams.ts";

export interface RetiredFiles {
  /** After the commit that replaced the segments. Whoever has read the catalog before it may open them until the grace is over. */
  retire(segments: readonly Pick<Segment, "path" | "tableId" | "scope">[]): void;
  /** After a commit that failed: it may be found to have happened, as long as no later one has succeeded. */
  doubt(segments: readonly Pick<Segment, "path">[]): void;
  /** Removes what may go. Never rejects. */
  sweep(): Promise<void>;
}

export interface RetiredFilesDeps {
  /** Whose `remove` waits for those who hold its objects. */
  readonly objects: Pick<ObjectStore, "remove">;
  /** The data file: what it says must be on the disk before a file that it named goes. */
  readonly databasePath: string;
  readonly writer: Pick<Writer, "position">;
  readonly clock: Clock;
  readonly log: Log;
  /** Longer than any reader keeps a list of segments. */
  readonly graceMs: number;
}

interface Retired {
  readonly path: string;
  readonly sinceMs: number;
  /** The last position committed must be past this one. */
  readonly after: Seq | undefined;
}

export function createRetiredFiles(deps: RetiredFilesDeps): RetiredFiles {
  const { objects, databasePath, writer, clock, log, graceMs } = deps;
  /** As many as merges replaced within the grace, or while files are held: files that were there. */
  let waiting: Retired[] = [];
  let running: Promise<void> | undefined;

  const add = (segments: readonly Pick<Segment, "path">[], after: Seq | undefined): void => {
    const sinceMs = clock.monotonicMs();
    for (const { path } of segments) waiting.push({ path, sinceMs, after });
  };

  const mayGo = ({ sinceMs, after }: Retired): boolean =>
    clock.monotonicMs() - sinceMs >= graceMs && (after === undefined || writer.position > after);

  const removeDue = async (): Promise<void> => {
    const due = waiting.filter(mayGo);
    if (due.length === 0) return;
    try {
      await syncLog(databasePath);
      for (const retired of due) {
        await objects.remove([retired.path]);
        waiting = waiting.filter((one) => one !== retired);
      }
      log.info("removed files that were merged", { files: due.length });
    } catch (error) {
      log.warn("files that were merged not removed yet", { error: errorText(error) });
    }
  };

  return {
    retire: (segments) => add(segments, undefined),
    doubt: (segments) => add(segments, writer.position),
    sweep() {
      running ??= removeDue().finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}
