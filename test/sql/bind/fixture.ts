// Small tables, a parser, and a real SQLite that plans are run against: holes are filled by hand-written sub-selects.
import { Database } from "bun:sqlite";
import { DbError } from "../../../src/base/errors.ts";
import { parseName, parseUserId, tableIdOf } from "../../../src/base/ids.ts";
import { type ColumnDefault, type OutputColumn, type TableKind, type TableSchema } from "../../../src/model/schema.ts";
import type { Cell, SqliteValue, SqlType } from "../../../src/model/sql-type.ts";
import { cellFromSqlite, cellToSqlite, parseCell, TYPES } from "../../../src/model/types.ts";
import { resolveSlots, slotsToSqlite } from "../../../src/sql/bind/slots.ts";
import { createGenerators, type Generators } from "../../../src/sql/functions/generators.ts";
import { registerFunctions } from "../../../src/sql/functions/register.ts";
import { type LiftedLiteral, liftLiterals } from "../../../src/sql/lift-literals.ts";
import { loadParser } from "../../../src/sql/parse/parser.ts";
import type { BindContext, DataPlan, LivePlan, QueryPlan, RelationUse, SystemViewInfo } from "../../../src/sql/plan.ts";
import { type Planned, planData, planLive } from "../../../src/sql/planner.ts";
import type { DataStatement } from "../../../src/sql/statement.ts";

const int: SqlType = { kind: "int" };
const bigint: SqlType = { kind: "bigint" };
const text: SqlType = { kind: "text" };

type ColumnSpec = readonly [name: string, type: SqlType, defaultTo?: ColumnDefault];

let nextTable = 0;

export function table(name: string, kind: TableKind, columns: readonly ColumnSpec[]): TableSchema {
  nextTable += 1;
  return {
    id: tableIdOf(nextTable),
    namespace: parseName("app"),
    name: parseName(name),
    kind,
    keyIndex: 0,
    version: 1,
    // Column ids with gaps, so that an id taken for a position shows.
    columns: columns.map(([column, type, defaultTo], index) => ({
      id: index * 2 + 1,
      name: parseName(column),
      type,
      nullable: index > 0,
      default: defaultTo,
    })),
    options: { storageId: "local", flushPolicy: undefined, accessLevel: "public" },
    createdAtMs: 0,
    updatedAtMs: 0,
  };
}

export const items = table("items", "shared", [
  ["id", bigint],
  ["name", text],
  ["qty", int],
  ["small", { kind: "smallint" }],
  ["price", { kind: "decimal", precision: 10, scale: 2 }],
  ["weight", { kind: "double" }],
  ["active", { kind: "boolean" }],
  ["made", { kind: "timestamp" }],
  ["day", { kind: "date" }],
  ["tags", { kind: "json" }],
  ["ref", { kind: "uuid" }],
]);

export const orders = table("orders", "shared", [
  ["id", bigint],
  ["item_id", bigint],
  ["amount", int],
  ["note", text, { kind: "literal", value: "none" }],
]);

export const notes = table("notes", "user", [
  ["id", text],
  ["body", text],
  ["score", int],
  ["stamp", { kind: "timestamp" }, { kind: "function", name: "NOW" }],
]);

export const clicks = table("clicks", "stream", [
  ["id", text],
  ["body", text],
]);

const NULL_ROW = [null, null, null, null, null, null, null, null, null, null] as const;
const UUID = "018f6c1e-0000-7000-8000-000000000001";

/** Text forms, as PostgreSQL reads them. The PostgreSQL that gave the expected answers held the same rows. */
export const ITEM_ROWS: readonly (readonly (string | null)[])[] = [
  ["1", "apple", "10", "1", "1.50", "0.5", "t", "2024-01-01 10:00:00", "2024-01-01", '{"a": 1, "b": [1, 2]}', UUID],
  ["2", "pear", null, "2", "2.25", null, "f", "2024-02-01 00:00:00", "2024-02-01", '{"a": null}', null],
  ["3", "fig", "5", null, null, "1.25", null, null, null, null, null],
  ["4", "Apple", "10", "-7", "10.00", "-2.5", "t", "2023-12-31 23:59:59.5", "2023-12-31", '{"a": "x"}', null],
  ["5", ...NULL_ROW],
];

