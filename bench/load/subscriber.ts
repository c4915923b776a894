// One socket with its subscriptions, the same for a server and its ceiling: it subscribes, waits for the acknowledgements, then reports rows.
import type { Protocol } from "./client-tasks.ts";
import type { Faults } from "./faults.ts";
import { FrameSocket } from "./frame-socket.ts";
import { forEachMark, type Target } from "./workload.ts";

export interface SubscriberOptions {
  readonly target: Target;
  readonly protocol: Protocol;
  readonly queries: readonly string[];
  readonly onRow: (id: number) => void;
  /** The first position a frame names, for whoever checks the order of positions. */
  readonly onPosition?: (seq: bigint) => void;
  readonly faults: Faults;
  /** Resumes from there; open when the last missed row has come. */
  readonly resumeFrom?: string;
}

const ACK = Buffer.from('"subscription_ack"');
const READY = Buffer.from('"ready":true');
const POSITION = /"_?seq":"(\d+)"/;
const REFUSAL = /"type":"(?:error|auth_error|killed|reset)"/;
const PROGRESS = '"type":"progress"';
const READY_TIMEOUT_MS = 60_000;
/** Of the messages without rows the last few are kept, to tell why a row did not come. */
const KEPT_MESSAGES = 5;
const SHOWN_CHARACTERS = 200;
/** A peer socket may compress long frames; what is counted here must be readable where it lies. */
const PATHS: Record<Protocol, string> = {
  native: "/v1/ws?protocol=kalam.v2&compress=false",
  peer: "/v1/ws?compress=false",
};

export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #said: string[] = [];
  #waitingFor: number;
  #socket: FrameSocket | undefined;
  #frames = 0;
  #position: bigint | undefined;
  #failure: string | undefined;

  private constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#waitingFor = options.queries.length;
  }

  static async open(options: SubscriberOptions): Promise<Subscriber> {
    const self = new Subscriber(options);
    const { target, protocol, queries } = options;
    self.#socket = await FrameSocket.open({
      port: target.port,
      path: PATHS[protocol],
      token: target.token,
      onText: (bytes, start, end) => self.#read(bytes, start, end),
      onLost: (why) => self.#fail(why),
    });
    queries.forEach((sql, index) => {
      const resume = options.resumeFrom === undefined ? {} : { options: { from: options.resumeFrom } };
      self.#socket?.send(JSON.stringify({ type: "subscribe", subscription: { id: `s${index}`, sql, ...resume } }));
    });
    const timer = setTimeout(() => self.#fail("subscribing took too long"), READY_TIMEOUT_MS);
    await self.#ready.promise.finally(() => clearTimeout(timer));
    return self;
  }

  close(): void {
    this.#socket?.close();
  }

  /** What it has seen so far. Positions only where somebody asked for them. */
  story(): string {
    const end = this.#failure === undefined ? "open" : `ended (${this.#failure})`;
    return `${end}, ${this.#frames} frames with rows, last position ${this.#position ?? "not noted"}, told besides: ${this.#said.join(" ")}`;
  }

  #fail(why: string): void {
    this.#failure ??= why;
    this.#options.faults.add(why);
    this.#ready.reject(new Error(why));
  }

  #read(bytes: Buffer, start: number, end: number): void {
    let rows = 0;
    forEachMark(bytes, { start, end }, (id) => {
      rows += 1;
      this.#options.onRow(id);
    });
    this.#readReady(bytes, start, end);
    if (rows === 0) {
      this.#readControl(bytes, start, end);
      return;
    }
    this.#frames += 1;
    if (this.#options.onPosition === undefined) return;
    const seq = POSITION.exec(bytes.toString("latin1", start, end))?.[1];
    if (seq === undefined) return;
    this.#position = BigInt(seq);
    this.#options.onPosition(this.#position);
  }

  /** A ceiling acknowledges and knows no more. */
  #readReady(bytes: Buffer, start: number, end: number): void {
    const { resumeFrom, target } = this.#options;
    if (this.#waitingFor === 0) return;
    const mark = bytes.indexOf(resumeFrom === undefined || target.kind === "ceiling" ? ACK : READY, start);
    if (mark === -1 || mark >= end) return;
    this.#waitingFor -= 1;
    if (this.#waitingFor === 0) this.#ready.resolve();
  }

  #readControl(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString("utf8", start, end);
    if (REFUSAL.test(text)) this.#fail(text);
    if (text.includes(PROGRESS)) return;
    this.#said.push(text.slice(0, SHOWN_CHARACTERS));
    if (this.#said.length > KEPT_MESSAGES) this.#said.shift();
  }
}

const CONNECTING_AT_ONCE = 64;

/** A few at a time: a storm of connects would measure the listen queue. */
export async function openSubscribers(
  options: readonly SubscriberOptions[],
  atOnce = CONNECTING_AT_ONCE,
): Promise<Subscriber[]> {
  const opened: Subscriber[] = [];
  for (let at = 0; at < options.length; at += atOnce) {
    opened.push(...(await Promise.all(options.slice(at, at + atOnce).map((one) => Subscriber.open(one)))));
  }
  return opened;
}
