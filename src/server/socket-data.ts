// What the server keeps beside each WebSocket, and the steps of its life: authenticating → open → gone. There are as many as sockets: nothing here is an object that several
// sockets could share, or that most do without.
import type { ServerWebSocket } from "bun";
import type { Bucket } from "../auth/rate-limit.ts";
import type { ConnectionId } from "../base/ids.ts";
import type { FrameLog } from "../live/frame-log.ts";
import type { Principal } from "../live/ports.ts";
import type { Cell } from "../model/sql-type.ts";
import type { Dialect } from "../protocol/dialect.ts";
import type { Verify } from "./request-identity.ts";

/** Undefined: done. */
export type SocketWork = () => Promise<void> | undefined;

/** The bucket is that of its messages. */
export interface SocketData extends Bucket {
  readonly connection: ConnectionId;
  /** Of the client. */
  readonly address: string;
  /** The upgrade itself says who it is; the socket is then authenticated without a message. Not kept beyond that: it holds the token. */
  verifyUpgrade: Verify | undefined;
  readonly connectedAtMs: number;
  dialect: Dialect;
  /** Undefined until it is authenticated. */
  principal: Principal | undefined;
  /** Infinity: an API key without an end. */
  tokenExpiresAtMs: number;
  /** Id of the API key that it came with, if it did. */
  apiKey: string | undefined;
  /** Monotonic: the end of the wait for authentication, later of the life of the token. */
  deadlineMs: number;
  /** Set when our side closes, so that frames still in flight are ignored. */
  closing: boolean;
  /** Messages are handled strictly one after the other: those that came while one takes its time; undefined when none does. */
  waiting: SocketWork[] | undefined;
  /** To this socket alone; undefined when nothing was. */
  sent: FrameLog | undefined;
}

export type Socket = ServerWebSocket<SocketData>;

/** In the order of CONNECTION_COLUMNS. */
export function connectionCells(
  data: SocketData,
  at: { readonly subscriptions: number; readonly queueBytes: number },
): Cell[] {
  return [
    data.connection,
    data.principal?.user ?? null,
    data.principal?.role ?? null,
    data.address,
    data.dialect.protocol,
    data.dialect.format,
    BigInt(at.subscriptions),
    BigInt(at.queueBytes),
    BigInt(Math.floor(data.connectedAtMs)) * 1000n,
    expiryCell(data),
  ];
}

/** Null for a socket that is not authenticated, and for an API key without an end. */
function expiryCell({ principal, tokenExpiresAtMs }: SocketData): Cell {
  if (principal === undefined || !Number.isFinite(tokenExpiresAtMs)) return null;
  return BigInt(Math.floor(tokenExpiresAtMs)) * 1000n;
}
