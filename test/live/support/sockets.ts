// Sockets in memory: what was sent to each, in order, topics included. A socket can be congested or about to be lost.
import type { ConnectionId } from "../../../src/base/ids.ts";
import type { Frame, Outlet, SendResult } from "../../../src/live/ports.ts";

export interface Socket {
  readonly topics: Set<string>;
  readonly frames: Frame[];
  queuedBytes: number;
  /** The next send finds the socket past its limit. */
  failing: boolean;
  closed: { readonly code: number; readonly reason: string } | undefined;
}

export class Sockets implements Outlet {
  readonly #sockets = new Map<ConnectionId, Socket>();
  published = 0;
  sent = 0;

  open(id: ConnectionId): Socket {
    const socket: Socket = { topics: new Set(), frames: [], queuedBytes: 0, failing: false, closed: undefined };
    this.#sockets.set(id, socket);
    return socket;
  }

  gone(id: ConnectionId): void {
    this.#sockets.delete(id);
  }

  send(id: ConnectionId, frame: Frame): SendResult {
    const socket = this.#sockets.get(id);
    if (socket === undefined || socket.failing || socket.closed !== undefined) return "lost";
    this.sent += 1;
    socket.frames.push(frame);
    return socket.queuedBytes > 0 ? "queued" : "ok";
  }

  publish(topic: string, frame: Frame): void {
    this.published += 1;
    for (const socket of this.#sockets.values()) {
      // Past its limit a socket is closed, and publish does not say whose.
      if (socket.topics.has(topic) && !socket.failing) socket.frames.push(frame);
    }
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
}
