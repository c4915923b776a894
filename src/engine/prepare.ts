// Text → plans. A request that is one data statement is found by its lifted text and costs neither a parse nor a bind; everything else is parsed, and its data
// statements are planned through the same cache.
import { DbError } from "../base/errors.ts";
import { liftLiterals, type LiftedStatement } from "../sql/lift-literals.ts";
import type { Parser } from "../sql/parse/parser.ts";
import type { BindContext, DataPlan, LivePlan } from "../sql/plan.ts";
import { PlanCache, type PlanCacheStats } from "../sql/plan-cache.ts";
import { planData, planLive } from "../sql/planner.ts";
import type { DataStatement, ParsedStatement, Statement } from "../sql/statement.ts";
import type { CatalogView } from "../storage/seams.ts";
import type { Session } from "./session.ts";
import { SYSTEM_NAMESPACES, SYSTEM_VIEWS } from "./views/registry.ts";

type Literals = LiftedStatement["literals"];

/** A data plan with the texts of its statement's literals, for its slots. */
export interface PlannedData {
  readonly plan: DataPlan;
  readonly literals: Literals;
}

/** One statement of a request. A data statement is planned when its turn comes: the one before it may have made its table. */
export type Runnable =
  | { readonly kind: "data"; readonly plan: (session: Session) => PlannedData; readonly text: string; readonly offset: number }
  | { readonly kind: "statement"; readonly statement: Exclude<Statement, DataStatement>; readonly text: string; readonly offset: number };

export interface PreparedLive {
  readonly plan: LivePlan;
  readonly literals: Literals;
}

export interface Preparer {
  /** Every statement of the text is parsed before the first runs. */
  prepare(sql: string, session: Session, paramCount: number): readonly Runnable[];
  prepareLive(sql: string, session: Session): PreparedLive;
  stats(): PlanCacheStats;
}
