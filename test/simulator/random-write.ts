// Statements that write, by chance.
import { randomFilter } from "./filter.ts";
import type { Random } from "./random.ts";
import { COLUMNS, KEYS, type ModelRow, randomRow, randomValue } from "./row.ts";
import { type SourceTable, type Step, type TableName, USERS, type Where, type WriteOp } from "./step.ts";

export function randomWrite(random: Random): Step {
  const form = random.weighted({ batch: 12, commit: 4, rollback: 1 });
  const isLong = form !== "batch" || random.chance(15);
  const table = random.weighted({ items: 12, own: 12, wide: 2, brief: 1, kept: 3 });
  const hasFiles = table === "items" || table === "own";
  if (hasFiles && form === "batch" && !isLong && random.chance(3)) {
    const text = "x".repeat(random.below(9)) + random.below(1_000_000);
    const op: WriteOp = { kind: "attach", key: random.below(KEYS), text };
    return { kind: "write", user: random.below(USERS.length), table, form, ops: [op] };
  }
  const ops = random.list(isLong ? 1 + random.below(4) : 1, () =>
    randomOp(random, { table, isBatch: form === "batch" }),
  );
  // Whoever acts as somebody else reaches USER tables alone.
  const mayBeOther =
    (table === "own" || table === "kept") && form === "batch" && ops.length === 1 && !ops.some(readsItems);
  return {
    kind: "write",
    user: random.below(USERS.length),
    table,
    form,
    ops,
    ...(mayBeOther && random.chance(20) ? { as: random.below(USERS.length) } : {}),
  };
}

const BY_KEY_WEIGHTS = { put: 10, upsert: 3, insert: 3, set: 6, add: 4, delete: 5, fail: 1 } as const;
const WEIGHTS = { ...BY_KEY_WEIGHTS, copy: 1, join: 1 } as const;

export interface OpPlace {
  readonly table: TableName;
  /** Not inside a transaction. */
  readonly isBatch: boolean;
}

function randomOfRows(random: Random, isBatch: boolean): keyof typeof WEIGHTS {
  return isBatch ? random.weighted(WEIGHTS) : random.weighted(BY_KEY_WEIGHTS);
}

/** It has no UPDATE, and inside a transaction only INSERT. */
function randomOfStream(random: Random, isBatch: boolean): "insert" | "delete" | "copy" | "fail" {
  return isBatch
    ? random.weighted({ insert: 12, delete: 5, copy: 1, fail: 1 })
    : random.weighted({ insert: 12, fail: 1 });
}

function readsItems(op: WriteOp): boolean {
  return "from" in op && op.from === "items";
}

/** Inside a transaction rows are changed by key only. */
export function randomOp(random: Random, { table, isBatch }: OpPlace): WriteOp {
  const mayFilter = isBatch;
  const kind: Exclude<WriteOp["kind"], "truncate" | "attach"> =
    table === "kept" ? randomOfStream(random, isBatch) : randomOfRows(random, isBatch);
  switch (kind) {
    case "put":
      return { kind, rows: randomRows(random, random.chance(25) ? 5 : 1) };
    case "upsert": {
      const columns = COLUMNS.filter((column) => column === "id" || column === "room" || random.chance(40));
      return { kind, rows: randomRows(random, random.chance(25) ? 4 : 1), columns };
    }
    case "copy":
      return {
        kind,
        from: randomSource(random),
        filter: randomFilter(random),
        orNothing: table === "kept" || random.chance(30),
      };
    case "join":
      return { kind, from: randomSource(random), filter: randomFilter(random) };
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
export function randomRows(random: Random, length: number): readonly ModelRow[] {
  const rows = random.list(length, () => randomRow(random));
  return rows.filter((row, index) => rows.findIndex(({ id }) => id === row.id) === index);
}

function randomSource(random: Random): SourceTable {
  return random.pick(["items", "own"]);
}

function randomWhere(random: Random, filterPercent: number): Where {
  return random.chance(filterPercent) ? { filter: randomFilter(random) } : { key: random.below(KEYS) };
}
