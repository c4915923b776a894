// A statement that starts a job, until the job has ended.
import type { TestUser } from "../../test/support/test-server.ts";

const POLL_MS = 20;

export interface FinishedJob {
  /** That it worked; its wait for a start is not counted. */
  readonly seconds: number;
  /** Empty when it completed. */
  readonly faults: readonly string[];
}

export async function finishedJob(root: TestUser, sql: string): Promise<FinishedJob> {
  const started = await root.sql(sql);
  const id = /\b[A-Z]{2}-\w+/.exec(JSON.stringify(started))?.[0] ?? "";
  for (;;) {
    await Bun.sleep(POLL_MS);
    const [job] = await root.rows(
      "SELECT status, message, started_at, finished_at FROM system.jobs WHERE job_id = $1",
      [id],
    );
    if (job === undefined) return { seconds: Number.NaN, faults: [`${sql} started no job`] };
    const [status, said, startedAt, finishedAt] = job;
    if (status === "pending" || status === "running") continue;
    const seconds = (Number(finishedAt) - Number(startedAt)) / 1_000_000;
    return { seconds, faults: status === "completed" ? [] : [`${sql} ended as ${String(status)}: ${String(said)}`] };
  }
}
