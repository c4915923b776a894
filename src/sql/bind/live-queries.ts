// The reads behind a live query. All are rendered from the one bound predicate, so that they cannot disagree with it.
import { DELETED_COLUMN, type OutputColumn, SEQ_COLUMN, type TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, INT } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import type { QueryPlan, RelationUse, ScanTerm, Slot, TopRows, ValueSource } from "../plan.ts";
import { createRenderer } from "../render/render-expression.ts";
import { cutAtHoles, type FromItem } from "./relation.ts";
import { type ScanTerms, scanTerms } from "./scan-terms.ts";
import type { BindSession } from "./session.ts";

export interface LiveQueries {
  /** The predicate's slots and the reader's, which every one of the queries starts with. */
  readonly slots: readonly Slot[];
  readonly snapshot: QueryPlan;
  readonly lastRows: QueryPlan;
  readonly lastRowsStart: QueryPlan;
  readonly history: QueryPlan;
  /** Which of so many versions, given as values, match; undefined without a predicate. */
  readonly match: ((versions: number) => QueryPlan) | undefined;
}

type LiveRead = "snapshot" | "lastRows" | "lastRowsStart" | "history";

interface LiveQueryInput {
  readonly table: TableSchema;
  readonly item: FromItem;
  readonly condition: Expr | undefined;
}

const AFTER: Slot = { kind: "afterSeq", type: BIGINT };
const UP_TO: Slot = { kind: "upToSeq", type: BIGINT };
const LIMIT: Slot = { kind: "limit", type: BIGINT };

export function liveQueries(session: BindSession, { table, item, condition }: LiveQueryInput): LiveQueries {
  const uses = session.relationUses();
  const slots = [...session.slots];
  const render = createRenderer({
    column: (relation, column) => session.columnText(relation, column),
    slot: (slot) => `?${slot + 1}`,
  });
  const columns = [...item.visible].sort((a, b) => Number(b.system) - Number(a.system));
  const list = columns.map(({ expr, type }) => {
    const text = render(expr);
    return TYPES[type.kind].wide ? `CAST(${text} AS TEXT)` : text;
  });
  const output: OutputColumn[] = [
    { name: SEQ_COLUMN, type: BIGINT, flags: [] },
    { name: DELETED_COLUMN, type: BOOLEAN, flags: [] },
    ...table.columns.map(({ name, type }) => ({ name, type, flags: [] })),
  ];
  const relation = item.tables[0]?.relation ?? 0;
  const seq = `r${relation}.${SEQ_COLUMN}`;
  const reads = pageReads({ relation, table, condition, firstBound: slots.length });
  const bound = (place: number): string => `?${slots.length + place}`;
  const plan = (tail: string, bounds: readonly Slot[], read: Read): QueryPlan => ({
    kind: "query",
    sql: cutAtHoles(`SELECT ${list.join(", ")} FROM ${item.render(render)} WHERE ${tail}`),
    slots: [...slots, ...bounds],
    relations: withRead(uses, table, read),
    output,
    strategy: { kind: "scan" },
  });
  const firstOfLast = (tail: string): QueryPlan => ({
    ...plan("", [LIMIT], reads.lastRowsStart),
    sql: cutAtHoles(`SELECT CAST(${seq} AS TEXT) FROM ${item.render(render)} WHERE ${tail}`),
    output: output.slice(0, 1),
  });
  const matching = condition === undefined ? "" : `${render(condition)} AND `;
  const within = `${seq} > ${bound(1)} AND ${seq} <= ${bound(2)} ORDER BY ${seq} LIMIT ${bound(3)}`;
  const everything = condition === undefined ? "1" : render(condition);
  return {
    slots,
    snapshot: plan(`${matching}${within}`, [AFTER, UP_TO, LIMIT], reads.snapshot),
    lastRows: plan(`${everything} ORDER BY ${seq} DESC LIMIT ${bound(1)}`, [LIMIT], reads.lastRows),
    lastRowsStart: firstOfLast(`${everything} ORDER BY ${seq} DESC LIMIT 1 OFFSET ${bound(1)}`),
    history: withTombstones(plan(within, [AFTER, UP_TO, LIMIT], reads.history)),
    match:
      condition === undefined
        ? undefined
        : (versions) =>
            matchPlan({
              table,
              slots,
              versions,
              relation,
              predicate: render(condition),
            }),
  };
}

