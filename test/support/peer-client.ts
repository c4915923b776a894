// A client as the peer's native library is one: token in the upgrade header, ids of its own, every page asked for with `next_batch`,
// and a filter that drops whatever is not above its cursor. It keeps the raw messages, so that a test can look at the wire.
import {
  nextBatchValue,
  type SubscribeRequest,
  subscribeValue,
  unsubscribeValue,
} from "../../src/protocol/client-message.ts";
import type { WireFormat } from "../../src/protocol/frame.ts";
import { gunzip, isGzipped } from "../../src/protocol/gunzip.ts";
import { isObject, type JsonObject, type JsonValue, parseJson, toJson } from "../../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import { parsePosition } from "../../src/protocol/server-message.ts";

export interface PeerClientOptions {
  /** `http://…` or `ws://…` of the server. */
  readonly url: string;
  readonly token: string;
  readonly format?: WireFormat;
  readonly gzip?: boolean;
}

export interface PeerClose {
  readonly code: number;
  readonly reason: string;
}

/** With the browser's library loaded, TypeScript does not show what Bun's WebSocket has beyond it. */
const HeaderWebSocket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => Bun.WebSocket;

interface PeerSubscription {
  readonly request: SubscribeRequest;
  readonly rows: Map<string, JsonObject>;
  cursor: bigint | undefined;
  isReady: boolean;
  keyNames: readonly string[];
}

export class PeerClient implements AsyncDisposable {
  readonly #options: PeerClientOptions;
  readonly #codec = createMsgpack(FRAME_LIMITS);
  readonly #subscriptions = new Map<string, PeerSubscription>();
  readonly #waiting = new Set<() => void>();
  #socket: Bun.WebSocket | undefined;
  #inbox: Promise<void> = Promise.resolve();
  /** Everything the server said, in order, over all sockets. */
  readonly messages: JsonObject[] = [];
  /** Changes that the filter let through. */
  delivered = 0;
  /** False: a further page is asked for by `nextBatch` only. */
  pages = true;
  closed: PeerClose | undefined;

  constructor(options: PeerClientOptions) {
    this.#options = options;
  }

