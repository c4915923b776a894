// A small table and hand-made live plans over it, so that these tests need no SQL.
import { parseName, tableIdOf } from "../../../src/base/ids.ts";
import type { TableKind, TableSchema } from "../../../src/model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, INT, TEXT } from "../../../src/model/sql-type.ts";
import type { IndexTerm, LivePlan, LiveStrategy, QueryPlan, RelationUse, Slot } from "../../../src/sql/plan.ts";

export function chatTable(kind: TableKind = "user", id = 1): TableSchema {
  const column = (position: number, name: string, type: typeof BIGINT, nullable: boolean) => ({
    id: position,
    name: parseName(name),
    type,
    nullable,
    default: undefined,
  });
  return {
    id: tableIdOf(id),
    namespace: parseName("chat"),
    name: parseName(`${kind}_messages`),
    kind,
    columns: [column(1, "id", BIGINT, false), column(2, "room", TEXT, true), column(3, "score", INT, true)],
    keyIndex: 0,
    version: 1,
    options: { storageId: "local", flushPolicy: undefined, accessLevel: "public" },
    createdAtMs: 0,
    updatedAtMs: 0,
  };
}

const NO_QUERY: QueryPlan = {
  kind: "query",
  sql: ["SELECT 1"],
  slots: [],
  relations: [],
  output: [],
  strategy: { kind: "scan" },
};

export interface Query {
  readonly name: string;
  readonly slots: readonly Cell[];
  readonly predicate?: LivePlan["predicate"];
  readonly terms?: readonly IndexTerm[];
  readonly projection?: readonly number[];
  /** Views that it reads. */
  readonly views?: LivePlan["views"];
  /** A filter when left out. */
  readonly strategy?: "matchRows" | "rerun";
  /** Of a query that is run again: whether a row is selected, given the rows of the shared table. */
  readonly selects?: (row: readonly Cell[], others: readonly (readonly Cell[])[]) => boolean;
}

/** Number of times any predicate made here was asked. */
export interface Evaluations {
  count: number;
}

export function livePlan(table: TableSchema, query: Query, evaluations?: Evaluations): LivePlan {
  const predicate = query.strategy === undefined ? query.predicate : undefined;
  const projection = query.projection ?? table.columns.map((_column, index) => index);
  const wholeRow = query.projection === undefined;
  const slots: Slot[] = query.slots.map((_value, index) => ({ kind: "parameter", index, type: INT }));
  const columns = projection.map((position) => {
    const column = table.columns[position];
    if (column === undefined) throw new Error(`no column ${position}`);
    return { name: column.name as string, type: column.type, flags: [] };
  });
  const system = [
    { name: "_seq", type: BIGINT, flags: [] },
    { name: "_deleted", type: BOOLEAN, flags: [] },
  ];
  return {
    kind: "live",
    table,
    slots,
    strategy: strategyOf(query),
    predicate:
      predicate === undefined
        ? undefined
        : (row, values) => {
            if (evaluations !== undefined) evaluations.count += 1;
            return predicate(row, values);
          },
    terms: query.terms ?? [],
    projection,
    wholeRow,
    views: query.views ?? [],
    namedColumns: wholeRow ? [] : projection.flatMap((position) => table.columns[position]?.id ?? []),
    output: wholeRow ? [...columns, ...system] : columns,
    shape: query.name,
    snapshot: query.strategy === "rerun" ? { ...NO_QUERY, relations: [useOf(table), useOf(SHARED_TABLE)] } : NO_QUERY,
    lastRows: NO_QUERY,
    lastRowsStart: NO_QUERY,
    history: NO_QUERY,
  };
}

function strategyOf({ strategy }: Query): LiveStrategy {
  if (strategy === "matchRows") return { kind: "matchRows", why: "a regular expression", match: () => NO_QUERY };
  return strategy === "rerun" ? { kind: "rerun", why: "a sub-query" } : { kind: "filter" };
}

const SHARED_TABLE = chatTable("shared", 2);

function useOf(schema: TableSchema): RelationUse {
  if (schema.kind === "shared") return { kind: "sharedTable", schema, includeDeleted: false };
  return { kind: "userTable", schema, scopeSlot: 0, includeDeleted: false };
}

const compare = (a: Cell | undefined, b: Cell | undefined, test: (a: number, b: number) => boolean): Cell =>
  typeof a === "number" && typeof b === "number" ? test(a, b) : null;

export const everything: Query = { name: "all", slots: [] };

export function inRoom(room: string): Query {
  return {
    name: "room = $1",
    slots: [room],
    predicate: (row, slots) => (row[1] === null ? null : row[1] === slots[0]),
    terms: [{ kind: "equal", column: 1, values: [{ kind: "slot", slot: 0 }] }],
  };
}

export function scoreAbove(low: number): Query {
  return {
    name: "score > $1",
    slots: [low],
    predicate: (row, slots) => compare(row[2], slots[0], (a, b) => a > b),
    terms: [
      {
        kind: "range",
        column: 2,
        low: { kind: "slot", slot: 0 },
        lowInclusive: false,
        high: undefined,
        highInclusive: false,
      },
    ],
  };
}

export function scoreWithin(low: number, high: number): Query {
  return {
    name: "score >= $1 and score < $2",
    slots: [low, high],
    predicate: (row, slots) =>
      compare(row[2], slots[0], (a, b) => a >= b) && compare(row[2], slots[1], (a, b) => a < b),
    terms: [
      {
        kind: "range",
        column: 2,
        low: { kind: "slot", slot: 0 },
        lowInclusive: true,
        high: { kind: "slot", slot: 1 },
        highInclusive: false,
      },
    ],
  };
}

/** No index can serve it. */
export const unscored: Query = {
  name: "score is null or room = 'a'",
  slots: [],
  predicate: (row) => row[2] === null || row[1] === "a",
};

/** Cells of a row, to write. */
export function message(id: number, room: string | null = "a", score: number | null = 1) {
  return { cells: [BigInt(id), room, score] };
}

export function removed(id: number) {
  return { cells: [BigInt(id), null, null], deleted: true };
}

/** Decided elsewhere, one row at a time. */
export const roomLike: Query = {
  name: "room ~ '[ac]'",
  slots: [],
  strategy: "matchRows",
  predicate: (row) => (typeof row[1] === "string" ? /[ac]/.test(row[1]) : null),
};

/** `score IN (SELECT score FROM shared_messages WHERE room = 'a')`. */
export const scoredInShared: Query = {
  name: "score in (select …)",
  slots: [],
  strategy: "rerun",
  selects: (row, others) => row[2] !== null && others.some((other) => other[1] === "a" && other[2] === row[2]),
};
