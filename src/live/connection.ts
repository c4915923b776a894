// One socket as live queries see it: who it belongs to, how it speaks, what it subscribed to, and whose turn it is to read.
import type { ConnectionId } from "../base/ids.ts";
import type { Dialect } from "../protocol/dialect.ts";
import type { Principal } from "./ports.ts";
import type { ReadGate } from "./read-gate.ts";

export interface Connection<S = unknown> {
  readonly id: ConnectionId;
  readonly principal: Principal;
  readonly dialect: Dialect;
  /** By the client's own id. */
  readonly subscriptions: Map<string, S>;
  /** Keys of the groups it subscribed to. One connection has one subscription in a group: a channel, or the order of a group, is never shared. */
  readonly groupKeys: Set<string>;
  readonly reads: ReadGate<S>;
}
