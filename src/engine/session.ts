// Who a statement runs for, and what a call brings along.

import type { Name, UserId } from "../base/ids.ts";
import type { Param } from "../model/param.ts";
import type { Role } from "../model/role.ts";
import type { LiftedStatement } from "../sql/lift-literals.ts";
import type { WriteBudget } from "./write-budget.ts";

/** Of a request that names none. The name is reserved, so there is no such namespace. */
export const DEFAULT_NAMESPACE = "default";

/** One request's identity. EXECUTE AS USER makes another one; nothing else does. */
export interface Session {
  readonly user: UserId;
  readonly role: Role;
  /** Namespace of unqualified names. */
  readonly namespace: Name;
  /** Of the client, for the audit log; asked for only then. */
  readonly address?: () => string;
}

/** Who asks, with what values, and when. */
export interface Caller {
  readonly session: Session;
  readonly params: readonly Param[];
  /** One instant for every NOW() of the statement, µs since the Unix epoch. */
  readonly nowUs: bigint;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal | undefined;
}

/** One attempt to run a planned statement. */
export interface Call extends Caller {
  /** The literals lifted out of the statement, in order. */
  readonly literals: LiftedStatement["literals"];
  /** Whether its plan came from the cache. */
  readonly isPlanKnown?: boolean;
  readonly budget: WriteBudget;
}
