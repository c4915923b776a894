// A SELECT between the binding of its parts and the settling of its output types.
import type { SelectStmt } from "libpg-query";
import type { Expr } from "../expression.ts";
import type { Binder, Clause, ExprContext, QueryEnv, QueryTraits } from "./binder.ts";
import type { FromItem } from "./relation.ts";
import type { Scope } from "./scope.ts";
import type { Target } from "./target-list.ts";

export interface SelectParts {
  readonly binder: Binder;
  readonly stmt: SelectStmt;
  readonly env: QueryEnv;
  readonly traits: QueryTraits;
  readonly from: FromItem | undefined;
  readonly scope: Scope;
  readonly where: Expr | undefined;
  readonly targets: readonly Target[];
}

export function contextOf({ scope, traits, env }: SelectParts, clause: Clause): ExprContext {
  return { scope, clause, traits, ctes: env.ctes };
}
