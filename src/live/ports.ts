// What live queries need from the outside. The server implements Outlet over Bun's sockets, the engine implements RowSource over the store;
// tests implement both in memory.
import type { ConnectionId, Scope, Seq, UserId } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { Role } from "../model/role.ts";
import type { TableSchema } from "../model/schema.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";
import type { FrameLog, Moment } from "./frame-log.ts";

export type Frame = string | Uint8Array<ArrayBuffer>;

/** What became of a send: with the socket or in its queue ("ok"), or the socket is past its limit and is being closed ("lost"). */
export type SendResult = "ok" | "lost";

export interface Published {
  /** Of the frame as it is sent, framing included. */
  readonly bytes: number;
  /** Every socket of the topic had taken whatever was sent to it in earlier turns. Who had not, nobody says. */
  readonly isTaken: boolean;
}

/** Of a socket that has not taken everything. */
export interface Queue {
  /** Framing included, and whatever its topics sent up to now. */
  readonly bytes: number;
  /** What was sent to this socket alone. */
  readonly sent: FrameLog | undefined;
}

export interface Outlet {
  /** Several leave together, in their order: one system call instead of one each. */
  send(connection: ConnectionId, frames: readonly Frame[]): SendResult;
  /** Native fan-out: one frame to every connection that joined the topic. */
  publish(topic: string, frame: Frame): Published;
  /** What is sent now is sent in this turn: one object a turn. */
  moment(): Moment;
  join(connection: ConnectionId, topic: string): void;
  leave(connection: ConnectionId, topic: string): void;
  close(connection: ConnectionId, code: number, reason: string): void;
  /** Bytes waiting in the socket's send buffer. */
  queuedBytes(connection: ConnectionId): number;
  /** The same to the byte, at the price of two bytes to a socket that is behind; undefined: nothing waits. */
  queue(connection: ConnectionId): Queue | undefined;
}

export interface RowPage {
  /** Live rows (or, from `history`, versions with tombstones) in `_seq` order. */
  readonly rows: readonly RowVersion[];
  /** Last committed position at the moment the rows were read: every change above it is not in `rows`. */
  readonly position: Seq;
}

export interface PageRequest {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
  readonly scope: Scope;
  readonly user: UserId;
  /** Exclusive. */
  readonly after: Seq;
  /** Inclusive; undefined: up to the position of the read. */
  readonly upTo: Seq | undefined;
  readonly limit: number;
}

export interface MatchRequest {
  /** Its strategy is `matchRows`. */
  readonly plan: LivePlan;
  readonly slots: SlotValues;
  readonly user: UserId;
  readonly versions: readonly RowVersion[];
}

export interface RowSource {
  /** Matching live rows, at most `limit`, by ascending `_seq`. */
  snapshot(request: PageRequest): Promise<RowPage>;
  /** The newest `limit` matching live rows, by ascending `_seq`. */
  lastRows(request: PageRequest): Promise<RowPage>;
  /** Where the newest `limit` matching rows begin: all of them are above `after`, no other is; 0 when there are fewer. */
  lastRowsStart(request: PageRequest): Promise<{ readonly after: Seq; readonly position: Seq }>;
  /** Every version after the cursor, matching or not, tombstones included, by ascending `_seq`. */
  history(request: PageRequest): Promise<RowPage>;
  /** A cursor below it means nothing: ends of rows were forgotten up to there. Grows in the tick in which they are. */
  historyStartsAt(table: TableSchema, scope: Scope): Seq;
  /** Every version of the scope at or below it may have left the buffer. */
  flushedUpTo(table: TableSchema, scope: Scope): Seq;
  /** Whether each of the versions satisfies the predicate, however long it takes: it is the deadline of queries that ends it. */
  matching(request: MatchRequest): Promise<readonly boolean[]>;
  /**
   * By now the table has lost a column that the plan shows or names, or given it another type. What is read by the plan may hold in it what no row ever had: what the column
   * was added with, or a value that the old type has no form for. True in the tick in which a read can see the commit, however far dispatch has come.
   */
  isOutdated(plan: LivePlan): boolean;
  /** Changes committed up to here have been or are being dispatched. */
  position(): Seq;
  /** Random id of this data directory's history; a cursor from another one means nothing here. */
  readonly epoch: string;
}

/** Who a connection belongs to, fixed at authentication. */
export interface Principal {
  readonly user: UserId;
  readonly role: Role;
}
