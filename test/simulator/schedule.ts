// Schedules: which step comes next. What is rare comes at its turn, the rest by weight; the same seed always gives the same steps.
import { randomFilter } from "./filter.ts";
import type { Random } from "./random.ts";
import { randomOp, randomRows, randomWrite } from "./random-write.ts";
import { KEYS } from "./row.ts";
import {
  ALTERED_TABLES,
  FAMILIES,
  FIRST_SLOW_SEAT,
  FLUSHED_TABLES,
  KEY_USER,
  SEATS,
  SLOTS_PER_SEAT,
  type Start,
  type Step,
  TABLES,
  USERS,
  VIEWED_TABLES,
  type Watch,
} from "./step.ts";

const WEIGHTS = {
  write: 800,
  truncate: 3,
  view: 4,
  watch: 60,
  unwatch: 10,
  cut: 12,
  killQuery: 5,
  killConnection: 3,
  flush: 4,
  killJob: 2,
  trouble: 1,
  compact: 2,
  stream: 25,
  recreate: 4,
  alter: 6,
  wait: 60,
} as const;

export interface Cadence {
  /** Of the live queries, with a sub-query: each commit costs a run of it. */
  readonly subQueryPercent: number;
  readonly checkEvery: number;
  readonly settleEvery: number;
  readonly restartEvery: number;
  readonly floodEvery: number;
  readonly fullEvery: number;
  readonly revokeEvery: number;
  readonly replaceEvery: number;
}

export const CADENCE: Cadence = {
  subQueryPercent: 8,
  checkEvery: 60,
  settleEvery: 900,
  restartEvery: 4_000,
  floodEvery: 3_100,
  fullEvery: 8_900,
  revokeEvery: 330,
  replaceEvery: 2_300,
};
/** Everything that is rare comes soon. */
export const DENSE_CADENCE: Cadence = {
  subQueryPercent: 20,
  checkEvery: 25,
  settleEvery: 150,
  restartEvery: 400,
  floodEvery: 310,
  fullEvery: 470,
  revokeEvery: 70,
  replaceEvery: 190,
};

/** The step at a place of the schedule: the rare ones come at their turn, the others by weight. */
export function nextStep(random: Random, index: number, cadence: Cadence): readonly Step[] {
  const at = index + 1;
  if (at % cadence.restartEvery === 0) {
    // Every other time writes are under way and the process is killed.
    return [(at / cadence.restartEvery) % 3 === 0 ? { kind: "restart" } : { kind: "crash" }];
  }
  if (at % cadence.floodEvery === 0) return flood(random);
  if (at % cadence.fullEvery === 0) return [fullDisk(random)];
  if (at % cadence.revokeEvery === 0) return [revocation(random)];
  if (at % cadence.replaceEvery === 0) return replacement(random);
  if (at % cadence.settleEvery === 0) return [{ kind: "settle" }];
  if (at % cadence.checkEvery === 0) return [{ kind: "check" }];
  const step = commonStep(random, cadence);
  return step.kind === "trouble" ? withTrouble(step) : [step];
}

/** There is something to write while it cannot be written. */
function withTrouble(trouble: Extract<Step, { kind: "trouble" }>): readonly Step[] {
  const tables = ["items", "own"] as const;
  const flushes = tables.map((table) => ({ kind: "flush", table }) as const);
  if (trouble.with !== "merge") return [trouble, ...flushes];
  return [
    ...flushes,
    { kind: "wait", ms: 50 },
    trouble,
    ...tables.map((table) => ({ kind: "compact", table }) as const),
  ];
}

function flood(random: Random): readonly Step[] {
  const seat = FIRST_SLOW_SEAT + random.below(2);
  const isLatest = random.chance(50);
  const watch: Watch = { table: "wide", filter: undefined, columns: undefined, start: { kind: "all" }, isLatest };
  return [
    { kind: "watch", seat, slot: 0, watch },
    { kind: "wait", ms: 20 },
    { kind: "stall", seat },
    { kind: "flood", user: random.below(USERS.length), rows: 160, bytes: 60_000 },
    { kind: "check" },
    { kind: "unstall", seat },
  ];
}

