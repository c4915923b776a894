// What was sent one way, to a topic or to one socket, turn by turn, as far back as somebody may not have taken it; and from that and the bytes in a socket's queue, when the
// oldest of them was sent. A socket that keeps up leaves one entry here, whatever is sent to it.

/** A turn of the event loop: what is sent in it leaves together. */
export interface Moment {
  /** Grows. */
  readonly turn: number;
  /** Monotonic. */
  readonly atMs: number;
}

interface Sent {
  readonly moment: Moment;
  /** Bytes that were sent before. */
  readonly start: number;
}

/** Of one log. At the bound every two neighbours become one, of the earlier moment, and so do those that follow. */
const MAX_MOMENTS = 4_096;

export class FrameLog {
  #total = 0;
  #last: Sent | undefined;
  /** Before the last; undefined when there are none. */
  #older: Sent[] | undefined;
  /** So many become one. */
  #joined = 1;
  #joinedSoFar = 0;
  /** Somebody who is not told of here any more may wait for what was sent: only `forgetBefore` forgets. */
  isHeld = false;

  /** Bytes ever sent, framing included. */
  get total(): number {
    return this.#total;
  }

  get size(): number {
    return (this.#older?.length ?? 0) + (this.#last === undefined ? 0 : 1);
  }

  get first(): Sent | undefined {
    return this.#older?.[0] ?? this.#last;
  }

  get last(): Sent | undefined {
    return this.#last;
  }

  /** `isTaken`: whatever was sent this way in earlier turns has been taken by everybody. */
  add(bytes: number, moment: Moment, isTaken: boolean): void {
    const isOver = isTaken && !this.isHeld;
    if (isOver) this.#forgetOlder();
    if (this.#last?.moment !== moment) {
      if (this.#last !== undefined && !isOver) this.#keep(this.#last);
      this.#last = { moment, start: this.#total };
    }
    this.#total += bytes;
  }

  #keep(sent: Sent): void {
    const isFirst = this.#joinedSoFar % this.#joined === 0;
    this.#joinedSoFar += 1;
    if (!isFirst) return;
    this.#older ??= [];
    this.#older.push(sent);
    if (this.#older.length < MAX_MOMENTS) return;
    this.#older = this.#older.filter((_, at) => at % 2 === 0);
    this.#joined *= 2;
    this.#joinedSoFar = 0;
  }

  #forgetOlder(): void {
    this.#older = undefined;
    this.#joined = 1;
    this.#joinedSoFar = 0;
  }

  /** Nobody misses anything of the turns before this one. */
  forgetBefore(turn: number): void {
    const older = this.#older?.slice(this.#firstSince(turn));
    if (older === undefined || older.length === 0) this.#forgetOlder();
    else this.#older = older;
  }

  /** Bytes of this turn and those after it, of those after the first `from` and up to `to`. */
  bytesSince(turn: number, { from, to = this.#total }: { readonly from: number; readonly to?: number }): number {
    const first = this.#since(turn);
    return first === undefined ? 0 : Math.max(0, to - Math.max(first.start, from));
  }

  /** The first in this turn or after it. */
  momentSince(turn: number): Moment | undefined {
    return this.#since(turn)?.moment;
  }

  #since(turn: number): Sent | undefined {
    const older = this.#older?.[this.#firstSince(turn)];
    if (older !== undefined) return older;
    return this.#last !== undefined && this.#last.moment.turn >= turn ? this.#last : undefined;
  }

  /** Index among the older ones. */
  #firstSince(turn: number): number {
    const older = this.#older ?? [];
    let low = 0;
    let high = older.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const isBefore = (older[middle]?.moment.turn ?? turn) < turn;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What reached a socket one way: everything of the log after its first `from` bytes, and up to `to`, if that way has ended. */
export interface Stream {
  readonly log: FrameLog;
  readonly from: number;
  readonly to?: number;
}

/**
 * When the oldest of what waits in a socket's queue was sent. A socket takes in the order of sending, so what waits are the newest `queuedBytes` of its streams:
 * the answer is the newest turn from which on they sent as much. Undefined: the logs know nothing.
 */
export function oldestQueued(queuedBytes: number, streams: readonly Stream[]): Moment | undefined {
  const sentSince = (turn: number): number =>
    streams.reduce((sum, stream) => sum + stream.log.bytesSince(turn, stream), 0);
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const { log } of streams) {
    low = Math.min(low, log.first?.moment.turn ?? low);
    high = Math.max(high, log.last?.moment.turn ?? 0);
  }
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sentSince(middle) >= queuedBytes) low = middle;
    else high = middle - 1;
  }
  let oldest: Moment | undefined;
  for (const stream of streams) {
    const moment = stream.log.bytesSince(low, stream) > 0 ? stream.log.momentSince(low) : undefined;
    if (moment !== undefined && (oldest === undefined || moment.turn < oldest.turn)) oldest = moment;
  }
  return oldest;
}
