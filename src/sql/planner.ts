// Statements → plans: PostgreSQL's syntax tree bound to tables and types, and rendered to SQLite text with holes. Pure.
import type { InsertStmt, SelectStmt } from "libpg-query";
import { assertNever } from "../base/errors.ts";
import type { TableSchema } from "../model/schema.ts";
import type { SqlType } from "../model/sql-type.ts";
import { createBinder } from "./bind/create-binder.ts";
import { bindInsert } from "./bind/insert.ts";
import { bindLive } from "./bind/live.ts";
import { bindDelete, bindUpdate } from "./bind/modify.ts";
import { outputType } from "./bind/operand.ts";
import { queryPlan } from "./bind/query-plan.ts";
import { BindSession } from "./bind/session.ts";
import { unsupported } from "./bind/syntax.ts";
import { bindViewQuery } from "./bind/view.ts";
import type { Generators } from "./functions/generators.ts";
import type { LiftedLiteral } from "./lift-literals.ts";
import type { BindContext, DataPlan, InsertPlan, LivePlan, QueryPlan, Slot } from "./plan.ts";
import type { DataStatement } from "./statement.ts";

export interface PlanInput {
  /** The statement's own text, which its tree was parsed from. */
  readonly text: string;
  /** Of the same text; none when the plan will not be cached. */
  readonly literals: readonly LiftedLiteral[];
  readonly context: BindContext;
  /** Room for each parameter that is a list, by its place. */
  readonly listRooms?: ReadonlyMap<number, number>;
  readonly generators: Generators;
}

export interface Planned<Plan> {
  readonly plan: Plan;
  /** Literals whose value the plan depends on, by their index: it is right only for statements with the same ones. */
  readonly pinned: readonly number[];
  /** How many parameters the statement names. */
  readonly parameterCount: number;
}

export function planData(statement: DataStatement, input: PlanInput): Planned<DataPlan> {
  const { node } = statement;
  const session = new BindSession(input);
  switch (statement.kind) {
    case "select":
      return planned([session], planSelect(session, selectOf(statement)));
    case "insert":
      if ("InsertStmt" in node) return planInsert(session, node.InsertStmt, input);
      break;
    case "update":
      if ("UpdateStmt" in node) {
        return planned([session], bindUpdate(createBinder(session), node.UpdateStmt, input.generators));
      }
      break;
    case "delete":
      if ("DeleteStmt" in node) {
        return planned([session], bindDelete(createBinder(session), node.DeleteStmt, input.generators));
      }
      break;
    default:
      return assertNever(statement, "data statement");
  }
  throw new Error(`the tree of ${statement.kind} is another`);
}

export function selectOf({ node }: DataStatement): SelectStmt {
  if ("SelectStmt" in node) return node.SelectStmt;
  throw new Error("the tree of select is another");
}

function planSelect(session: BindSession, select: SelectStmt): QueryPlan {
  const env = { ctes: undefined, outer: undefined, captured: [], topLevel: true, userColumnsOnly: false };
  const open = createBinder(session).query(select, env);
  const query = open.close(open.operands.map(outputType));
  const output = query.columns.map(({ name, type, flags }) => ({ name, type, flags }));
  const { render, point, summarized } = query;
  return queryPlan(session, { render, output, point, summarized });
}

function planInsert(session: BindSession, statement: InsertStmt, input: PlanInput): Planned<InsertPlan> {
  const sessions = [session];
  const plan = bindInsert(createBinder(session), statement, {
    generators: input.generators,
    bindSource: (bind) => {
      const source = new BindSession(input);
      sessions.push(source);
      return bind(createBinder(source));
    },
  });
  return planned(sessions, plan);
}

function planned<Plan extends DataPlan | LivePlan>(sessions: readonly BindSession[], plan: Plan): Planned<Plan> {
  const slots: readonly Slot[] = sessions.flatMap((session) => session.slots);
  const pinned = new Set(sessions.flatMap((session) => session.pinned(slots)));
  const parameterCount = Math.max(...sessions.map((session) => session.parameterCount));
  return { plan, pinned: [...pinned].sort((a, b) => a - b), parameterCount };
}

/** A SELECT to be kept up to date. Refuses, by name, what cannot be decided from one row. */
export function planLive(statement: DataStatement, input: PlanInput): Planned<LivePlan> {
  if (statement.kind !== "select") throw unsupported(`${statement.kind.toUpperCase()} as a live query`);
  const session = new BindSession(input);
  return planned([session], bindLive(createBinder(session), selectOf(statement), input.generators));
}

export interface BoundView {
  readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
  /** Every base table it reads, and every view, through others too. */
  readonly tables: readonly TableSchema[];
  readonly views: ReadonlySet<string>;
  readonly parameterCount: number;
}

/** What a view of this text would show. */
export function bindView(statement: DataStatement, input: PlanInput): BoundView {
  if (statement.kind !== "select") throw unsupported(`${statement.kind.toUpperCase()} as a view`);
  const session = new BindSession(input);
  const { columns } = bindViewQuery(createBinder(session), selectOf(statement));
  const tables = session.relationUses().flatMap((use) => (use.kind === "systemView" ? [] : [use.schema]));
  return { columns, tables, views: new Set(session.viewsRead.keys()), parameterCount: session.parameterCount };
}