/** Somebody watches what goes and comes back: a column by its name, or a table with rows in it. */
function replacement(random: Random): readonly Step[] {
  // A native client, which keeps nothing of what is gone: their families come first.
  const seat = random.below(USERS.length) * FAMILIES.length + random.below(2);
  const slot = random.below(SLOTS_PER_SEAT);
  const watch: Watch = { table: "brief", filter: undefined, columns: undefined, start: { kind: "all" } };
  if (random.chance(50)) {
    const table = random.pick(ALTERED_TABLES);
    const naming = random.pick(["filter", "list"] as const);
    // No change comes in between, which would have it planned again.
    return [
      { kind: "check" },
      { kind: "watch", seat, slot, watch: { ...watch, table, naming } },
      { kind: "wait", ms: 20 },
      { kind: "alter", table },
      { kind: "settle" },
    ];
  }
  const user = random.below(USERS.length);
  const ops = [{ kind: "put", rows: randomRows(random, 4) }] as const;
  return [
    { kind: "write", user, table: "brief", form: "batch", ops },
    { kind: "watch", seat, slot, watch },
    { kind: "wait", ms: 20 },
    { kind: "recreate", cuts: true },
  ];
}

function revocation(random: Random): Step {
  const how = random.weighted({ logout: 4, password: 2, role: 2, key: 3, drop: 2 });
  return { kind: "revoke", user: how === "key" ? KEY_USER : random.below(USERS.length), how };
}

function fullDisk(random: Random): Step {
  const table = random.pick(["items", "own", "kept"] as const);
  const ops = random.list(3, () => randomOp(random, { table, isBatch: true }));
  return { kind: "full", user: random.below(USERS.length), table, ops };
}

function truncation(random: Random): Step {
  const table = random.pick(TABLES);
  // Rows of a STREAM table can be inserted inside a transaction, and no more.
  const rows = table === "kept" ? [] : randomRows(random, random.below(4));
  return { kind: "truncate", user: random.below(USERS.length), table, rows };
}

function commonStep(random: Random, cadence: Cadence): Step {
  const kind = random.weighted(WEIGHTS);
  const seat = random.below(SEATS.length);
  const slot = random.below(SLOTS_PER_SEAT);
  switch (kind) {
    case "write":
      return randomWrite(random);
    case "truncate":
      return truncation(random);
    case "view":
      return {
        kind,
        table: random.pick(VIEWED_TABLES),
        filter: randomFilter(random),
        how: random.chance(70) ? "replace" : "drop",
        cuts: random.chance(60),
      };
    case "watch":
      return { kind, seat, slot, watch: randomWatch(random, cadence) };
    case "unwatch":
    case "killQuery":
      return { kind, seat, slot };
    case "cut":
    case "killConnection":
      return { kind, seat };
    case "killJob":
      return { kind, job: random.pick(["flush", "compact"]), table: random.pick(FLUSHED_TABLES) };
    case "trouble":
      return { kind, with: random.pick(["flush", "merge", "manifest"]) };
    case "flush":
    case "compact":
      return { kind, table: random.pick(FLUSHED_TABLES) };
    case "recreate":
      return { kind, cuts: random.chance(60) };
    case "alter":
      return { kind, table: random.pick(ALTERED_TABLES), times: random.chance(30) ? 3 : 1 };
    case "stream": {
      const user = random.below(USERS.length);
      if (random.chance(30)) return { kind, user, deletes: random.below(KEYS) };
      return { kind, user, rows: randomRows(random, 1 + random.below(3)) };
    }
    default:
      return { kind, ms: random.below(4) };
  }
}

function randomWatch(random: Random, { subQueryPercent }: Cadence): Watch {
  const start = random.weighted({ all: 5, batches: 5, last: 2, none: 1, from: 2 });
  const table = random.weighted({ items: 24, own: 20, wide: 4, brief: 2, feed: 3, kept: 4 });
  const isViewed = table === "items" || table === "own";
  const isOfView = isViewed && random.chance(20);
  const hasHistory = table !== "feed" && table !== "kept";
  return {
    table,
    filter: random.chance(15) ? undefined : randomFilter(random),
    columns: random.pick([undefined, undefined, ["id", "n", "d"], ["note", "id"]]),
    start: randomStart(random, start),
    ...(hasHistory && !isOfView && random.chance(subQueryPercent) ? { inRoom: random.pick(["a", "b"]) } : {}),
    ...(isOfView ? { isOfView } : {}),
    ...(isViewed && !isOfView && random.chance(15) ? { naming: random.pick(["filter", "list"] as const) } : {}),
    ...(random.chance(30) ? { hasParams: true } : {}),
    ...(random.chance(15) ? { isLatest: true } : {}),
  };
}

function randomStart(random: Random, kind: Start["kind"]): Start {
  if (kind === "batches") return { kind, size: 1 + random.below(6) };
  if (kind === "last") return { kind, rows: random.below(8) };
  return { kind };
}
