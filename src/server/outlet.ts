// Live queries' way to the sockets: Bun's send, publish and topics behind the Outlet seam, and the account of what every socket was sent.
import type { Server } from "bun";
import type { Clock } from "../base/clock.ts";
import type { ConnectionId } from "../base/ids.ts";
import { FrameLog, type Moment } from "../live/frame-log.ts";
import type { Frame, Outlet, Published, Queue, SendResult } from "../live/ports.ts";
import type { Socket, SocketData } from "./socket-data.ts";

/** Bun's code for a frame that was not taken: the socket is past its limit and, with closeOnBackpressureLimit, already closing. */
const DROPPED = 0;
const NO_COMPRESSION = false;
/** Of a frame that a server sends: two bytes, and up to eight for a length that does not fit the second. */
const HEADER_BYTES = 2;
const SHORT_PAYLOAD_BYTES = 125;
const MEDIUM_PAYLOAD_BYTES = 65_535;

/** Open sockets by connection id; shared by the outlet and the socket server. */
export type SocketTable = Map<ConnectionId, Socket>;

export interface SocketOutlet extends Outlet {
  /** Of one that is not known by its connection yet too. Returns Bun's code. */
  readonly sendFrame: (socket: Socket, frame: Frame) => number;
}

export interface OutletDeps {
  readonly sockets: SocketTable;
  readonly server: () => Pick<Server<SocketData>, "publish">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export function createOutlet({ sockets, server, clock }: OutletDeps): SocketOutlet {
  const turns = new SendTurns(clock);
  const sendFrame = (socket: Socket, frame: Frame): number => {
    const sent = socket.send(frame, NO_COMPRESSION);
    noteSent(socket, sentBytes(sent, frame), { moment: turns.now(), isTaken: sent > 0 });
    return sent;
  };
  /** In one system call. Corked, a send cannot say that the socket did not take the frame: its queue does, after the last. */
  const sendTogether = (socket: Socket, frames: readonly Frame[]): number => {
    let bytes = 0;
    let sent = DROPPED;
    socket.cork(() => {
      for (const frame of frames) {
        sent = socket.send(frame, NO_COMPRESSION);
        bytes += sentBytes(sent, frame);
        if (sent === DROPPED) return;
      }
    });
    noteSent(socket, bytes, { moment: turns.now(), isTaken: sent !== DROPPED && socket.getBufferedAmount() === 0 });
    return sent;
  };
  return {
    sendFrame,
    send(connection, frames): SendResult {
      const socket = sockets.get(connection);
      if (socket === undefined) return "lost";
      const [only] = frames;
      const isAlone = only !== undefined && frames.length === 1;
      return (isAlone ? sendFrame(socket, only) : sendTogether(socket, frames)) === DROPPED ? "lost" : "ok";
    },
    publish(topic, frame): Published {
      turns.published();
      // Bun tells of the worst of the topic's sockets: the size of the frame when none of them had anything in its queue.
      const sent = server().publish(topic, frame, NO_COMPRESSION);
      return sent > 0 ? { bytes: wireBytes(sent), isTaken: true } : { bytes: frameBytes(frame), isTaken: false };
    },
    moment: () => turns.now(),
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
    queue(connection) {
      const socket = sockets.get(connection);
      return socket === undefined ? undefined : queueOf(socket, turns);
    },
  };
}

/** One moment for everything that is sent in a turn of the event loop: one look at the clock, and one entry in each log. */
class SendTurns {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #turn = 0;
  #now: Moment | undefined;
  #hasPublished = false;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Frames of topics are handed to the sockets at the end of the turn. */
  get hasPublished(): boolean {
    return this.#hasPublished;
  }

  published(): void {
    this.#hasPublished = true;
  }

  now(): Moment {
    if (this.#now !== undefined) return this.#now;
    this.#turn += 1;
    this.#now = { turn: this.#turn, atMs: this.#clock.monotonicMs() };
    setImmediate(() => {
      this.#now = undefined;
      this.#hasPublished = false;
    });
    return this.#now;
  }
}

function queueOf(socket: Socket, turns: SendTurns): Queue | undefined {
  const { data } = socket;
  if (socket.getBufferedAmount() === 0) {
    data.sent?.forgetBefore(Number.POSITIVE_INFINITY);
    return undefined;
  }
  // What was published in this turn may not be in the queue yet, until something is sent to the socket itself.
  if (turns.hasPublished) {
    socket.ping();
    noteSent(socket, HEADER_BYTES, { moment: turns.now(), isTaken: false });
  }
  return { bytes: socket.getBufferedAmount(), sent: data.sent };
}

function noteSent(
  { data }: Socket,
  bytes: number,
  { moment, isTaken }: { readonly moment: Moment; readonly isTaken: boolean },
): void {
  data.sent ??= new FrameLog();
  data.sent.add(bytes, moment, isTaken);
}

function sentBytes(sent: number, frame: Frame): number {
  return sent > 0 ? wireBytes(sent) : frameBytes(frame);
}

function frameBytes(frame: Frame): number {
  return wireBytes(typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength);
}

function wireBytes(payloadBytes: number): number {
  if (payloadBytes <= SHORT_PAYLOAD_BYTES) return HEADER_BYTES + payloadBytes;
  return HEADER_BYTES + (payloadBytes <= MEDIUM_PAYLOAD_BYTES ? 2 : 8) + payloadBytes;
}
