// Who is connected, what they subscribed to, and which groups exist. `drop` is the one way a subscription ends: when it returns, nothing
// of the subscription is left in any map, in this tick. Knows nothing of what to tell the client.
import type { ConnectionId, Scope, TableId, UserId } from "../base/ids.ts";
import type { Connection } from "./connection.ts";
import { Few } from "./few.ts";
import type { Group } from "./group.ts";
import { Router } from "./router.ts";
import type { Subscription } from "./subscription.ts";
import type { View } from "./view.ts";

export type LiveConnection = Connection<Subscription>;
type LiveGroup = Group<Subscription>;

interface User {
  readonly connections: Few<LiveConnection>;
  subscriptions: number;
}

export class Registry {
  readonly #connections = new Map<ConnectionId, LiveConnection>();
  readonly #users = new Map<UserId, User>();
  readonly #groups = new Map<string, LiveGroup>();
  /** Those that read a table, be it in a sub-query. */
  readonly #groupsByTable = new Map<TableId, Few<LiveGroup>>();
  /** Those that read a view. */
  readonly #groupsByView = new Map<string, Few<LiveGroup>>();
  readonly #routers = new Map<TableId, Map<Scope, Router<LiveGroup>>>();
  readonly settling = new Set<Subscription>();
  #subscriptions = 0;

  get subscriptionCount(): number {
    return this.#subscriptions;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** Entries of every index, for the test that nothing is left behind. */
  get indexEntries(): number {
    let inside = 0;
    for (const byScope of this.#routers.values()) for (const router of byScope.values()) inside += 1 + router.entries;
    for (const group of this.#groups.values()) inside += group.size;
    for (const groups of [...this.#groupsByTable.values(), ...this.#groupsByView.values()]) inside += 1 + groups.size;
    for (const { connections, subscriptions } of this.#users.values()) inside += connections.size + subscriptions;
    for (const { subscriptions, reads } of this.#connections.values()) inside += subscriptions.size + reads.size;
    return (
      inside + this.#routers.size + this.#groups.size + this.#users.size + this.#connections.size + this.settling.size
    );
  }

  connection(id: ConnectionId): LiveConnection | undefined {
    return this.#connections.get(id);
  }

  connections(): Iterable<LiveConnection> {
    return this.#connections.values();
  }

  groups(): Iterable<LiveGroup> {
    return this.#groups.values();
  }

  connectionsOf(user: UserId): readonly LiveConnection[] {
    return [...(this.#users.get(user)?.connections ?? [])];
  }

  subscriptionsOfUser(user: UserId): number {
    return this.#users.get(user)?.subscriptions ?? 0;
  }

  router(table: TableId, scope: Scope): Router<LiveGroup> | undefined {
    return this.#routers.get(table)?.get(scope);
  }

  group(key: string): LiveGroup | undefined {
    return this.#groups.get(key);
  }

  subscriptionsOfTable(table: TableId): number {
    return countOf(this.groupsOfTable(table));
  }

  /** Those that read it, be it in a sub-query; those that come while they are looked at too. */
  groupsOfTable(table: TableId): Iterable<LiveGroup> {
    return this.#groupsByTable.get(table) ?? [];
  }

  groupsOfView(name: string): Iterable<LiveGroup> {
    return this.#groupsByView.get(name) ?? [];
  }

  subscriptionsOfView(name: string): number {
    return countOf(this.groupsOfView(name));
  }

  addConnection(connection: LiveConnection): void {
    this.#connections.set(connection.id, connection);
    const user = this.#users.get(connection.principal.user);
    if (user !== undefined) {
      user.connections.add(connection);
      return;
    }
    const connections = new Few<LiveConnection>();
    connections.add(connection);
    this.#users.set(connection.principal.user, { connections, subscriptions: 0 });
  }

  /** Its subscriptions must be dropped before. */
  deleteConnection(connection: LiveConnection): void {
    this.#connections.delete(connection.id);
    const user = this.#users.get(connection.principal.user);
    user?.connections.delete(connection);
    if (user?.connections.size === 0) this.#users.delete(connection.principal.user);
  }

  addGroup(group: LiveGroup): void {
    this.#groups.set(group.key, group);
    this.#route(group);
  }

  #route(group: LiveGroup): void {
    for (const { name } of group.plan.views) addTo(this.#groupsByView, name, group);
    for (const { table, scope } of group.reads) {
      const byScope = this.#routers.get(table) ?? new Map<Scope, Router<LiveGroup>>();
      this.#routers.set(table, byScope);
      const router = byScope.get(scope) ?? new Router<LiveGroup>();
      byScope.set(scope, router);
      router.add(group);
      addTo(this.#groupsByTable, table, group);
    }
  }

  /** Puts a group under another view of the same tables: what it is found by changes with it. */
  renewGroup(group: LiveGroup, key: string, view: View): void {
    this.#unroute(group);
    this.#groups.delete(group.key);
    group.renew(key, view);
    this.addGroup(group);
  }

  add(subscription: Subscription): void {
    subscription.connection.subscriptions.set(subscription.id, subscription);
    subscription.group.add(subscription);
    const user = this.#users.get(subscription.connection.principal.user);
    if (user !== undefined) user.subscriptions += 1;
    this.#subscriptions += 1;
  }

  /** False when it was dropped before. */
  drop(subscription: Subscription): boolean {
    const { connection, group } = subscription;
    if (connection.subscriptions.get(subscription.id) !== subscription) return false;
    connection.subscriptions.delete(subscription.id);
    connection.reads.delete(subscription);
    this.settling.delete(subscription);
    subscription.close();
    group.delete(subscription);
    if (group.size === 0) this.#deleteGroup(group);
    const user = this.#users.get(connection.principal.user);
    if (user !== undefined) user.subscriptions -= 1;
    this.#subscriptions -= 1;
    return true;
  }

  #deleteGroup(group: LiveGroup): void {
    this.#groups.delete(group.key);
    group.upkeep?.close();
    this.#unroute(group);
  }

  #unroute(group: LiveGroup): void {
    for (const { name } of group.plan.views) deleteFrom(this.#groupsByView, name, group);
    for (const { table, scope } of group.reads) {
      const byScope = this.#routers.get(table);
      const router = byScope?.get(scope);
      router?.delete(group);
      if (router?.size === 0) byScope?.delete(scope);
      if (byScope?.size === 0) this.#routers.delete(table);
      deleteFrom(this.#groupsByTable, table, group);
    }
  }
}

function addTo<K>(groupsByKey: Map<K, Few<LiveGroup>>, key: K, group: LiveGroup): void {
  const groups = groupsByKey.get(key) ?? new Few<LiveGroup>();
  groupsByKey.set(key, groups);
  groups.add(group);
}

function deleteFrom<K>(groupsByKey: Map<K, Few<LiveGroup>>, key: K, group: LiveGroup): void {
  const groups = groupsByKey.get(key);
  groups?.delete(group);
  if (groups?.size === 0) groupsByKey.delete(key);
}

function countOf(groups: Iterable<LiveGroup>): number {
  let count = 0;
  for (const group of groups) count += group.size;
  return count;
}

/** The socket takes more: what was squashed first, then pages. */
export function goOn(connection: LiveConnection): void {
  for (const subscription of connection.subscriptions.values()) subscription.sendWaiting();
  connection.reads.advance();
}
