// Live queries as the rest of the process sees them: connections come and go, subscriptions are made and ended, commits are dispatched.
// Pure delivery: no SQLite, no socket, no clock or timer of its own. Nothing here throws at a client's fault: the client is told.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { type ConnectionId, type Scope, type Seq, seqOf, type TableId, type UserId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Change } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import { CLOSE, type CloseReason, closeFor, type NativeCloseName } from "../protocol/close-codes.ts";
import type { Dialect } from "../protocol/dialect.ts";
import { errorMessage, expiredMessage, killedMessage, resetMessage, unsubscribedMessage } from "../protocol/down.ts";
import type { SubscribeOptions } from "../protocol/up.ts";
import type { LivePlan } from "../sql/plan.ts";
import { assertAdmitted, toClientError } from "./admission.ts";
import { alterLiveQueries } from "./alteration.ts";
import { Dispatcher } from "./dispatcher.ts";
import { GroupEncoders } from "./encoder.ts";
import { FewByKey } from "./few-by-key.ts";
import { Group, type GroupDeps, type LiveStatement } from "./group.ts";
import type { HeldBudget } from "./held-changes.ts";
import type { LiveLimits } from "./limits.ts";
import {
  type LiveConnectionRow,
  type LiveQueryRow,
  liveId,
  OptionsTexts,
  toLiveConnectionRow,
  toLiveQueryRow,
} from "./live-row.ts";
import type { Frame, Outlet, Principal, RowSource } from "./ports.ts";
import { ReadGate, type ReadGateDeps } from "./read-gate.ts";
import { type LiveConnection, Registry } from "./registry.ts";
import { shapeKey } from "./shape.ts";
import { type Opening, toOpening } from "./start.ts";
import { Subscription, type SubscriptionDeps } from "./subscription.ts";
import { createUpkeep, notForPeers, otherReadsOf, type UpkeepDeps, upkeepBounds } from "./upkeep-of-group.ts";

export interface LiveDeps {
  readonly outlet: Outlet;
  readonly source: RowSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: LiveLimits;
  /** Throws PERMISSION_DENIED when the principal may not read the table. Asked again when the table is altered. */
  readonly authorize: (principal: Principal, table: TableSchema) => void;
}

export interface LiveRequest {
  /** The client's own, unique within its connection; one that is active is replaced. */
  readonly id: string;
  /** As the client wrote it. */
  readonly query: string;
  readonly plan: LivePlan;
  readonly slots: readonly Cell[];
  /** Where `plan` and `slots` are from. */
  readonly statement: LiveStatement;
  readonly scope: Scope;
  /** Undefined: no initial data. */
  readonly options: SubscribeOptions | undefined;
}

export interface LiveCounters {
  readonly connections: number;
  readonly subscriptions: number;
  readonly groups: number;
  /** Held for subscriptions that are loading. */
  readonly heldBytes: number;
  /** Kept of queries that are run again. */
  readonly rerunRows: number;
  readonly commits: number;
  /** Times a group was asked whether a change concerns it. */
  readonly groupsVisited: number;
  readonly slowConsumers: number;
}

export function createLiveQueries(deps: LiveDeps): LiveQueries {
  return new LiveQueries(deps);
}

