// Ties the parts of the binder together for one statement.
import type { Binder } from "./binder.ts";
import { bindExpr } from "./expression.ts";
import { bindQuery } from "./query.ts";
import type { BindSession } from "./session.ts";

export function createBinder(session: BindSession): Binder {
  const binder: Binder = {
    session,
    expr: (node, context) => bindExpr(binder, node, context),
    query: (select, env) => bindQuery(binder, select, env),
  };
  return binder;
}
