// The steps of a schedule: plain data, each meaningful on its own, so that a schedule can be kept as JSON and shrunk by leaving steps out.
import { type Filter, randomFilter } from "./filter.ts";
import type { Random } from "./random.ts";
import { type ColumnName, KEYS, type ModelRow, type ModelValue, randomRow, randomValue } from "./row.ts";
import type { Trouble } from "./trouble.ts";

export const USERS = ["ann", "ben", "cat"] as const;
/**
 * `items` is SHARED, `own` a USER table; `wide` is SHARED and carries the large rows that fill a slow reader's socket; `brief` is SHARED, dropped and
 * created again.
 */
export const TABLES = ["items", "own", "wide", "brief"] as const;
export type TableName = (typeof TABLES)[number];

export const ALTERED_TABLES = ["items", "own"] as const;
export type AlteredTable = (typeof ALTERED_TABLES)[number];
/** What the column that comes and goes in them is called. */
export type MovingColumn = "extra" | "more";

export const FAMILIES = [
  "native-json",
  "native-msgpack",
  "peer-json",
  "peer-msgpack",
  "paging-json",
  "paging-msgpack",
] as const;
export type Family = (typeof FAMILIES)[number];

export interface Seat {
  readonly user: number;
  readonly family: Family;
  /** Its socket goes through a proxy that can stop reading. */
  readonly isSlow: boolean;
  /** It shows an API key where others show a token. */
  readonly hasKey: boolean;
}

/** What ends a user's access: every token's (`drop`: everything's), or the API key's. */
export const REVOCATIONS = ["logout", "password", "role", "key", "drop"] as const;
export type Revocation = (typeof REVOCATIONS)[number];

/** The user, and the families of those of their clients, who come with an API key. */
const KEY_USER = 1;
const KEY_FAMILIES: readonly Family[] = ["native-msgpack", "peer-json", "paging-json"];

/** Every user has a client of each family; two more clients are slow readers. Each client holds `SLOTS_PER_SEAT` live queries. */
export const SEATS: readonly Seat[] = [
  ...USERS.flatMap((_, user) =>
    FAMILIES.map((family) => {
      const hasKey = user === KEY_USER && KEY_FAMILIES.includes(family);
      return { user, family, isSlow: false, hasKey };
    }),
  ),
  { user: 0, family: "native-json", isSlow: true, hasKey: false },
  { user: 1, family: "peer-msgpack", isSlow: true, hasKey: false },
];
export const SLOTS_PER_SEAT = 2;
const FIRST_SLOW_SEAT = SEATS.length - 2;

export type Where = { readonly key: number } | { readonly filter: Filter };

export type WriteOp =
  | { readonly kind: "put"; readonly rows: readonly ModelRow[] }
  | { readonly kind: "insert"; readonly rows: readonly ModelRow[]; readonly orNothing: boolean }
  | {
      readonly kind: "set";
      readonly column: Exclude<ColumnName, "id">;
      readonly value: ModelValue;
      readonly where: Where;
    }
  /** `n = (n + amount) % 10` */
  | { readonly kind: "add"; readonly amount: number; readonly where: Where }
  | { readonly kind: "delete"; readonly where: Where }
  | { readonly kind: "fail"; readonly how: "null" | "type" | "table" | "zero" };

export type Start =
  | { readonly kind: "all" }
  | { readonly kind: "batches"; readonly size: number }
  | { readonly kind: "last"; readonly rows: number }
  | { readonly kind: "none" }
  /** Goes on after the newest commit known when it is sent. */
  | { readonly kind: "from" };

export interface Watch {
  /** `feed` is a STREAM table. */
  readonly table: TableName | "feed";
  readonly filter: Filter | undefined;
  /** Undefined: `*`. */
  readonly columns: readonly ColumnName[] | undefined;
  readonly start: Start;
  /** Only rows whose `n` is one of the rows of `items` in this room: another table decides. Left out where the protocol has no place for it. */
  readonly inRoom?: string;
  /** Values travel apart from the text. */
  readonly hasParams?: boolean;
  /** Of an altered table: where it names the column that comes and goes, by what it is called then. */
  readonly naming?: "filter" | "list";
  /** While the socket is slow, changes are squashed by key. */
  readonly isLatest?: boolean;
}

export type Step =
  | {
      readonly kind: "write";
      readonly user: number;
      readonly table: TableName;
      readonly form: "batch" | "commit" | "rollback";
      readonly ops: readonly WriteOp[];
      /** Of `own`, one statement: whose rows they are, when that is somebody else. */
      readonly as?: number;
    }
  /** On `feed`. */
  | { readonly kind: "stream"; readonly user: number; readonly rows: readonly ModelRow[] }
  | { readonly kind: "stream"; readonly user: number; readonly deletes: number }
  /** Drops `brief`, unless live queries forbid it, and creates it again. `cuts`: its clients are cut off first, and come back. */
  | { readonly kind: "recreate"; readonly cuts?: boolean }
  /** What becomes of its column `extra` next; three times, and it is called the same again. */
  | { readonly kind: "alter"; readonly table: AlteredTable; readonly times?: number }
  | { readonly kind: "revoke"; readonly user: number; readonly how: Revocation }
  /** Rows of `bytes` each, one statement a row. */
  | { readonly kind: "flood"; readonly user: number; readonly rows: number; readonly bytes: number }
  | { readonly kind: "watch"; readonly seat: number; readonly slot: number; readonly watch: Watch }
  | { readonly kind: "unwatch"; readonly seat: number; readonly slot: number }
  | { readonly kind: "cut"; readonly seat: number }
  | { readonly kind: "stall" | "unstall"; readonly seat: number }
  | { readonly kind: "killQuery"; readonly seat: number; readonly slot: number }
  | { readonly kind: "killConnection"; readonly seat: number }
  | { readonly kind: "flush" | "compact"; readonly table: TableName }
  /** The job is killed wherever it is. */
  | { readonly kind: "killJob"; readonly job: "flush" | "compact"; readonly table: TableName }
  /** Files cannot be written from here on, until all is quiet. */
  | { readonly kind: "trouble"; readonly with: Exclude<Trouble, "full"> }
  /** Writes on a disk that is full, and has space again afterwards. */
  | { readonly kind: "full"; readonly user: number; readonly table: TableName; readonly ops: readonly WriteOp[] }
  | { readonly kind: "restart" }
  | { readonly kind: "crash" }
  /** Lets answers come in while the schedule goes on. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Waits for every write's answer, then judges what was received. */
  | { readonly kind: "check" }
  /** Waits until all is quiet, then compares everything. */
  | { readonly kind: "settle" };