export class LiveQueries {
  readonly #deps: LiveDeps;
  readonly #registry: Registry;
  readonly #encoders = new GroupEncoders();
  readonly #dispatcher: Dispatcher;
  readonly #subscriptionDeps: SubscriptionDeps;
  readonly #groupDeps: GroupDeps;
  readonly #readGateDeps: ReadGateDeps<ConnectionId>;
  /** The highest position any read was made at: cursors up to here were given by us. */
  #observed = seqOf(0n);
  readonly #held: HeldBudget;
  readonly #upkeepDeps: UpkeepDeps<Subscription>;
  readonly #optionsTexts = new OptionsTexts();
  #lastChannel = 0;
  #slowConsumers = 0;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
    const { outlet, clock, limits } = deps;
    this.#held = { maxBytes: limits.heldBytesTotal, usedBytes: 0 };
    this.#groupDeps = { outlet, clock, bound: limits, budget: this.#held };
    this.#readGateDeps = { concurrent: limits.readsPerConnection, isWritable: (id) => this.#isWritable(id) };
    const registry = new Registry();
    this.#registry = registry;
    this.#upkeepDeps = {
      ...deps,
      ...upkeepBounds(deps.limits),
      observed: (position) => this.#observe(position),
      settle: () => this.#dispatcher.settle(),
      fail: (group, error) => this.#failGroup(group, error),
    };
    const fail = (subscription: Subscription, error: unknown): void => this.#fail(subscription, error);
    this.#dispatcher = new Dispatcher({ registry, source: deps.source, fail });
    this.#subscriptionDeps = {
      source: deps.source,
      readRows: deps.limits.readRows,
      nowMs: () => deps.clock.nowMs(),
      latestKeys: deps.limits.latestKeys,
      isWritable: (connection) => this.#isWritable(connection.id),
      tooSlow: (connection) => this.#closeSlow(connection.id),
      dispatched: () => this.#dispatcher.dispatched(),
      observed: (position) => this.#observe(position),
      send: (connection, frame) => this.#send(connection.id, frame),
      refuse: (connection, id, error) => this.refuse(connection.id, id, error),
      fail,
      settling: registry.settling,
    };
  }

  #observe(position: Seq): void {
    if (position > this.#observed) this.#observed = position;
  }

  /** Ends every subscription of a group. */
  #failGroup(group: Group<Subscription>, error: unknown): void {
    for (const subscription of group.subscribers()) this.#fail(subscription, error);
  }

  connect(id: ConnectionId, principal: Principal, dialect: Dialect): void {
    const reads = new ReadGate<Subscription, ConnectionId>(this.#readGateDeps, id);
    this.#registry.addConnection({ id, principal, dialect, subscriptions: new FewByKey(), reads });
  }

  /** The socket is gone. Idempotent. */
  disconnect(id: ConnectionId): void {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return;
    for (const subscription of connection.subscriptions.values()) this.#registry.drop(subscription);
    this.#registry.deleteConnection(connection);
  }

  /** The socket's send buffer has emptied: pushed pages go on. */
  drained(id: ConnectionId): void {
    const connection = this.#registry.connection(id);
    if (connection !== undefined) goOn(connection);
  }

  /** Refusals go to the client as `error`; a connection that is gone is nobody to tell. */
  subscribe(id: ConnectionId, request: LiveRequest): void {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return;
    try {
      const ofUser = this.#registry.subscriptionsOfUser(connection.principal.user);
      assertAdmitted(connection, request.id, { limits: this.#deps.limits, ofUser });
      const { limits, source } = this.#deps;
      const dispatched = this.#dispatcher.dispatched();
      const position = this.#observed > dispatched ? this.#observed : dispatched;
      // Rows that left or came because another table changed are in no table's history.
      const isRerun = request.plan.strategy.kind === "rerun";
      if (isRerun && connection.dialect.protocol === "peer") throw notForPeers(request.plan.strategy);
      const historyStartsAt = source.historyStartsAt(request.plan.table, request.scope);
      const horizon = isRerun ? undefined : { position, historyStartsAt, epoch: source.epoch };
      const opening = toOpening(request.options, connection.dialect, { limits, horizon });
      this.#begin(connection, request, opening);
    } catch (error) {
      const subscriptionId = request.id.trim() === "" ? "invalid_subscription" : request.id;
      this.refuse(id, subscriptionId, toClientError(error, subscriptionId, this.#deps.log));
    }
  }

  #begin(connection: LiveConnection, request: LiveRequest, { start, reset }: Opening): void {
    const replaced = connection.subscriptions.get(request.id);
    if (replaced !== undefined) this.#registry.drop(replaced);
    const group = this.#groupFor(connection, request);
    const { id, query } = request;
    const options = request.options === undefined ? undefined : this.#optionsTexts.of(request.options);
    const slow = request.options?.slow ?? "disconnect";
    const subscription = new Subscription(
      { id, query, options, startKind: start.kind, slow },
      { connection, group },
      this.#subscriptionDeps,
    );
    this.#registry.add(subscription);
    const isNative = connection.dialect.protocol === "native";
    subscription.begin(start, reset !== undefined && isNative ? resetMessage(id, reset) : undefined);
  }

  #groupFor(connection: LiveConnection, request: LiveRequest): Group<Subscription> {
    const { plan, slots, scope } = request;
    const { dialect } = connection;
    const shape = shapeKey({ plan, slots, scope, dialect });
    let key = shape;
    let known = this.#registry.group(key);
    for (let copy = 1; known?.hasConnection(connection.id) === true; copy++) {
      key = `${shape}#${copy}`;
      known = this.#registry.group(key);
    }
    if (known !== undefined) return known;
    this.#lastChannel += 1;
    const channel = this.#lastChannel;
    const encoder = this.#encoders.of(plan, { dialect, channel, epoch: this.#deps.source.epoch });
    const { user } = connection.principal;
    const { statement, query } = request;
    const identity = { key, channel, scope, otherReads: otherReadsOf(plan, user), statement, query };
    const view = { plan, slots, encoder };
    const group = new Group<Subscription>(identity, view, this.#groupDeps);
    const upkeep = createUpkeep(group, user, this.#upkeepDeps);
    if (upkeep !== undefined) group.keepBy(upkeep);
    this.#registry.addGroup(group);
    return group;
  }

  nextBatch(connectionId: ConnectionId, id: string, lastSeq: Seq | undefined): void {
    const connection = this.#registry.connection(connectionId);
    if (connection === undefined) return;
    const subscription = connection.subscriptions.get(id);
    if (subscription !== undefined) return subscription.handle({ kind: "asked", after: lastSeq });
    this.refuse(connectionId, id, new DbError("BATCH_FETCH_FAILED", `Not found: Subscription not found: ${id}`));
  }

  /** By the client's id or the live id. Idempotent: an unknown id is no error. */
  unsubscribe(connectionId: ConnectionId, id: string): void {
    const connection = this.#registry.connection(connectionId);
    if (connection === undefined) return;
    const ownLiveId = `${connection.principal.user}-${connectionId}-`;
    const { subscriptions } = connection;
    const bareId = subscriptions.get(id) === undefined && id.startsWith(ownLiveId) ? id.slice(ownLiveId.length) : id;
    const subscription = subscriptions.get(bareId);
    const found = subscription !== undefined && this.#registry.drop(subscription);
    if (connection.dialect.protocol === "native") this.#send(connectionId, unsubscribedMessage(id, found));
  }

  /** Whose live query it is, for the decision who may kill it. */
  ownerOf(id: string): UserId | undefined {
    return this.#find(id)?.connection.principal.user;
  }

  /** Tells the client and ends the subscription; its socket stays. False: there is none. */
  kill(id: string): boolean {
    const subscription = this.#find(id);
    if (subscription === undefined || !this.#registry.drop(subscription)) return false;
    const { connection } = subscription;
    this.#send(connection.id, killedMessage(connection.dialect.protocol, subscription.id, `Live query killed: ${id}`));
    return true;
  }

  #find(id: string): Subscription | undefined {
    // A connection id has no dash, so it is one of the parts, whatever user and subscription id look like.
    const parts = new Set(id.split("-"));
    for (const connection of this.#registry.connections()) {
      const prefix = `${connection.principal.user}-${connection.id}-`;
      if (!parts.has(connection.id) || !id.startsWith(prefix)) continue;
      const subscription = connection.subscriptions.get(id.slice(prefix.length));
      if (subscription !== undefined) return subscription;
    }
    return undefined;
  }

  /** Ends everything of a connection and closes its socket. False: there is none. */
  killConnection(id: ConnectionId, reason: NativeCloseName = "killed"): boolean {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return false;
    this.#close(connection, closeFor(reason, connection.dialect.protocol), reason === "tokenExpired");
    return true;
  }

  /** Closes every socket of a user; returns how many. */
  dropUser(user: UserId, reason: NativeCloseName): number {
    const connections = this.#registry.connectionsOf(user);
    for (const connection of connections) this.killConnection(connection.id, reason);
    return connections.length;
  }

  /** Shutdown: closes every socket. */
  closeAll(): void {
    for (const connection of this.#registry.connections()) this.#close(connection, CLOSE.shuttingDown, false);
  }

  #close(connection: LiveConnection, close: CloseReason, isExpired: boolean): void {
    this.disconnect(connection.id);
    const { outlet } = this.#deps;
    if (isExpired && connection.dialect.protocol === "native") outlet.send(connection.id, expiredMessage(close.reason));
    outlet.close(connection.id, close.code, close.reason);
  }

  /** Call for every commit, in order, right after it; never throws. Delivers before it returns. */
  dispatch(event: { readonly position: Seq; readonly changes: readonly Change[] }): void {
    this.#dispatcher.dispatch(event);
  }

  /** Call after the dispatch of the commit that altered the table. */
  tableAltered(table: TableSchema): void {
    const { authorize, source } = this.#deps;
    const fail = (subscription: Subscription, error: unknown): void => this.#fail(subscription, error);
    const { epoch } = source;
    alterLiveQueries(table, { registry: this.#registry, encoders: this.#encoders, epoch, authorize, fail });
  }

  /** Call on a timer: moves the cursors of quiet native subscriptions, so that they do not point into forgotten history. */
  progress(): void {
    this.#dispatcher.progress();
    for (const connection of this.#registry.connections()) goOn(connection);
  }

  /** Live queries of a table, which forbid dropping it. */
  subscriptionsOf(table: TableId): number {
    return this.#registry.subscriptionsOfTable(table).length;
  }

  *rows(): Iterable<LiveQueryRow> {
    const monotonicMs = this.#deps.clock.monotonicMs();
    for (const connection of this.#registry.connections()) {
      const queueBytes = this.#deps.outlet.queuedBytes(connection.id);
      for (const subscription of connection.subscriptions.values()) {
        yield toLiveQueryRow(subscription, { queueBytes, monotonicMs });
      }
    }
  }

  *connections(): Iterable<LiveConnectionRow> {
    for (const connection of this.#registry.connections()) {
      yield toLiveConnectionRow(connection, this.#deps.outlet.queuedBytes(connection.id));
    }
  }

  counters(): LiveCounters {
    return {
      connections: this.#registry.connectionCount,
      subscriptions: this.#registry.subscriptionCount,
      groups: this.#registry.groupCount,
      heldBytes: this.#held.usedBytes,
      rerunRows: this.#upkeepDeps.budget.usedRows,
      commits: this.#dispatcher.commits,
      groupsVisited: this.#dispatcher.groupsVisited,
      slowConsumers: this.#slowConsumers,
    };
  }

  /** Entries of every index: equal before and after, or something leaks. */
  get indexEntries(): number {
    return this.#registry.indexEntries;
  }

  /** Tells a client what is wrong with one of its subscriptions, or with a statement that was to become one. */
  refuse(id: ConnectionId, subscriptionId: string, error: DbError): void {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return;
    this.#send(id, errorMessage(connection.dialect.protocol, subscriptionId, error));
  }

  /** A subscription that cannot go on ends with an error: never with silence. */
  #fail(subscription: Subscription, error: unknown): void {
    if (!this.#registry.drop(subscription)) return;
    this.refuse(
      subscription.connection.id,
      subscription.id,
      toClientError(error, liveId(subscription), this.#deps.log),
    );
  }

  #send(id: ConnectionId, frame: Frame): boolean {
    if (this.#deps.outlet.send(id, frame) === "ok") return true;
    // The socket is past its bound and is being closed: the client resumes from its cursor.
    this.#noteSlow(id);
    this.disconnect(id);
    return false;
  }

  #isWritable(id: ConnectionId): boolean {
    return this.#deps.outlet.queuedBytes(id) <= this.#deps.limits.pushAheadBytes;
  }

  #closeSlow(id: ConnectionId): void {
    this.#noteSlow(id);
    this.killConnection(id, "slowConsumer");
  }

  #noteSlow(id: ConnectionId): void {
    this.#slowConsumers += 1;
    this.#deps.log.warn("slow consumer closed", { connection: id });
  }
}

/** The socket takes more: what was squashed first, then pages. */
function goOn(connection: LiveConnection): void {
  for (const subscription of connection.subscriptions.values()) subscription.sendWaiting();
  connection.reads.advance();
}
