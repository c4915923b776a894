// Since when each socket has had something to send that it has not taken, for `lag_ms`. Of a frame that is published nobody says who did not take it, but a socket takes in
// order: what its queue holds are the newest bytes of what was sent to it and to its topics.
import type { Clock } from "../base/clock.ts";
import type { ConnectionId } from "../base/ids.ts";
import { type FrameLog, type Moment, oldestQueued, type Stream } from "./frame-log.ts";
import type { Outlet, Queue } from "./ports.ts";

export interface BacklogsDeps {
  readonly outlet: Pick<Outlet, "queue" | "queuedBytes" | "moment">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** To tell where a socket stands takes up to a tenth of a millisecond, for one with a hundred busy topics. */
const LOOKED_AT_ONCE = 50;

interface Behind {
  readonly id: ConnectionId;
  readonly subscriptions: { values(): readonly { readonly topicStream: Stream | undefined }[] };
}

/** Topics that a socket left while it was behind, as far as they are remembered. At the bound the earliest is forgotten, and the oldest frame may be taken for an older one. */
const MAX_LEFT = 1_000;

export class Backlogs {
  readonly #deps: BacklogsDeps;
  /** Of the sockets that are behind, as far as anybody has looked. */
  readonly #oldest = new Map<ConnectionId, Moment>();
  /** What such a socket may have in its queue of topics that it has left. */
  readonly #left = new Map<ConnectionId, Stream[]>();
  /** Of topics that a socket which was behind is on: the only ones with more than one entry. */
  readonly #grown = new Set<FrameLog>();
  /** Number of the first of those who are behind that is looked at next. */
  #nextLooked = 0;

  constructor(deps: BacklogsDeps) {
    this.#deps = deps;
  }

  /** Somebody on the topic is behind. */
  grew(topic: FrameLog): void {
    this.#grown.add(topic);
  }

  /** The socket leaves a topic. */
  left(connection: ConnectionId, stream: Stream | undefined): void {
    if (stream === undefined) return;
    const { outlet } = this.#deps;
    // What was published in this turn may be on its way to the queue.
    const mayWait = outlet.queuedBytes(connection) > 0 || stream.log.last?.moment === outlet.moment();
    if (!mayWait) return;
    const left = this.#left.get(connection) ?? [];
    this.#left.set(connection, left);
    left.push({ ...stream, to: stream.log.total });
    // Those who stay may have taken everything.
    stream.log.isHeld = true;
    this.#grown.add(stream.log);
    if (left.length > MAX_LEFT) left.shift();
  }

  delete(connection: ConnectionId): void {
    this.#oldest.delete(connection);
    this.#left.delete(connection);
  }

  /** How long the socket has been behind, as far as anybody has looked. */
  lastSeenMs(connection: ConnectionId): number | undefined {
    const sinceMs = this.#oldest.get(connection)?.atMs;
    return sinceMs === undefined ? undefined : Math.round(this.#deps.clock.monotonicMs() - sinceMs);
  }

  /** When the oldest of what the socket has not taken was sent; undefined: it has taken everything. */
  oldest(connection: Behind, queue: Queue | undefined): Moment | undefined {
    if (queue === undefined) {
      this.delete(connection.id);
      return undefined;
    }
    const streams = this.#topicsOf(connection);
    if (queue.sent !== undefined) streams.push({ log: queue.sent, from: 0 });
    const known = this.#oldest.get(connection.id);
    const oldest = oldestQueued(queue.bytes, streams);
    if (oldest === undefined || (known !== undefined && known.turn >= oldest.turn)) return known;
    this.#oldest.set(connection.id, oldest);
    return oldest;
  }

  #topicsOf({ id, subscriptions }: Behind): Stream[] {
    const streams = [...(this.#left.get(id) ?? [])];
    for (const { topicStream } of subscriptions.values()) if (topicStream !== undefined) streams.push(topicStream);
    return streams;
  }

  /** Call on a timer: what everybody has taken by now is forgotten. Of many sockets that are behind, some are looked at each time, in turn. */
  sweep(connections: Iterable<Behind>): void {
    const neededFrom = new Map<FrameLog, number>();
    let behind = 0;
    for (const connection of connections) {
      if (this.#deps.outlet.queuedBytes(connection.id) > 0) {
        const isTurn = behind >= this.#nextLooked && behind < this.#nextLooked + LOOKED_AT_ONCE;
        behind += 1;
        if (isTurn) this.#look(connection);
        this.#noteNeeded(connection, neededFrom);
      } else this.#look(connection);
    }
    this.#nextLooked = this.#nextLooked + LOOKED_AT_ONCE < behind ? this.#nextLooked + LOOKED_AT_ONCE : 0;
    for (const log of this.#grown) {
      const from = neededFrom.get(log);
      log.forgetBefore(from ?? Number.POSITIVE_INFINITY);
      if (from === undefined) log.isHeld = false;
      if (log.size <= 1 && !log.isHeld) this.#grown.delete(log);
    }
  }

  #look(connection: Behind): void {
    const queue = this.#deps.outlet.queue(connection.id);
    const oldest = this.oldest(connection, queue);
    if (oldest !== undefined) queue?.sent?.forgetBefore(oldest.turn);
  }

  /** Of whoever was never looked at, everything. */
  #noteNeeded(connection: Behind, neededFrom: Map<FrameLog, number>): void {
    const from = this.#oldest.get(connection.id)?.turn ?? 0;
    for (const { log } of this.#topicsOf(connection)) {
      neededFrom.set(log, Math.min(neededFrom.get(log) ?? from, from));
    }
  }
}
