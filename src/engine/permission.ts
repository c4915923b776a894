// What a session may run, put together from `auth`'s decisions: one check for the statement's kind, one for every table it reaches.
import {
  assertMayRead,
  assertMayReadSystem,
  assertMayWrite,
  assertMayRun as assertRoleMayRun,
  type StatementKind,
} from "../auth/access.ts";
import type { DataPlan, QueryPlan } from "../sql/plan.ts";
import type { Statement } from "../sql/statement.ts";
import type { Session } from "./session.ts";
import { SYSTEM_VIEWS } from "./views/registry.ts";

/** Every statement of the dialect has a rule; a new kind without one does not compile. */
export function assertMayExecute(session: Session, kind: Statement["kind"]): void {
  const known: StatementKind = kind;
  assertRoleMayRun(session.role, known);
}

export function assertMayRun(plan: DataPlan, session: Session): void {
  if (plan.kind === "query") {
    assertMayExecute(session, "select");
    assertMayReadRelations(plan, session);
    return;
  }
  assertMayExecute(session, plan.kind);
  assertMayWrite(session.role, plan.table);
  if (plan.kind !== "insert") assertMayReadRelations(plan.find, session);
  else if (plan.source.kind === "query") assertMayReadRelations(plan.source.query, session);
}

function assertMayReadRelations(plan: QueryPlan, session: Session): void {
  for (const use of plan.relations) {
    if (use.kind !== "systemView") assertMayRead(session.role, use.schema);
    else if (SYSTEM_VIEWS.get(use.view)?.adminOnly !== false) assertMayReadSystem(session.role, viewName(use.view));
  }
}

function viewName(view: string): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = view.split(".");
  return { namespace, name };
}