export const ORDER_ROWS: readonly (readonly (string | null)[])[] = [
  ["100", "1", "3", "first"],
  ["101", "1", "4", null],
  ["102", "2", "1", "x_y"],
  ["103", "9", "7", "50%"],
  ["104", null, null, "ünï 😀"],
];

const view: SystemViewInfo = {
  kind: "systemView",
  view: "system.jobs",
  columns: [
    { name: "job_id", type: text, flags: ["nn"] },
    { name: "started_at", type: { kind: "timestamp" }, flags: [] },
  ],
};

export const context: BindContext = {
  namespace: parseName("app"),
  findRelation: (namespace, name) => {
    if (namespace === "system") return name === "jobs" ? view : undefined;
    if (namespace !== "app") return undefined;
    return [items, orders, notes, clicks].find((known) => known.name === name);
  },
  hasNamespace: (namespace) => namespace === "app" || namespace === "system",
  relationsLike: (namespace) =>
    namespace === "app" ? [items, orders, notes, clicks].map(({ name }) => name) : ["jobs"],
  namespaces: () => ["app", "system"],
};

export const NOW_US = 1_717_243_200_000_000n;
export const generators: Generators = createGenerators({ nowMs: () => 1_717_243_200_000, monotonicMs: () => 0 });
const parser = await loadParser();

export function dataStatement(sql: string): { readonly statement: DataStatement; readonly text: string } {
  const [parsed] = parser.parse(sql);
  const statement = parsed?.statement;
  if (parsed === undefined || statement === undefined) throw new Error(`no statement in ${sql}`);
  switch (statement.kind) {
    case "select":
    case "insert":
    case "update":
    case "delete":
      return { statement, text: parsed.text };
    default:
      throw new Error(`${statement.kind} is no data statement`);
  }
}

/** `lifted`: as on the way to the plan cache; else every literal stays in the plan. */
export function plan(sql: string, lifted = true): Planned<DataPlan> & { readonly literals: readonly LiftedLiteral[] } {
  const { statement, text: source } = dataStatement(sql);
  const literals = lifted ? liftLiterals(source).literals : [];
  return { ...planData(statement, { text: source, literals, context, generators }), literals };
}

export function queryOf(sql: string, lifted = true): QueryPlan {
  const { plan: found } = plan(sql, lifted);
  if (found.kind !== "query") throw new Error(`${sql} is a ${found.kind}`);
  return found;
}

export function live(sql: string): Planned<LivePlan> & { readonly literals: readonly LiftedLiteral[] } {
  const { statement, text: source } = dataStatement(sql);
  const { literals } = liftLiterals(source);
  return { ...planLive(statement, { text: source, literals, context, generators }), literals };
}

function storedTable(
  db: Database,
  schema: TableSchema,
  rows: readonly (readonly (string | null)[])[],
  owner: string,
): void {
  const columns = schema.columns.map((column) => `c${column.id} ${TYPES[column.type.kind].sqlite}`).join(", ");
  db.run(`CREATE TABLE IF NOT EXISTS t${schema.id} (_user TEXT, ${columns}, _seq INTEGER, _deleted INTEGER) STRICT`);
  const places = schema.columns.map(() => "?").join(", ");
  const insert = db.prepare(`INSERT INTO t${schema.id} VALUES (?, ${places}, ?, ?)`);
  for (const [index, row] of rows.entries()) {
    const cells = schema.columns.map((column, i) =>
      cellToSqlite(parseCell(row[i] ?? null, column.type, column.name), column.type),
    );
    insert.run(owner, ...cells, 1000 + index, row.length > schema.columns.length ? 1 : 0);
  }
}