interface MatchInput {
  readonly table: TableSchema;
  readonly slots: readonly Slot[];
  readonly versions: number;
  readonly relation: number;
  readonly predicate: string;
}

/** The versions stand in the text as values: nothing is read, so an old version can be asked about as well as a new one. */
function matchPlan({ table, slots, versions, relation, predicate }: MatchInput): QueryPlan {
  const columns = [
    ...table.columns.map(({ id, type }) => ({ name: `c${id}`, type })),
    { name: SEQ_COLUMN, type: BIGINT },
    { name: DELETED_COLUMN, type: BOOLEAN },
  ];
  // A whole number bound for a REAL column arrives as an integer; a table would store it as REAL.
  const names = columns.map(({ name, type }, index) => {
    const value = `column${index + 2}`;
    return `${TYPES[type.kind].sqlite === "REAL" ? `CAST(${value} AS REAL)` : value} AS ${name}`;
  });
  const rows = Array.from({ length: versions }, (_, version) => {
    const first = slots.length + version * columns.length + 1;
    return `(${version}, ${columns.map((_column, index) => `?${first + index}`).join(", ")})`;
  });
  const given = `SELECT column1 AS place, ${names.join(", ")} FROM (VALUES ${rows.join(", ")})`;
  const literals = columns.map(({ type }, index): Slot => ({ kind: "literal", index, type }));
  return {
    kind: "query",
    sql: [`SELECT r${relation}.place FROM (${given}) AS r${relation} WHERE ${predicate}`],
    slots: [...slots, ...Array.from({ length: versions }, () => literals).flat()],
    relations: [],
    output: [{ name: "place", type: INT, flags: [] }],
    strategy: { kind: "scan" },
  };
}

/** The rows a read can need of the table itself; of other tables that the predicate names it may need any. */
interface Read extends ScanTerms {
  readonly page: TopRows;
}

interface PageInput {
  readonly relation: number;
  readonly table: TableSchema;
  readonly condition: Expr | undefined;
  /** Slot of the first bound of each query. */
  readonly firstBound: number;
}

function pageReads({ relation, table, condition, firstBound }: PageInput): Record<LiveRead, Read> {
  const column = table.columns.length;
  const bound = (number: number): ValueSource => ({ kind: "slot", slot: firstBound + number - 1 });
  const newest = { column, descending: true, nullsFirst: true, offset: undefined };
  const oldest = { column, descending: false, nullsFirst: false, offset: undefined, limit: bound(3) };
  const inBounds: readonly ScanTerm[] = [
    { kind: "compare", column, op: ">", value: bound(1) },
    { kind: "compare", column, op: "<=", value: bound(2) },
  ];
  const matching = scanTerms(condition, { relation, columns: column + 1 }, false);
  return {
    snapshot: { ...matching, terms: [...matching.terms, ...inBounds], page: oldest },
    lastRows: { ...matching, page: { ...newest, limit: bound(1) } },
    lastRowsStart: { ...matching, page: { ...newest, limit: { kind: "constant", value: 1n }, offset: bound(1) } },
    // A change that no longer matches counts too.
    history: { terms: inBounds, isWhole: true, page: oldest },
  };
}

function withRead(uses: readonly RelationUse[], table: TableSchema, { terms, isWhole, page }: Read): RelationUse[] {
  const columns = Array.from({ length: table.columns.length + 2 }, (_unused, place) => place);
  return uses.map((use, index) =>
    index > 0 || use.kind === "systemView"
      ? use
      : { ...use, read: { columns, terms, top: isWhole ? page : undefined } },
  );
}

function withTombstones(plan: QueryPlan): QueryPlan {
  const relations = plan.relations.map((use) => (use.kind === "systemView" ? use : { ...use, includeDeleted: true }));
  return { ...plan, relations };
}
