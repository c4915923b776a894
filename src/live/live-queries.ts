// Live queries as the rest of the process sees them: connections come and go, subscriptions are made and ended, commits are dispatched.
// Pure delivery: no SQLite, no socket, no clock or timer of its own. Nothing here throws at a client's fault: the client is told.
import { DbError } from "../base/errors.ts";
import { type ConnectionId, type Seq, seqOf, type TableId, type UserId } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import { CLOSE, type CloseReason, closeFor, type NativeCloseName } from "../protocol/close-codes.ts";
import type { Dialect } from "../protocol/dialect.ts";
import { errorMessage, expiredMessage, killedMessage, resetMessage, unsubscribedMessage } from "../protocol/down.ts";
import { assertAdmitted, retryAfterMs, toClientError } from "./admission.ts";
import { type AdmittedReads, createAdmittedReads } from "./admitted-reads.ts";
import { tableGone, viewChanged } from "./alteration.ts";
import { Alterations } from "./alterations.ts";
import { Backlogs } from "./backlogs.ts";
import { Dispatcher, type LiveCommit } from "./dispatcher.ts";
import { GroupEncoders } from "./encoder.ts";
import { FewByKey } from "./few-by-key.ts";
import { Group, type GroupDeps } from "./group.ts";
import type { HeldBudget } from "./held-changes.ts";
import { LifeLog } from "./life-log.ts";
import type { LiveCounters, LiveDeps, LiveRequest } from "./live-deps.ts";
import {
  findLiveQuery,
  type LiveConnectionRow,
  type LiveQueryRow,
  liveConnectionRows,
  liveId,
  liveQueryRows,
  OptionsTexts,
} from "./live-row.ts";
import type { Frame, Principal } from "./ports.ts";
import { ReadGate, type ReadGateDeps } from "./read-gate.ts";
import { type BufferedVersion, createRecentChanges, type RecentChanges } from "./recent-changes.ts";
import { goOn, type LiveConnection, Registry } from "./registry.ts";
import { shapeKey } from "./shape.ts";
import { type Opening, openingOf } from "./start.ts";
import { Subscription } from "./subscription.ts";
import type { SubscriptionDeps } from "./subscription-deps.ts";
import { createUpkeep, otherReadsOf, type UpkeepDeps, upkeepBounds } from "./upkeep-of-group.ts";

export function createLiveQueries(deps: LiveDeps): LiveQueries {
  return new LiveQueries(deps);
}

