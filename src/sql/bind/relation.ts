// Relations of a FROM clause: what they are called, which columns they show, and their SQLite text.
import type { Alias, RangeVar } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { SchemaFlag, TableSchema } from "../../model/schema.ts";
import { SYSTEM_COLUMNS } from "../../model/schema.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { tableRefOf } from "../parse/names.ts";
import type { SystemViewInfo, ViewInfo } from "../plan.ts";
import type { TableRef } from "../statement.ts";
import type { CteScope, QueryColumn, RenderArg } from "./binder.ts";
import type { ScopeColumn, ScopeTable } from "./scope.ts";
import { type BindSession, type RelationDraft, relationDraft } from "./session.ts";
import { didYouMean } from "./suggest.ts";
import { at, namesOf } from "./syntax.ts";

export interface FromItem {
  readonly tables: readonly ScopeTable[];
  readonly visible: readonly ScopeColumn[];
  readonly render: (renderArg: RenderArg) => string;
  /** A base table and nothing else: what point lookups and the default order look for. */
  readonly baseTable: { readonly schema: TableSchema; readonly relation: number } | undefined;
  readonly isJoin: boolean;
  /** Joins that need no brackets to the right of a cross join: SQLite joins from left to right. */
  readonly isFlat?: boolean;
}

interface Described {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly flags: readonly SchemaFlag[];
  readonly system: boolean;
  readonly sqlName: string;
}

interface RelationInput {
  readonly alias: Alias | undefined;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly columns: readonly Described[];
  readonly draft: RelationDraft | undefined;
  readonly keyColumn: number | undefined;
  readonly position: number | undefined;
}

function addRelation(session: BindSession, input: RelationInput): ScopeTable {
  const names = renamed(input);
  const alias = input.alias?.aliasname ?? input.name;
  const sqlNames = input.columns.map((column) => column.sqlName);
  const relation = session.relation({ alias, names, columns: sqlNames, draft: input.draft });
  const columns = input.columns.map((column, index): ScopeColumn => {
    const { type, nullable, flags, system } = column;
    const draft = system && type.kind === "boolean" ? input.draft : undefined;
    const expr = { kind: "column", type, relation, column: index } as const;
    return { name: names[index] ?? column.name, type, nullable, flags, system, expr, draft };
  });
  const namespace = input.alias === undefined ? input.namespace : undefined;
  return { alias, namespace, relation, columns, keyColumn: input.keyColumn };
}