export function openDatabase(): Database {
  const db = new Database(":memory:");
  registerFunctions(db, generators);
  // Key order is not row order, so that the default order shows.
  storedTable(db, items, ITEM_ROWS.toReversed(), "");
  storedTable(db, orders, ORDER_ROWS, "");
  storedTable(
    db,
    notes,
    [
      ["n1", "ann one", "1", null],
      ["n2", "ann two", "2", null],
      ["n0", "gone", "9", null, "deleted"],
    ],
    "ann",
  );
  storedTable(db, notes, [["n1", "bob one", "5", null]], "bob");
  storedTable(db, clicks, [["k1", "click", null]], "ann");
  return db;
}

function holeText(use: RelationUse): string {
  if (use.kind === "systemView") {
    const columns = use.columns.map((_, index) => `value ->> ${index} AS v${index}`).join(", ");
    return `(SELECT ${columns} FROM json_each(?${use.rowsSlot + 1}))`;
  }
  const { schema, includeDeleted } = use;
  const columns = [...schema.columns.map((column) => `c${column.id}`), "_seq", "_deleted"].join(", ");
  const owner = use.kind === "userTable" ? `_user = ?${use.scopeSlot + 1}` : "1";
  return `(SELECT ${columns} FROM t${schema.id} WHERE ${owner}${includeDeleted ? "" : " AND _deleted = 0"})`;
}

export function sqlText(query: QueryPlan): string {
  return query.sql
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const use = query.relations[piece];
      if (use === undefined) throw new Error(`no relation ${piece}`);
      return holeText(use);
    })
    .join("");
}

export interface RunOptions {
  readonly params?: readonly Cell[];
  readonly user?: string;
  readonly bounds?: { readonly afterSeq: bigint; readonly upToSeq: bigint; readonly limit: bigint };
}

export function slotCells(
  slots: QueryPlan["slots"],
  literals: readonly LiftedLiteral[],
  { params = [], user = "ann", bounds }: RunOptions = {},
): Cell[] {
  return resolveSlots(slots, {
    params,
    literals,
    user: parseUserId(user),
    role: "user",
    nowUs: NOW_US,
    viewRows: () => '[["job-1",1700000000000000],["job-2",null]]',
    ...(bounds === undefined ? {} : { bounds }),
  });
}

export interface RunInput {
  readonly query: QueryPlan;
  readonly literals: readonly LiftedLiteral[];
  readonly options?: RunOptions;
}

export function runQuery(db: Database, { query, literals, options = {} }: RunInput): Cell[][] {
  const values = slotsToSqlite(query.slots, slotCells(query.slots, literals, options));
  const statement = db.prepare<unknown, SqliteValue[]>(sqlText(query));
  const rows = statement.values(...values) as SqliteValue[][];
  return rows.map((row) => query.output.map((column, index) => cellFromSqlite(row[index] ?? null, column.type)));
}

function cellText(cell: Cell, type: SqlType): string | null {
  if (cell === null) return null;
  if (type.kind === "boolean") return cell === true ? "t" : "f";
  return TYPES[type.kind].toText(cell, type);
}

/** Rows in PostgreSQL's text form. */
export function textRows(output: readonly OutputColumn[], rows: readonly (readonly Cell[])[]): (string | null)[][] {
  return rows.map((row) => output.map((column, index) => cellText(row[index] ?? null, column.type)));
}

/** Rows of a SELECT as PostgreSQL prints them: `a|b`, `~` for NULL. */
export function answer(db: Database, sql: string, options: RunOptions & { readonly lifted?: boolean } = {}): string[] {
  const { plan: query, literals } = plan(sql, options.lifted ?? true);
  if (query.kind !== "query") throw new Error(`${sql} is a ${query.kind}`);
  const rows = runQuery(db, { query, literals, options });
  return textRows(query.output, rows).map((row) => row.map((cell) => cell ?? "~").join("|"));
}

/** Code, message and place of what a statement is refused with, while planned or while run. */
export function refusal(run: () => unknown): {
  readonly code: string;
  readonly message: string;
  readonly position: number | undefined;
} {
  try {
    run();
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return { code: error.code, message: error.message, position: error.position };
  }
  throw new Error("nothing was refused");
}
