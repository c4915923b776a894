import type { JobRecord } from "../../src/model/job.ts";

export function jobRecord(id: string, overrides: Partial<JobRecord> = {}): JobRecord {
  return {
    id,
    type: "flush",
    status: "completed",
    parameters: "{}",
    result: undefined,
    message: undefined,
    trace: undefined,
    progress: undefined,
    key: undefined,
    priority: 0,
    retries: 0,
    maxRetries: 3,
    createdAtMs: 1,
    updatedAtMs: 1,
    startedAtMs: undefined,
    finishedAtMs: undefined,
    memoryUsed: undefined,
    cpuUsed: undefined,
    ...overrides,
  };
}