  /** Resolves at `auth_success`; rejects when the server refuses or closes. */
  async connect(): Promise<void> {
    this.closed = undefined;
    const start = this.messages.length;
    const { url, token, format = "json", gzip = false } = this.#options;
    const parameters = [
      ...(gzip ? [] : ["compress=false"]),
      ...(format === "msgpack" ? ["serialization=msgpack"] : []),
    ];
    const address = `${url.replace(/^http/, "ws")}/v1/ws?${parameters.join("&")}`;
    const socket = new HeaderWebSocket(address, { headers: { authorization: `Bearer ${token}` } });
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.#inbox = this.#inbox.then(() => this.#receive(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.#inbox = this.#inbox.then(() => {
        this.closed = { code, reason };
        this.#wake();
      });
    });
    const answered = () => this.messages.slice(start).some(({ type }) => type === "auth_success");
    await this.until(() => answered() || this.closed !== undefined);
    if (!answered())
      throw new Error(`refused: ${JSON.stringify({ closed: this.closed, said: this.messages.slice(start) })}`);
  }

  subscribe(id: string, sql: string, options: SubscribeRequest["options"] = {}): void {
    const request: SubscribeRequest = { id, sql, options };
    this.#subscriptions.set(id, { request, rows: new Map(), cursor: options?.from, isReady: false, keyNames: [] });
    this.send(subscribeValue(request));
  }

  /** Asks for the page after the cursor. */
  nextBatch(id: string): void {
    this.send(nextBatchValue(id, this.cursor(id)));
  }

  unsubscribe(id: string): void {
    this.#subscriptions.delete(id);
    this.send(unsubscribeValue(id));
  }

  /** Connects again and resumes every subscription from its cursor. */
  async reconnect(): Promise<void> {
    await this.connect();
    for (const subscription of this.#subscriptions.values()) {
      subscription.isReady = false;
      const options = { ...subscription.request.options, from: subscription.cursor };
      this.send(subscribeValue({ ...subscription.request, options }));
    }
  }

  /** The rows by key, as the application would hold them. */
  rows(id: string): readonly JsonObject[] {
    const rows = this.#subscriptions.get(id)?.rows ?? new Map<string, JsonObject>();
    return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  isReady(id: string): boolean {
    return this.#subscriptions.get(id)?.isReady ?? false;
  }

  cursor(id: string): bigint | undefined {
    return this.#subscriptions.get(id)?.cursor;
  }

  /** Messages of a type, or all about one subscription. */
  said(type: string, id?: string): readonly JsonObject[] {
    return this.messages.filter(
      (message) => message["type"] === type && (id === undefined || message["subscription_id"] === id),
    );
  }

  send(value: JsonValue): void {
    this.#socket?.send(this.#options.format === "msgpack" ? this.#codec.encode(value) : toJson(value));
  }

  /** The frame as it is, broken or not. */
  sendRaw(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket?.send(frame);
  }

  /** Checked after every message and at the close; the test's own timeout is the limit. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const next = Promise.withResolvers<void>();
      this.#waiting.add(next.resolve);
      await next.promise;
    }
  }

  /** Ends the connection as a broken network would: no close frame. */
  cut(): void {
    this.#socket?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket === undefined || this.closed !== undefined) return;
    this.#socket.close(1000);
    await this.until(() => this.closed !== undefined);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async #receive(data: unknown): Promise<void> {
    const message = await this.#decode(data);
    if (!isObject(message)) throw new Error("a message is an object");
    this.messages.push(message);
    const subscription = this.#subscriptions.get(String(message["subscription_id"]));
    if (subscription !== undefined) this.#apply(message, subscription);
    this.#wake();
  }

  async #decode(data: unknown): Promise<unknown> {
    if (!(data instanceof ArrayBuffer)) return parseJson(String(data));
    const bytes = new Uint8Array(data);
    const plain = isGzipped(bytes) ? await gunzip(bytes) : bytes;
    return this.#options.format === "msgpack" ? this.#codec.decode(plain) : parseJson(new TextDecoder().decode(plain));
  }

  #apply(message: JsonObject, subscription: PeerSubscription): void {
    const { type, rows, old_values: oldRows, batch_control: control } = message;
    if (type === "subscription_ack") {
      const schema = listOf(message["schema"]);
      subscription.keyNames = schema
        .filter(({ flags }) => Array.isArray(flags) && flags.includes("pk"))
        .map(({ name }) => String(name));
      // Without options the ack is all there is.
      if (subscription.request.options === undefined)
        subscription.isReady = isObject(control) && control["status"] === "ready";
    } else if (type === "initial_data_batch") {
      for (const row of this.#new(listOf(rows), subscription)) this.#put(row, subscription);
      if (!isObject(control)) throw new Error("a batch has its control");
      const lastSeq = control["last_seq_id"];
      this.#moveTo(lastSeq, subscription);
      subscription.isReady = control["status"] === "ready";
      if (control["has_more"] === true && this.pages) {
        this.send(nextBatchValue(subscription.request.id, positionOf(lastSeq)));
      }
    } else if (type === "change") {
      const isDelete = message["change_type"] === "delete";
      for (const row of this.#new(listOf(isDelete ? oldRows : rows), subscription)) {
        this.delivered += 1;
        if (!isDelete) this.#put(row, subscription);
        else {
          subscription.rows.delete(keyOf(row, subscription));
          this.#moveTo(row["_seq"], subscription);
        }
      }
    }
  }

  /** The rows above the cursor, judged before any of them moves it. */
  #new(rows: readonly JsonObject[], { cursor }: PeerSubscription): readonly JsonObject[] {
    return rows.filter(
      ({ _seq: seq }) => seq === undefined || cursor === undefined || parsePosition(seq, "_seq") > cursor,
    );
  }

  #put(row: JsonObject, subscription: PeerSubscription): void {
    const { _deleted: _, ...cells } = row;
    subscription.rows.set(keyOf(row, subscription), cells);
    this.#moveTo(row["_seq"], subscription);
  }

  #moveTo(seq: unknown, subscription: PeerSubscription): void {
    const position = positionOf(seq);
    if (position === undefined) return;
    if (subscription.cursor === undefined || position > subscription.cursor) subscription.cursor = position;
  }
}

function positionOf(value: unknown): bigint | undefined {
  return value === undefined || value === null ? undefined : parsePosition(value, "a position");
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function keyOf(row: JsonObject, { keyNames }: PeerSubscription): string {
  return JSON.stringify(keyNames.map((name) => String(row[name])));
}