const WEIGHTS = {
  write: 800,
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
}

export const CADENCE: Cadence = {
  subQueryPercent: 8,
  checkEvery: 60,
  settleEvery: 900,
  restartEvery: 4_000,
  floodEvery: 3_100,
  fullEvery: 8_900,
  revokeEvery: 330,
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

function revocation(random: Random): Step {
  const how = random.weighted({ logout: 4, password: 2, role: 2, key: 3, drop: 2 });
  return { kind: "revoke", user: how === "key" ? KEY_USER : random.below(USERS.length), how };
}

function fullDisk(random: Random): Step {
  const ops = random.list(3, () => randomOp(random, true));
  const table = random.pick(["items", "own"] as const);
  return { kind: "full", user: random.below(USERS.length), table, ops };
}

function commonStep(random: Random, cadence: Cadence): Step {
  const kind = random.weighted(WEIGHTS);
  const seat = random.below(SEATS.length);
  const slot = random.below(SLOTS_PER_SEAT);
  switch (kind) {
    case "write":
      return randomWrite(random);
    case "watch":
      return { kind, seat, slot, watch: randomWatch(random, cadence) };
    case "unwatch":
    case "killQuery":
      return { kind, seat, slot };
    case "cut":
    case "killConnection":
      return { kind, seat };
    case "killJob":
      return { kind, job: random.pick(["flush", "compact"]), table: random.pick(TABLES) };
    case "trouble":
      return { kind, with: random.pick(["flush", "merge", "manifest"]) };
    case "flush":
    case "compact":
      return { kind, table: random.pick(TABLES) };
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
  const table = random.weighted({ items: 24, own: 20, wide: 4, brief: 2, feed: 3 });
  return {
    table,
    filter: random.chance(15) ? undefined : randomFilter(random),
    columns: random.pick([undefined, undefined, ["id", "n", "d"], ["note", "id"]]),
    start: randomStart(random, start),
    ...(table !== "feed" && random.chance(subQueryPercent) ? { inRoom: random.pick(["a", "b"]) } : {}),
    ...((table === "items" || table === "own") && random.chance(15)
      ? { naming: random.pick(["filter", "list"] as const) }
      : {}),
    ...(random.chance(30) ? { hasParams: true } : {}),
    ...(random.chance(15) ? { isLatest: true } : {}),
  };
}

function randomStart(random: Random, kind: Start["kind"]): Start {
  if (kind === "batches") return { kind, size: 1 + random.below(6) };
  if (kind === "last") return { kind, rows: random.below(8) };
  return { kind };
}

function randomWrite(random: Random): Step {
  const form = random.weighted({ batch: 12, commit: 4, rollback: 1 });
  const isLong = form !== "batch" || random.chance(15);
  const table = random.weighted({ items: 12, own: 12, wide: 2, brief: 1 });
  const ops = random.list(isLong ? 1 + random.below(4) : 1, () => randomOp(random, form === "batch"));
  return {
    kind: "write",
    user: random.below(USERS.length),
    table,
    form,
    ops,
    ...(table === "own" && form === "batch" && ops.length === 1 && random.chance(20)
      ? { as: random.below(USERS.length) }
      : {}),
  };
}

/** Inside a transaction rows are changed by key only. */
function randomOp(random: Random, mayFilter: boolean): WriteOp {
  const kind = random.weighted({ put: 12, insert: 3, set: 6, add: 4, delete: 5, fail: 1 });
  switch (kind) {
    case "put":
      return { kind, rows: randomRows(random, random.chance(25) ? 5 : 1) };
    case "insert":
      return { kind, rows: randomRows(random, random.chance(20) ? 3 : 1), orNothing: random.chance(60) };
    case "set": {
      const column = random.pick(["room", "n", "note", "f", "b", "d", "at"] as const);
      return { kind, column, value: randomValue(random, column), where: randomWhere(random, mayFilter ? 15 : 0) };
    }
    case "add":
      return { kind, amount: 1 + random.below(5), where: randomWhere(random, mayFilter ? 15 : 0) };
    case "delete":
      return { kind, where: randomWhere(random, mayFilter ? 10 : 0) };
    default:
      return { kind, how: random.pick(["null", "type", "table", "zero"]) };
  }
}

/** No key twice: PostgreSQL refuses an upsert that meets a row a second time. */
function randomRows(random: Random, length: number): readonly ModelRow[] {
  const rows = random.list(length, () => randomRow(random));
  return rows.filter((row, index) => rows.findIndex(({ id }) => id === row.id) === index);
}

function randomWhere(random: Random, filterPercent: number): Where {
  return random.chance(filterPercent) ? { filter: randomFilter(random) } : { key: random.below(KEYS) };
}
