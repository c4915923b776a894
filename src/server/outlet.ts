// Live queries' way to the sockets: Bun's send, publish and topics behind the Outlet seam.
import type { Server } from "bun";
import type { ConnectionId } from "../base/ids.ts";
import type { Frame, Outlet, SendResult } from "../live/ports.ts";
import type { Socket, SocketData } from "./socket-data.ts";

/** Bun's code for a frame that was not taken: the socket is past its limit and, with closeOnBackpressureLimit, already closing. */
const DROPPED = 0;
/** And for one that was taken into the socket's queue. */
const QUEUED = -1;
const NO_COMPRESSION = false;

/** Open sockets by connection id; shared by the outlet and the socket server. */
export type SocketTable = Map<ConnectionId, Socket>;

export function createOutlet(sockets: SocketTable, server: () => Server<SocketData>): Outlet {
  return {
    send(connection, frame): SendResult {
      const socket = sockets.get(connection);
      if (socket === undefined) return "lost";
      const sent = sendFrame(socket, frame);
      if (sent === DROPPED) return "lost";
      return sent === QUEUED ? "queued" : "ok";
    },
    publish(topic, frame) {
      server().publish(topic, frame, NO_COMPRESSION);
    },
    join(connection, topic) {
      sockets.get(connection)?.subscribe(topic);
    },
    leave(connection, topic) {
      sockets.get(connection)?.unsubscribe(topic);
    },
    close(connection, code, reason) {
      const socket = sockets.get(connection);
      if (socket === undefined) return;
      socket.data.closing = true;
      sockets.delete(connection);
      socket.close(code, reason);
    },
    queuedBytes: (connection) => sockets.get(connection)?.getBufferedAmount() ?? 0,
  };
}

export function sendFrame(socket: Socket, frame: Frame): number {
  return socket.send(frame, NO_COMPRESSION);
}
