// The shell around the session: opens the socket, runs timers, routes messages to feeds. Decisions are in `session` and in the feeds.
import { assertNever } from "../base/errors.ts";
import { authenticateValue, pingValue, subscribeValue, unsubscribeValue } from "../protocol/client-message.ts";
import { nextAfterClose } from "../protocol/close-codes.ts";
import { NATIVE_PROTOCOL, NATIVE_VERSION } from "../protocol/dialect.ts";
import type { WireFormat } from "../protocol/frame.ts";
import { type JsonValue, toJson } from "../protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../protocol/msgpack.ts";
import { parseServerMessage, type ServerMessage } from "../protocol/server-message.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import type { Feed, FeedEvent } from "./feed.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { KalamError, toKalamError } from "./kalam-error.ts";
import { type Session, type SessionEffect, type SessionEvent, sessionStep } from "./session.ts";
import { TokenRenewal } from "./token-renewal.ts";
import type { WebSocketConstructor, WebSocketLike } from "./web-socket.ts";

export type ConnectionState = "disconnected" | "connecting" | "connected" | "waiting";

export type EventSink = (events: readonly FeedEvent[]) => void;

export interface ConnectionOptions {
  /** `ws://host:port/v1/ws`, without parameters. */
  readonly url: string;
  readonly protocol: "native" | "peer";
  readonly format: WireFormat;
  readonly gzip: boolean;
  readonly backoff: BackoffOptions;
  /** Opening the socket and authenticating must be done within. */
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly pingIntervalMs: number;
  readonly webSocket: WebSocketConstructor;
  readonly credentials: Credentials;
  readonly onState: (state: ConnectionState) => void;
}

/** A client may close with 1000 or 3000–4999 only; 4000 tells the server's log that the client gave up on this socket. */
const CLIENT_GAVE_UP = 4000;
const REFUSED_FOR_GOOD = ["ACCOUNT_LOCKED", "REMOTE_ACCESS_DENIED", "PERMISSION_DENIED"];

