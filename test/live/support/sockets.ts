// Sockets in memory: what was sent to each, in order, topics included. A socket can be congested or about to be lost.
import type { ConnectionId } from "../../../src/base/ids.ts";
import { FrameLog, type Moment } from "../../../src/live/frame-log.ts";
import type { Frame, Outlet, Published, Queue, SendResult } from "../../../src/live/ports.ts";

export interface Socket {
  readonly topics: Set<string>;
  readonly frames: Frame[];
  queuedBytes: number;
  readonly sent: FrameLog;
  /** The next send finds the socket past its limit. */
  failing: boolean;
  closed: { readonly code: number; readonly reason: string } | undefined;
}

export class Sockets implements Outlet {
  readonly #sockets = new Map<ConnectionId, Socket>();
  published = 0;
  /** Calls, and the frames in them. */
  sends = 0;
  sent = 0;
  /** Of sockets that were behind. */
  queuesRead = 0;
  #moment: Moment = { turn: 0, atMs: 0 };
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Another turn whenever the clock has moved. */
  moment(): Moment {
    const atMs = this.#nowMs();
    if (atMs !== this.#moment.atMs) this.#moment = { turn: this.#moment.turn + 1, atMs };
    return this.#moment;
  }

  open(id: ConnectionId): Socket {
    const socket: Socket = {
      topics: new Set(),
      frames: [],
      queuedBytes: 0,
      sent: new FrameLog(),
      failing: false,
      closed: undefined,
    };
    this.#sockets.set(id, socket);
    return socket;
  }

  gone(id: ConnectionId): void {
    this.#sockets.delete(id);
  }

  send(id: ConnectionId, frames: readonly Frame[]): SendResult {
    const socket = this.#sockets.get(id);
    if (socket === undefined || socket.failing || socket.closed !== undefined) return "lost";
    this.sends += 1;
    this.sent += frames.length;
    for (const frame of frames) {
      socket.frames.push(frame);
      socket.sent.add(frame.length, this.moment(), socket.queuedBytes === 0);
    }
    return "ok";
  }

  publish(topic: string, frame: Frame): Published {
    this.published += 1;
    let isTaken = true;
    for (const socket of this.#sockets.values()) {
      // Past its limit a socket is closed, and publish does not say whose.
      if (!socket.topics.has(topic) || socket.failing) continue;
      socket.frames.push(frame);
      if (socket.queuedBytes > 0) isTaken = false;
    }
    return { bytes: frame.length, isTaken };
  }

  join(id: ConnectionId, topic: string): void {
    this.#sockets.get(id)?.topics.add(topic);
  }

  leave(id: ConnectionId, topic: string): void {
    this.#sockets.get(id)?.topics.delete(topic);
  }

  close(id: ConnectionId, code: number, reason: string): void {
    const socket = this.#sockets.get(id);
    if (socket !== undefined) socket.closed ??= { code, reason };
  }

  queuedBytes(id: ConnectionId): number {
    return this.#sockets.get(id)?.queuedBytes ?? 0;
  }

  queue(id: ConnectionId): Queue | undefined {
    const socket = this.#sockets.get(id);
    if (socket !== undefined && socket.queuedBytes > 0) this.queuesRead += 1;
    return socket === undefined || socket.queuedBytes === 0
      ? undefined
      : { bytes: socket.queuedBytes, sent: socket.sent };
  }
}
