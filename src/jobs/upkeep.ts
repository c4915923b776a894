// What is asked for by the calendar: users whose grace period is over, jobs that were kept long enough. Pure: the numbers are handed in.
import type { UserId } from "../base/ids.ts";
import type { JobRecord } from "../model/job.ts";
import type { User } from "../model/user.ts";
import { outdatedJobs } from "./job-cleanup-kind.ts";
import { isPastGrace } from "./user-cleanup-kind.ts";

export interface UpkeepRules {
  readonly nowMs: number;
  readonly graceMs: number;
  readonly retentionMs: number;
}

export interface UpkeepDue {
  readonly users: readonly UserId[];
  readonly cleansJobs: boolean;
}

/** Rows may stay this much longer, so that forgetting them is no job a minute. */
const SLACK_MS = 86_400_000;
/** The rest is found at the next look. */
const MAX_USERS_AT_ONCE = 100;

export function upkeepDue(users: readonly User[], jobs: readonly JobRecord[], rules: UpkeepRules): UpkeepDue {
  const { nowMs, graceMs, retentionMs } = rules;
  return {
    users: users
      .filter((user) => isPastGrace(user, { graceMs, nowMs }))
      .slice(0, MAX_USERS_AT_ONCE)
      .map(({ id }) => id),
    cleansJobs: outdatedJobs(jobs, nowMs - retentionMs - SLACK_MS).length > 0,
  };
}
