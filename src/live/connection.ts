// One socket as live queries see it: who it belongs to, how it speaks, what it subscribed to, and whose turn it is to read.
import type { ConnectionId } from "../base/ids.ts";
import type { Dialect } from "../protocol/dialect.ts";
import type { FewByKey } from "./few-by-key.ts";
import type { Principal } from "./ports.ts";
import type { ReadGate } from "./read-gate.ts";

export interface Connection<S = unknown> {
  readonly id: ConnectionId;
  readonly principal: Principal;
  readonly dialect: Dialect;
  /** By the client's own id. */
  readonly subscriptions: FewByKey<string, S>;
  readonly reads: ReadGate<S, ConnectionId>;
}