const STATES: Record<Session["phase"], ConnectionState> = {
  idle: "disconnected",
  stopped: "disconnected",
  opening: "connecting",
  authenticating: "connecting",
  open: "connected",
  waiting: "waiting",
};

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #subscriptions = new Map<string, { readonly feed: Feed; readonly sink: EventSink }>();
  readonly #msgpack = createMsgpack(FRAME_LIMITS);
  readonly #renewal: TokenRenewal;
  /** The ids used on this socket and whose they are. An id of the application's that is used again gets another name on the wire, because
   * what the server still says about the last subscription may arrive later. */
  readonly #wireIds = new Map<string, Feed>();
  #session: Session = { phase: "idle" };
  #socket: WebSocketLike | undefined;
  /** The last one shown to the server. */
  #token: string | undefined;
  /** Subscriptions that the server asked to make again later. */
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  /** Tells attempts apart: what belongs to an earlier one is ignored. */
  #attempt = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#renewal = new TokenRenewal({
      credentials: options.credentials,
      show: (token) => {
        this.#token = token;
        this.#authenticate();
      },
    });
  }

  get state(): ConnectionState {
    return STATES[this.#session.phase];
  }

  get feeds(): readonly Feed[] {
    return [...this.#subscriptions.values()].map(({ feed }) => feed);
  }

  add(feed: Feed, sink: EventSink): void {
    if (this.#subscriptions.has(feed.id)) {
      throw new KalamError("SUBSCRIPTION_ID_IN_USE", `a subscription with id ${JSON.stringify(feed.id)} exists`);
    }
    this.#subscriptions.set(feed.id, { feed, sink });
    if (this.#session.phase === "open") this.#subscribe(feed, sink);
    else this.#handle({ kind: "wanted" });
  }

  /** Idempotent; an id that was taken over by another feed stays. */
  remove(feed: Feed): void {
    if (this.#subscriptions.get(feed.id)?.feed !== feed) return;
    this.#subscriptions.delete(feed.id);
    if (this.#session.phase === "open") this.#send(unsubscribeValue(feed.wireId));
  }

  disconnect(): void {
    this.#handle({ kind: "disconnect" });
    this.#failAll(new KalamError("DISCONNECTED", "the client was disconnected"));
  }

  #handle(event: SessionEvent): void {
    const before = this.state;
    const { next, effects } = sessionStep(this.#session, event, this.#options.backoff);
    this.#session = next;
    for (const effect of effects) this.#run(effect);
    // Last, because a listener may subscribe, and must find everything done.
    if (this.state !== before) this.#options.onState(this.state);
  }

  #run(effect: SessionEffect): void {
    switch (effect.kind) {
      case "open":
        void this.#open(effect.fresh);
        return;
      case "authenticate":
        this.#authenticate();
        return;
      case "subscribeAll":
        for (const { feed, sink } of this.#subscriptions.values()) this.#subscribe(feed, sink);
        return;
      case "close":
        this.#drop(1000, "");
        return;
      case "startTimer":
        this.#startTimer(effect.delayMs);
        return;
      case "stopTimer":
        clearTimeout(this.#timer);
        return;
      case "failAll":
        this.#failAll(effect.error);
        return;
      default:
        assertNever(effect, "session effect");
    }
  }

  #startTimer(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#handle({ kind: "timer" }), delayMs);
  }

  async #open(fresh: boolean): Promise<void> {
    const attempt = ++this.#attempt;
    try {
      const token = await this.#options.credentials.token(fresh ? this.#token : undefined);
      if (attempt !== this.#attempt) return;
      this.#token = token;
    } catch (error) {
      if (attempt === this.#attempt) this.#onNoToken(toKalamError(error, "NETWORK_ERROR"));
      return;
    }
    try {
      this.#socket = new this.#options.webSocket(this.#url());
      this.#socket.binaryType = "arraybuffer";
      this.#listen(this.#socket);
    } catch (error) {
      // Only an address that is none gets here; trying again cannot help.
      this.#handle({
        kind: "refused",
        error: toKalamError(error, "INVALID_INPUT"),
        isFinal: true,
        random: Math.random(),
      });
    }
  }

  #authenticate(): void {
    const { protocol, format, gzip } = this.#options;
    const version = protocol === "native" ? NATIVE_VERSION : 1;
    const message = authenticateValue(this.#token ?? "", { version, format, compression: gzip ? "gzip" : "none" });
    // Text whatever is negotiated: the negotiation begins with it.
    this.#socket?.send(toJson(message));
  }

  /** Without a token there is no socket: a server that cannot be reached is tried again, a refusal is final. */
  #onNoToken(error: KalamError): void {
    const { status } = error;
    const mayPass = status === undefined ? error.code === "NETWORK_ERROR" : status >= 500 || status === 429;
    if (mayPass) this.#handle({ kind: "closed", next: "reconnect", error, random: Math.random() });
    else this.#handle({ kind: "refused", error, isFinal: true, random: Math.random() });
  }

  #url(): string {
    const { url, protocol, gzip } = this.#options;
    const parameters: string[] = [];
    if (protocol === "native") parameters.push(`protocol=${NATIVE_PROTOCOL}`);
    if (!gzip) parameters.push("compress=false");
    return parameters.length === 0 ? url : `${url}?${parameters.join("&")}`;
  }

  #listen(socket: WebSocketLike): void {
    const { format, connectTimeoutMs } = this.#options;
    const timeout = setTimeout(() => this.#onLost(socket, "no authentication in time"), connectTimeoutMs);
    const inbox = createInbox({
      format,
      msgpack: this.#msgpack,
      onValue: (value) => this.#onValue(socket, value, timeout),
      onBroken: (error) => this.#onLost(socket, error.message),
    });
    socket.addEventListener("open", () => {
      if (socket === this.#socket) this.#handle({ kind: "opened" });
    });
    socket.addEventListener("message", (event) => this.#onFrame(socket, inbox, event.data));
    socket.addEventListener("close", ({ code, reason }) => {
      clearTimeout(timeout);
      if (socket === this.#socket) this.#onClose(code, reason);
    });
    // A close event always follows and says what is to be done.
    socket.addEventListener("error", () => undefined);
  }

  #onClose(code: number, reason: string): void {
    this.#forgetSocket();
    const next = nextAfterClose(code, reason);
    const text = reason === "" ? `connection closed (${code})` : reason;
    const error = new KalamError(next === "stop" && reason.includes("killed") ? "KILLED" : "NETWORK_ERROR", text);
    this.#handle({ kind: "closed", next, error, random: Math.random() });
  }

  #onFrame(socket: WebSocketLike, inbox: Inbox, data: unknown): void {
    if (socket !== this.#socket) return;
    if (this.#session.phase === "open") this.#watch(socket);
    inbox.add(data);
  }

  #onValue(socket: WebSocketLike, value: unknown, timeout: ReturnType<typeof setTimeout>): void {
    if (socket !== this.#socket) return;
    const message = parseServerMessage(value);
    if (message === undefined) return;
    if (message.kind === "authSuccess") {
      clearTimeout(timeout);
      this.#watch(socket);
      this.#renewal.accepted(this.#token ?? "");
      this.#handle({ kind: "authenticated" });
    } else if (message.kind === "authError") this.#onRefused(message);
    else this.#route(message);
  }

  #onRefused(message: Extract<ServerMessage, { kind: "authError" }>): void {
    const code = message.code ?? "INVALID_CREDENTIALS";
    const error = new KalamError(code, message.message);
    // Being asked to slow down, or a timeout, is no verdict about the token: the close that follows leads to another attempt.
    if (code === "RATE_LIMIT_EXCEEDED" || code === "AUTH_REQUIRED" || message.message.startsWith("Too many")) return;
    this.#handle({ kind: "refused", error, isFinal: REFUSED_FOR_GOOD.includes(code), random: Math.random() });
  }

  #route(message: ServerMessage): void {
    if ("channel" in message && message.kind !== "ack") this.#toChannel(message.channel, message);
    else if (message.kind === "changes" && message.to.kind === "channel") this.#toChannel(message.to.channel, message);
    else if (message.kind === "changes" && message.to.kind === "subscription") this.#toWireId(message.to.id, message);
    else if ("id" in message) this.#toWireId(message.id, message);
  }

  #toWireId(wireId: string, message: ServerMessage): void {
    const feed = this.#wireIds.get(wireId);
    if (feed !== undefined) this.#toFeed(feed, message);
  }

  #toChannel(channel: number, message: ServerMessage): void {
    for (const { feed } of this.#subscriptions.values()) {
      if (feed.channel === channel) this.#toFeed(feed, message);
    }
  }

  #toFeed(feed: Feed, message: ServerMessage): void {
    const subscription = this.#subscriptions.get(feed.id);
    if (subscription?.feed !== feed) return;
    const { events, replies, retryAfterMs } = subscription.feed.receive(message);
    if (retryAfterMs !== undefined) this.#subscribeLater(feed, subscription.sink, retryAfterMs);
    // The server has forgotten it already.
    if (events.some((event) => event.kind === "error")) this.#subscriptions.delete(feed.id);
    for (const reply of replies) this.#send(reply);
    if (events.length > 0) subscription.sink(events);
  }

  /** On another socket it is subscribed anyway, like all others. */
  #subscribeLater(feed: Feed, sink: EventSink, delayMs: number): void {
    const attempt = this.#attempt;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      const isWanted = this.#subscriptions.get(feed.id)?.feed === feed;
      if (isWanted && attempt === this.#attempt && this.#session.phase === "open") this.#subscribe(feed, sink);
    }, delayMs);
    this.#retries.add(timer);
  }

  #subscribe(feed: Feed, sink: EventSink): void {
    const wireId = this.#newWireId(feed.id);
    this.#wireIds.set(wireId, feed);
    const { request, events } = feed.subscribe(wireId);
    if (events.length > 0) sink(events);
    this.#send(subscribeValue(request));
  }

  #newWireId(id: string): string {
    let wireId = id;
    for (let use = 2; this.#wireIds.has(wireId); use += 1) wireId = `${id}#${use}`;
    return wireId;
  }

  #send(value: JsonValue): void {
    this.#socket?.send(this.#options.format === "msgpack" ? this.#msgpack.encode(value) : toJson(value));
  }

  /** Every frame puts it off; a ping makes a healthy native server answer. */
  #watch(socket: WebSocketLike): void {
    const { pingIntervalMs, connectTimeoutMs, protocol } = this.#options;
    clearTimeout(this.#watchdog);
    if (pingIntervalMs === 0) return;
    this.#watchdog = setTimeout(() => {
      this.#send(pingValue());
      // A peer server never answers a ping; sending it keeps the socket from idling out.
      if (protocol === "peer") this.#watch(socket);
      else this.#watchdog = setTimeout(() => this.#onLost(socket, "the server does not answer"), connectTimeoutMs);
    }, pingIntervalMs);
  }

  #onLost(socket: WebSocketLike, text: string): void {
    if (socket !== this.#socket) return;
    this.#drop(CLIENT_GAVE_UP, text);
    this.#handle({
      kind: "closed",
      next: "reconnect",
      error: new KalamError("NETWORK_ERROR", text),
      random: Math.random(),
    });
  }

  #forgetSocket(): void {
    clearTimeout(this.#watchdog);
    this.#renewal.stop();
    this.#wireIds.clear();
    for (const timer of this.#retries) clearTimeout(timer);
    this.#retries.clear();
    this.#socket = undefined;
  }

  #drop(code: number, reason: string): void {
    this.#attempt += 1;
    const socket = this.#socket;
    this.#forgetSocket();
    socket?.close(code, reason.slice(0, 40));
  }

  #failAll(error: KalamError): void {
    const ended = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const { sink } of ended) sink([{ kind: "error", error }]);
  }
}
