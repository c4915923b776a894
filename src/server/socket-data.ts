// What the server keeps beside each WebSocket, and the steps of its life: authenticating → open → gone.
import type { ServerWebSocket } from "bun";
import type { Client } from "../auth/client-ip.ts";
import type { ConnectionId } from "../base/ids.ts";
import type { Principal } from "../live/ports.ts";
import type { Dialect } from "../protocol/dialect.ts";

export interface Identified {
  readonly principal: Principal;
  readonly tokenExpiresAtMs: number;
}

export interface SocketData {
  readonly connection: ConnectionId;
  readonly client: Client;
  /** Bearer token of the upgrade; the socket is then authenticated without a message. Not kept beyond that: it is longer than all the rest. */
  upgradeToken: string | undefined;
  readonly connectedAtMs: number;
  dialect: Dialect;
  identified: Identified | undefined;
  /** Ends the wait for authentication, later the life of the token. */
  timer: Timer | undefined;
  /** Set when our side closes, so that frames still in flight are ignored. */
  closing: boolean;
  /** Messages are handled strictly one after the other; this is the tail of the queue. */
  turn: Promise<void>;
  waiting: number;
}

export type Socket = ServerWebSocket<SocketData>;
