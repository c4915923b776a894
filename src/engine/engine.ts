// The engine as the server sees it: run a request's SQL, subscribe to a SELECT.

import { assertMayRead, assertMayRun } from "../auth/access.ts";
import { DbError } from "../base/errors.ts";
import { type ConnectionId, type Name, parseName, type UserId } from "../base/ids.ts";
import type { LiveStatement, PlannedLive } from "../live/group.ts";
import type { LiveQueries } from "../live/live-queries.ts";
import type { Principal } from "../live/ports.ts";
import { type Param, paramShape } from "../model/param.ts";
import type { Role } from "../model/role.ts";
import type { TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { ClientMessage } from "../protocol/up.ts";
import { runRequest, type SqlRequest } from "./batch.ts";
import { slotsOf } from "./data.ts";
import type { EngineDeps } from "./deps.ts";
import { DEFAULT_NAMESPACE, type Session } from "./session.ts";
import { runUpload, type Uploads } from "./uploads.ts";
import { scopeFor } from "./write.ts";

export interface RunInput {
  readonly sql: string;
  readonly params: readonly Param[];
  readonly user: UserId;
  readonly role: Role;
  /** Namespace of unqualified names; undefined: `default`, which never exists. */
  readonly namespace: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Of the client. */
  readonly address?: () => string;
}

export interface SubscribeInput {
  readonly connection: ConnectionId;
  readonly principal: Principal;
  readonly message: Extract<ClientMessage, { kind: "subscribe" }>;
}

export interface Engine {
  /** Synchronous, and then throws, where there is nothing to wait for. */
  run(input: RunInput): readonly StatementResult[] | Promise<readonly StatementResult[]>;
  /** The same for a request that brought files. */
  runUpload(input: RunInput, uploads: Uploads): Promise<readonly StatementResult[]>;
  /** Plans the SELECT and hands it to live queries, which answer over the connection. Throws what is wrong with it. */
  subscribe(input: SubscribeInput): void;
}

export function createEngine(deps: EngineDeps, live: LiveQueries): Engine {
  return {
    run: (input) => runRequest(requestOf(input), deps),
    runUpload: (input, uploads) => runUpload(requestOf(input), uploads, deps),
    subscribe: (input) => subscribe(input, deps, live),
  };
}

function requestOf(input: RunInput): SqlRequest {
  return { sql: input.sql, params: input.params, session: sessionOf(input), signal: input.signal };
}

function sessionOf({ user, role, namespace, address }: RunInput): Session {
  return { user, role, namespace: requestNamespace(namespace), ...(address === undefined ? {} : { address }) };
}

function requestNamespace(text: string | undefined): Name {
  return parseName(text ?? DEFAULT_NAMESPACE, "Namespace");
}

function subscribe(input: SubscribeInput, deps: EngineDeps, live: LiveQueries): void {
  const { principal, message, connection } = input;
  if (message.id.trim() === "") throw new DbError("INVALID_SUBSCRIPTION_ID", "Subscription ID cannot be empty");
  assertMayRun(principal.role, "subscribe");
  const session = { ...principal, namespace: requestNamespace(message.namespaceId) };
  const statement = new SubscribedStatement(message, session, deps);
  const { plan, slots } = statement.plan();
  // Its own table, and those of its sub-queries.
  for (const use of plan.snapshot.relations) if (use.kind !== "systemView") assertMayRead(principal.role, use.schema);
  live.subscribe(connection, {
    id: message.id,
    query: message.sql,
    plan,
    slots,
    statement,
    scope: scopeFor(plan.table, principal.user),
    options: message.options,
  });
}

const NO_PARAMS: readonly Param[] = [];

/** Kept as long as anybody listens: nothing of the message beyond what planning needs. */
class SubscribedStatement implements LiveStatement {
  readonly #sql: string;
  readonly #params: readonly Param[];
  readonly #session: Session;
  readonly #deps: EngineDeps;
  /** A subscription's NOW() is the moment it was made: a predicate that moves with the clock would change without a write. */
  readonly #nowMs: number;

  constructor({ sql, params }: SubscribeInput["message"], session: Session, deps: EngineDeps) {
    this.#sql = sql;
    this.#params = params.length === 0 ? NO_PARAMS : params;
    this.#session = session;
    this.#deps = deps;
    this.#nowMs = Math.floor(deps.clock.nowMs());
  }

  plan(own?: TableSchema): PlannedLive {
    const params = this.#params;
    const session = this.#session;
    const { plan, literals } = this.#deps.preparer.prepareLive(this.#sql, session, paramShape(params), own);
    const nowUs = BigInt(this.#nowMs) * 1000n;
    return { plan, slots: slotsOf(plan.slots, { session, params, literals, nowUs, signal: undefined }, this.#deps) };
  }
}
