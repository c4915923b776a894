// A query of any form, with its WITH clause.
import type { SelectStmt } from "libpg-query";
import type { Binder, BoundQuery, OpenQuery, QueryEnv } from "./binder.ts";
import { bindPlainSelect } from "./select.ts";
import { bindSetOperation, bindValues } from "./set-operation.ts";
import { unsupported } from "./syntax.ts";
import { bindWith } from "./with.ts";

export function bindQuery(binder: Binder, stmt: SelectStmt, env: QueryEnv): OpenQuery {
  return binder.session.nested(undefined, () => {
    if (stmt.intoClause !== undefined) throw unsupported("SELECT INTO");
    if ((stmt.lockingClause ?? []).length > 0) throw unsupported("FOR UPDATE and FOR SHARE");
    if (stmt.withClause === undefined) return bindBody(binder, stmt, env);
    const { ctes, render } = bindWith(binder, stmt.withClause, env);
    const open = bindBody(binder, stmt, { ...env, ctes });
    const close = (types: Parameters<OpenQuery["close"]>[0]): BoundQuery => {
      const query = open.close(types);
      return { ...query, shape: "closed", render: (renderArg) => render(renderArg) + query.render(renderArg) };
    };
    return { ...open, close };
  });
}

function bindBody(binder: Binder, stmt: SelectStmt, env: QueryEnv): OpenQuery {
  if (stmt.op !== undefined && stmt.op !== "SETOP_NONE") return bindSetOperation(binder, stmt, env);
  if ((stmt.valuesLists ?? []).length > 0) return bindValues(binder, stmt, env);
  return bindPlainSelect(binder, stmt, env);
}