export class LiveQueries {
  readonly #deps: LiveDeps;
  readonly #registry: Registry;
  readonly #encoders = new GroupEncoders();
  readonly #alterations: Alterations;
  readonly #dispatcher: Dispatcher;
  readonly #subscriptionDeps: SubscriptionDeps<Subscription>;
  readonly #groupDeps: GroupDeps;
  readonly #readGateDeps: ReadGateDeps<ConnectionId>;
  /** The highest position any read was made at: cursors up to here were given by us. */
  #observed = seqOf(0n);
  readonly #held: HeldBudget;
  readonly #recent: RecentChanges;
  readonly #reads: AdmittedReads;
  readonly #upkeepDeps: UpkeepDeps<Subscription>;
  readonly #backlogs: Backlogs;
  readonly #life: LifeLog;
  readonly #optionsTexts = new OptionsTexts();
  #lastChannel = 0;
  #slowConsumers = 0;
  #busyAnswers = 0;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
    const { outlet, clock, limits } = deps;
    this.#backlogs = new Backlogs({ outlet, clock });
    this.#life = new LifeLog(deps.log);
    this.#held = { maxBytes: limits.heldBytesTotal, usedBytes: 0 };
    this.#groupDeps = { outlet, clock, bound: limits, budget: this.#held, backlogs: this.#backlogs };
    this.#readGateDeps = { concurrent: limits.readsPerConnection, isWritable: (id) => this.#isWritable(id) };
    const registry = new Registry();
    this.#registry = registry;
    this.#upkeepDeps = {
      ...deps,
      ...upkeepBounds(deps.limits),
      observed: this.#observe,
      settle: () => this.#dispatcher.settle(),
      fail: (group, error) => this.#failGroup(group, error),
    };
    const fail = (subscription: Subscription, error: unknown): void => this.#fail(subscription, error);
    this.#dispatcher = new Dispatcher({ registry, source: deps.source, fail });
    const dispatched = (): Seq => this.#dispatcher.dispatched();
    const { epoch } = deps.source;
    const delivery = { dispatcher: this.#dispatcher, deliver: (commit: LiveCommit) => this.#deliver(commit) };
    this.#alterations = new Alterations({ ...deps, ...delivery, registry, encoders: this.#encoders, epoch, fail });
    this.#recent = createRecentChanges(deps);
    const positions = { dispatched, observed: () => this.#observed, observe: this.#observe };
    this.#reads = createAdmittedReads(deps, { recent: this.#recent, ...positions });
    this.#subscriptionDeps = {
      source: this.#reads,
      readRows: deps.limits.readRows,
      nowMs: () => deps.clock.nowMs(),
      latestKeys: deps.limits.latestKeys,
      isWritable: (connection) => this.#isWritable(connection.id),
      monotonicMs: () => deps.clock.monotonicMs(),
      reset: (subscription) => this.#life.reset(subscription, "history"),
      tooSlow: (connection) => this.#closeSlow(connection.id),
      dispatched,
      observed: this.#observe,
      send: (connection, frames) => this.#send(connection.id, frames),
      refuse: (connection, id, error) => this.refuse(connection.id, id, error),
      fail,
      settling: registry.settling,
    };
  }

  readonly #observe = (position: Seq): void => {
    if (position > this.#observed) this.#observed = position;
  };

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
    this.#life.disconnected(connection);
    for (const subscription of connection.subscriptions.values()) this.#registry.drop(subscription);
    this.#registry.deleteConnection(connection);
    this.#backlogs.delete(id);
  }

  /** The socket's send buffer has emptied: pushed pages go on. */
  drained(id: ConnectionId): void {
    const connection = this.#registry.connection(id);
    if (connection !== undefined) goOn(connection);
  }

  /** Call when a subscribe comes, before it is planned: whatever becomes of it, what the client hears under this id is not of the one before. */
  release(connection: ConnectionId, id: string): void {
    const replaced = this.#registry.connection(connection)?.subscriptions.get(id);
    if (replaced !== undefined) this.#registry.drop(replaced);
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
      this.#begin(connection, request, openingOf(request, connection.dialect, { limits, source, position }));
    } catch (error) {
      const subscriptionId = request.id.trim() === "" ? "invalid_subscription" : request.id;
      this.refuse(id, subscriptionId, toClientError(error, subscriptionId, this.#deps.log));
    }
  }

  #begin(connection: LiveConnection, request: LiveRequest, opening: Opening): void {
    const { start, reset } = opening;
    this.release(connection.id, request.id);
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
    this.#life.opened(subscription, opening);
    const isNative = connection.dialect.protocol === "native";
    const notice = reset !== undefined && isNative ? resetMessage(id, reset) : undefined;
    this.#alterations.whenReached(request.plan.table, () => subscription.begin(start, notice));
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
    const group = new Group<Subscription>(identity, { plan, slots, encoder }, this.#groupDeps);
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
    const subscription = connection.subscriptions.get(id) ?? findLiveQuery([connection], id);
    const found = subscription !== undefined && this.#registry.drop(subscription);
    if (found) this.#life.ended(subscription, "unsubscribed", "debug");
    if (connection.dialect.protocol === "native") this.#send(connectionId, [unsubscribedMessage(id, found)]);
  }

  /** Whose live query it is, for the decision who may kill it. */
  ownerOf(id: string): UserId | undefined {
    return findLiveQuery(this.#registry.connections(), id)?.connection.principal.user;
  }

  /** Tells the client and ends the subscription; its socket stays. False: there is none. */
  kill(id: string): boolean {
    const subscription = findLiveQuery(this.#registry.connections(), id);
    if (subscription === undefined || !this.#registry.drop(subscription)) return false;
    const { connection } = subscription;
    this.#life.ended(subscription, "killed");
    const told = killedMessage(connection.dialect.protocol, subscription.id, `Live query killed: ${id}`);
    this.#send(connection.id, [told]);
    return true;
  }

  /** Ends everything of a connection and closes its socket. False: there is none. */
  killConnection(id: ConnectionId, reason: NativeCloseName = "killed"): boolean {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return false;
    this.#close(connection, closeFor(reason, connection.dialect.protocol), reason === "tokenExpired");
    return true;
  }

  /** Closes every socket of a user but those that are spared; returns how many. */
  dropUser(user: UserId, reason: NativeCloseName, isSpared: (id: ConnectionId) => boolean = () => false): number {
    const connections = this.#registry.connectionsOf(user).filter(({ id }) => !isSpared(id));
    for (const { id } of connections) this.killConnection(id, reason);
    return connections.length;
  }

  /** Shutdown: closes every socket. */
  closeAll(): void {
    for (const connection of this.#registry.connections()) this.#close(connection, CLOSE.shuttingDown, false);
  }

  #close(connection: LiveConnection, close: CloseReason, isExpired: boolean): void {
    this.disconnect(connection.id);
    const { outlet } = this.#deps;
    if (isExpired && connection.dialect.protocol === "native")
      outlet.send(connection.id, [expiredMessage(close.reason)]);
    outlet.close(connection.id, close.code, close.reason);
  }

  /** Call for every commit, in order, right after it; never throws. Delivers before it returns, unless an altered table makes it wait. */
  dispatch(commit: LiveCommit): void {
    this.#alterations.commit(commit);
  }

  #deliver(commit: LiveCommit): void {
    for (const change of commit.changes) this.#recent.add(change);
    this.#dispatcher.dispatch(commit);
  }

  /** Call after the dispatch of the commit that altered the table. */
  tableAltered(table: TableSchema): void {
    this.#alterations.altered(table);
  }

  /** Who subscribed in the turn in which it was dropped is told so. */
  tableDropped(table: TableSchema): void {
    this.#recent.delete(table.id);
    for (const group of this.#registry.groupsOfTable(table.id)) this.#failGroup(group, tableGone(table));
  }

  /** Call before the dispatch of the commit. Clients subscribe again, and begin anew: what their rows matched is no more. */
  viewRedefined(name: string): void {
    for (const group of this.#registry.groupsOfView(name)) this.#failGroup(group, viewChanged(name));
  }

  /** What the buffer held before the first commit that was dispatched, for resumes. False: there is no room for more. */
  remember(table: TableSchema, versions: readonly BufferedVersion[], completeAfter: Seq): boolean {
    return this.#recent.load(table, versions, completeAfter);
  }

  /** Call on a timer: moves the cursors of quiet native subscriptions, so that they do not point into forgotten history. */
  progress(): void {
    this.#dispatcher.progress();
    for (const connection of this.#registry.connections()) goOn(connection);
  }

  /** Call every second: forgets of what was sent when everybody has taken it. */
  lookAtQueues(): void {
    this.#backlogs.sweep(this.#registry.connections());
  }

  /** Live queries of a table, which forbid dropping it. */
  subscriptionsOf(table: TableId): number {
    return this.#registry.subscriptionsOfTable(table);
  }

  subscriptionsOfView(name: string): number {
    return this.#registry.subscriptionsOfView(name);
  }

  rows(): Iterable<LiveQueryRow> {
    const { clock, outlet } = this.#deps;
    const at = { outlet, backlogs: this.#backlogs, monotonicMs: clock.monotonicMs() };
    return liveQueryRows(this.#registry.connections(), at);
  }

  connections(): Iterable<LiveConnectionRow> {
    return liveConnectionRows(this.#registry.connections(), this.#deps.outlet);
  }

  counters(): LiveCounters {
    return {
      connections: this.#registry.connectionCount,
      subscriptions: this.#registry.subscriptionCount,
      groups: this.#registry.groupCount,
      heldBytes: this.#held.usedBytes,
      rerunRows: this.#upkeepDeps.budget.usedRows,
      recentBytes: this.#recent.bytes,
      readsWaiting: this.#reads.waiting,
      reads: this.#reads.made,
      readsFromMemory: this.#reads.fromMemory,
      commits: this.#dispatcher.commits,
      groupsVisited: this.#dispatcher.groupsVisited,
      slowConsumers: this.#slowConsumers,
    };
  }

  /** Entries of every index: equal before and after, or something leaks. */
  get indexEntries(): number {
    return this.#registry.indexEntries;
  }

  /**
   * Tells a client what is wrong with one of its subscriptions, or with a statement that was to become one. A client that met a busy server comes back by
   * itself: after a while that it is told, or, of the peer family, as after any close.
   */
  refuse(id: ConnectionId, subscriptionId: string, error: DbError): void {
    const connection = this.#registry.connection(id);
    if (connection === undefined) return;
    const { protocol } = connection.dialect;
    const known = error.code === "SERVER_BUSY" ? this.#askLater(error) : error;
    if (protocol === "peer" && known.retryAfterMs !== undefined) this.#close(connection, CLOSE.busy, false);
    else this.#send(id, [errorMessage(protocol, subscriptionId, known)]);
  }

  #askLater({ code, message }: DbError): DbError {
    this.#busyAnswers += 1;
    return new DbError(code, message, { retryAfterMs: retryAfterMs(this.#busyAnswers) });
  }

  /** A subscription that cannot go on ends with an error: never with silence. */
  #fail(subscription: Subscription, error: unknown): void {
    if (!this.#registry.drop(subscription)) return;
    const shown = toClientError(error, liveId(subscription), this.#deps.log);
    this.#life.ended(subscription, shown.code);
    this.refuse(subscription.connection.id, subscription.id, shown);
  }

  #send(id: ConnectionId, frames: readonly Frame[]): boolean {
    const sent = this.#deps.outlet.send(id, frames);
    if (sent !== "lost") return true;
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
    this.#life.slow(id, { queueBytes: this.#deps.outlet.queuedBytes(id), behindMs: this.#backlogs.lastSeenMs(id) });
  }
}
