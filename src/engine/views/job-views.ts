// Views over jobs. There is one node, so `system.job_nodes`, which tools of the peer read, says what `system.jobs` says.
import type { JobRecord } from "../../model/job.ts";
import type { Cell } from "../../model/sql-type.ts";
import { BIGINT, DOUBLE, INT, JSON_TYPE, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import { columns, type SystemView, text, us } from "./definition.ts";

const NODE_ID = 1n;

function whole(value: number | undefined): Cell {
  return value === undefined ? null : BigInt(Math.round(value));
}

const jobs: SystemView = {
  name: "system.jobs",
  adminOnly: true,
  columns: columns(
    {
      job_id: TEXT,
      job_type: TEXT,
      status: TEXT,
      parameters: JSON_TYPE,
      result: JSON_TYPE,
      progress: DOUBLE,
      message: TEXT,
      exception_trace: TEXT,
      idempotency_key: TEXT,
      priority: INT,
      retry_count: INT,
      max_retries: INT,
      memory_used: BIGINT,
      cpu_used: BIGINT,
      created_at: TIMESTAMP,
      updated_at: TIMESTAMP,
      started_at: TIMESTAMP,
      finished_at: TIMESTAMP,
      node_id: BIGINT,
    },
    "job_id",
  ),
  rows: ({ catalog }) => catalog.jobs().map(jobRow),
};

function jobRow(job: JobRecord): readonly Cell[] {
  return [
    job.id,
    job.type,
    job.status,
    job.parameters,
    text(job.result),
    job.progress ?? null,
    text(job.message),
    text(job.trace),
    text(job.key),
    job.priority,
    job.retries,
    job.maxRetries,
    whole(job.memoryUsed),
    whole(job.cpuUsed),
    us(job.createdAtMs),
    us(job.updatedAtMs),
    us(job.startedAtMs),
    us(job.finishedAtMs),
    NODE_ID,
  ];
}

const jobNodes: SystemView = {
  name: "system.job_nodes",
  adminOnly: true,
  columns: columns({
    job_id: TEXT,
    node_id: BIGINT,
    status: TEXT,
    error_message: TEXT,
    created_at: TIMESTAMP,
    started_at: TIMESTAMP,
    finished_at: TIMESTAMP,
    updated_at: TIMESTAMP,
  }),
  rows: ({ catalog }) =>
    catalog
      .jobs()
      .map((job) => [
        job.id,
        NODE_ID,
        job.status,
        job.status === "failed" ? text(job.message) : null,
        us(job.createdAtMs),
        us(job.startedAtMs),
        us(job.finishedAtMs),
        us(job.updatedAtMs),
      ]),
};

export const JOB_VIEWS: readonly SystemView[] = [jobs, jobNodes];