/** `AS t(a, b)` renames the first columns. */
function renamed({ alias, columns, name, position }: RelationInput): readonly string[] {
  const given = namesOf(alias?.colnames);
  const available = columns.filter((column) => !column.system).length;
  if (given.length > available) {
    const message = `table "${alias?.aliasname ?? name}" has ${available} columns available but ${given.length} columns specified`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  return columns.map((column, index) => given[index] ?? column.name);
}

function flagsOf(schema: TableSchema, index: number): readonly SchemaFlag[] {
  if (index === schema.keyIndex) return ["pk", "nn", "uq"];
  return schema.columns[index]?.nullable === false ? ["nn"] : [];
}

export function tableColumns(schema: TableSchema): readonly Described[] {
  const columns = schema.columns.map((column, index): Described => {
    const flags = flagsOf(schema, index);
    const nullable = !flags.includes("nn");
    return { name: column.name, type: column.type, nullable, flags, system: false, sqlName: `c${column.id}` };
  });
  const system = SYSTEM_COLUMNS.map(
    ({ name, type }): Described => ({ name, type, nullable: false, flags: ["nn"], system: true, sqlName: name }),
  );
  return [...columns, ...system];
}

function viewColumns(view: SystemViewInfo): readonly Described[] {
  return view.columns.map(({ name, type, flags }, index) => {
    const nullable = !flags.includes("nn");
    return { name, type, nullable, flags, system: false, sqlName: `v${index}` };
  });
}

/** The table or view a name in the text means. */
export function findRelation(session: BindSession, node: RangeVar): TableSchema | SystemViewInfo | ViewInfo {
  const position = session.position(node.location);
  const ref = tableRefOf(node);
  const namespace = ref.namespace ?? session.namespace;
  const found = session.context.findRelation(namespace, ref.name);
  if (found !== undefined) return found;
  throw relationNotFound(session, ref, position);
}

function relationNotFound(session: BindSession, ref: TableRef, position: number | undefined): DbError {
  const label = ref.namespace === undefined ? ref.name : `${ref.namespace}.${ref.name}`;
  const details = { ...at(position), ...relationHint(session, ref) };
  return new DbError("TABLE_NOT_FOUND", `relation "${label}" does not exist`, details);
}

/** What the name may have meant. */
export function relationHint(session: BindSession, ref: TableRef): { readonly hint?: string } {
  const { context } = session;
  const namespace = ref.namespace ?? session.namespace;
  const missing = `Namespace "${namespace}" does not exist.`;
  const looked = `Tables without a namespace are looked up in "${namespace}".`;
  const near = context.hasNamespace(namespace)
    ? didYouMean(ref.name, context.relationsLike(namespace)).hint
    : [missing, didYouMean(namespace, context.namespaces()).hint].filter(Boolean).join(" ");
  const hint = near ?? (ref.namespace === undefined ? looked : undefined);
  return hint === undefined ? {} : { hint };
}

/** A common table expression of that name; undefined when there is none in reach. */
export function bindCteReference(
  session: BindSession,
  node: RangeVar,
  ctes: CteScope | undefined,
): FromItem | undefined {
  const position = session.position(node.location);
  const name = node.relname ?? "";
  for (let scope = node.schemaname === undefined ? ctes : undefined; scope !== undefined; scope = scope.next) {
    if (scope.cte.name !== name) continue;
    session.forbidPoint();
    const { sqlName, columns } = scope.cte;
    return derivedItem(session, { alias: node.alias, name, columns, position, render: () => sqlName });
  }
  return undefined;
}

export function tableItem(
  session: BindSession,
  source: TableSchema | SystemViewInfo,
  { alias, position }: { readonly alias: Alias | undefined; readonly position: number | undefined },
): FromItem {
  const draft = relationDraft(source);
  const hole = session.hole(draft);
  const isView = source.kind === "systemView";
  if (isView) session.forbidPoint();
  const [namespace, name] = isView ? viewName(source.view) : [source.namespace, source.name];
  const columns = isView ? viewColumns(source) : tableColumns(source);
  const keyColumn = isView ? undefined : source.keyIndex;
  const table = addRelation(session, { alias, name, namespace, columns, draft, keyColumn, position });
  return {
    tables: [table],
    visible: table.columns,
    render: () => `${holeMark(hole)} AS r${table.relation}`,
    baseTable: isView ? undefined : { schema: source, relation: table.relation },
    isJoin: false,
  };
}

/** Views are named `namespace.view`. */
function viewName(view: string): readonly [string | undefined, string] {
  const dot = view.lastIndexOf(".");
  return dot < 0 ? [undefined, view] : [view.slice(0, dot), view.slice(dot + 1)];
}

interface DerivedInput {
  readonly alias: Alias | undefined;
  readonly name: string;
  readonly columns: readonly QueryColumn[];
  readonly position: number | undefined;
  readonly render: (renderArg: RenderArg) => string;
  /** The SQLite column that every column is made from; without it they are `o0, o1, …`. */
  readonly sqlName?: string;
}

/** A query's output as a relation: a sub-query in FROM or a use of a common table expression. */
export function derivedItem(session: BindSession, derived: DerivedInput): FromItem {
  const { alias, name, position, render, sqlName } = derived;
  const columns = derived.columns.map(
    (column, index): Described => ({ ...column, system: isSystemName(column), sqlName: sqlName ?? `o${index}` }),
  );
  const input = { alias, name, namespace: undefined, columns, draft: undefined, keyColumn: undefined, position };
  const table = addRelation(session, input);
  return {
    tables: [table],
    visible: table.columns,
    render: (renderArg) => `${render(renderArg)} AS r${table.relation}`,
    baseTable: undefined,
    isJoin: false,
  };
}

/** `_seq` and `_deleted` passed on by a sub-query stay out of NATURAL joins too. */
function isSystemName(column: QueryColumn): boolean {
  return SYSTEM_COLUMNS.some(({ name }) => name === column.name);
}

const MARK = "\u0000";

/** Stands for `relations[hole]` until the text is cut up. No other part of the text can hold a NUL. */
function holeMark(hole: number): string {
  return `${MARK}${hole}${MARK}`;
}

/** Text around holes, as plans have it. */
export function cutAtHoles(text: string): (string | number)[] {
  return text.split(MARK).map((part, index) => (index % 2 === 0 ? part : Number(part)));
}
