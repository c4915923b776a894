// The WebSocket endpoint: upgrade, authentication, one message after the other to live queries, and every way a socket ends.
import type { Server } from "bun";
import type { Accounts } from "../auth/accounts.ts";
import { API_KEY_HEADER } from "../auth/authorization.ts";
import type { Client } from "../auth/client-ip.ts";
import { RateLimiter } from "../auth/rate-limit.ts";
import type { VerifiedToken } from "../auth/tokens.ts";
import type { Clock } from "../base/clock.ts";
import { assertNever, DbError } from "../base/errors.ts";
import { newConnectionId } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Pacer } from "../base/pacer.ts";
import type { Config } from "../config/config.ts";
import type { Engine } from "../engine/engine.ts";
import type { LiveQueries } from "../live/live-queries.ts";
import type { Frame, Principal } from "../live/ports.ts";
import type { Cell } from "../model/sql-type.ts";
import { CLOSE, type CloseReason, closeFor, invalidMessage, type NativeCloseName } from "../protocol/close-codes.ts";
import { dialectOfUpgrade, isNativeUpgrade, withRequest } from "../protocol/dialect.ts";
import { authErrorMessage, authSuccessMessage, errorMessage, pongMessage } from "../protocol/down.ts";
import { encodeError, redact } from "../protocol/http.ts";
import { type ClientMessage, createClientMessageParser } from "../protocol/up.ts";
import { Deadlines } from "./deadlines.ts";
import type { SocketOutlet, SocketTable } from "./outlet.ts";
import type { Identify, Verify } from "./request-identity.ts";
import { SocketAdmission } from "./socket-admission.ts";
import { connectionCells, type Socket, type SocketData, type SocketWork } from "./socket-data.ts";
import { isQueueFull, runInOrder } from "./socket-order.ts";

export interface SocketServerDeps {
  readonly accounts: Accounts;
  readonly identify: Identify;
  readonly engine: Engine;
  readonly live: LiveQueries;
  readonly sockets: SocketTable;
  readonly outlet: SocketOutlet;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Thousands of clients that come back at once must not hold the loop: what they ask first waits for its turn. */
  readonly pacer: Pacer;
}

type SubscribeMessage = Extract<ClientMessage, { kind: "subscribe" }>;

const REFUSED_HEADERS = { "content-type": "application/json", "retry-after": "5" };
/** Buckets are kept with the sockets. */
const NO_KEYS = 0;

export class SocketServer {
  readonly #deps: SocketServerDeps;
  readonly #parse: ReturnType<typeof createClientMessageParser>;
  readonly #messageRate: RateLimiter;
  readonly #deadlines: Deadlines;
  readonly #admission: SocketAdmission;

  constructor(deps: SocketServerDeps) {
    this.#deps = deps;
    const { security, rateLimit, websocket } = deps.config;
    this.#admission = new SocketAdmission({
      maxSockets: websocket.maxConnections,
      maxSocketsPerAddress: websocket.maxConnectionsPerIp,
      failedAttempts: rateLimit.maxAuthRequestsPerIpPerSec,
      clock: deps.clock,
    });
    this.#parse = createClientMessageParser({ maxMessageBytes: security.maxWsMessageSize });
    this.#messageRate = new RateLimiter({
      perSecond: rateLimit.maxMessagesPerSec,
      capacity: NO_KEYS,
      clock: deps.clock,
    });
    this.#deadlines = new Deadlines({
      sockets: deps.sockets,
      clock: deps.clock,
      reached: (socket) => this.#deadlineReached(socket),
    });
  }

  /** Undefined: upgraded. */
  upgrade(request: Request, server: Server<SocketData>, client: Client): Response | undefined {
    const refusal = this.#admission.refusal(client.address);
    if (refusal !== undefined) return this.#refused(refusal, client);
    const search = new URL(request.url).searchParams;
    const hasHeader =
      request.headers.get("authorization")?.startsWith("Bearer ") || request.headers.has(API_KEY_HEADER);
    // Clients of the peer protocol that bring no header page differently, so a cookie or an address must not count as one.
    const verify = hasHeader || isNativeUpgrade(search) ? this.#deps.identify(request, () => client) : undefined;
    const data: SocketData = {
      connection: newConnectionId(),
      address: client.address,
      verifyUpgrade: verify,
      connectedAtMs: this.#deps.clock.nowMs(),
      dialect: dialectOfUpgrade(search, hasHeader),
      principal: undefined,
      tokenExpiresAtMs: 0,
      apiKey: undefined,
      deadlineMs: Number.POSITIVE_INFINITY,
      closing: false,
      waiting: undefined,
      sent: undefined,
      ...this.#messageRate.fullBucket(),
    };
    if (server.upgrade(request, { data })) return undefined;
    return new Response("Upgrade to WebSocket required", { status: 426, headers: { upgrade: "websocket" } });
  }

  #refused(error: DbError, { address }: Client): Response {
    this.#deps.log.warn("connection refused", { address, code: error.code });
    return new Response(encodeError(error, { tookMs: 0 }), { status: error.httpStatus, headers: REFUSED_HEADERS });
  }

  /** Going away: clients come back by themselves. */
  closeAll(): void {
    this.#deps.live.closeAll();
    for (const socket of this.#deps.sockets.values()) this.#close(socket, CLOSE.shuttingDown);
  }

  /** Every socket that came with this API key. */
  closeKey(key: string): void {
    for (const socket of this.#deps.sockets.values()) {
      if (socket.data.apiKey === key) this.#end(socket, "revoked");
    }
  }

  /** Rows of `system.connections`. */
  rows(): readonly (readonly Cell[])[] {
    const subscriptions = new Map(
      [...this.#deps.live.connections()].map((row) => [row.connectionId, row.subscriptions]),
    );
    return [...this.#deps.sockets.values()].map(({ data }) =>
      connectionCells(data, {
        subscriptions: subscriptions.get(data.connection) ?? 0,
        queueBytes: this.#deps.outlet.queue(data.connection)?.bytes ?? 0,
      }),
    );
  }

  open(socket: Socket): void {
    this.#deps.sockets.set(socket.data.connection, socket);
    this.#admission.opened(socket.data.address);
    this.#deps.log.debug("connection opened", { connection: socket.data.connection, address: socket.data.address });
    const { verifyUpgrade } = socket.data;
    if (verifyUpgrade !== undefined) {
      socket.data.verifyUpgrade = undefined;
      this.#enqueue(socket, () => this.#authenticate(socket, verifyUpgrade));
      return;
    }
    this.#deadlines.set(socket, this.#deps.config.websocket.authTimeoutSecs * 1000);
  }

  #deadlineReached(socket: Socket): void {
    const { data } = socket;
    if (data.closing) return;
    if (data.principal === undefined) {
      const seconds = this.#deps.config.websocket.authTimeoutSecs;
      const text = `Authentication timeout - no auth message received within ${seconds} seconds`;
      this.#send(socket, authErrorMessage("AUTH_REQUIRED", text));
      this.#close(socket, CLOSE.authenticationTimeout);
    } else if (this.#deps.clock.nowMs() < data.tokenExpiresAtMs) {
      // The wall clock went back meanwhile.
      this.#watchExpiry(socket, data.tokenExpiresAtMs);
    } else {
      this.#end(socket, "tokenExpired");
    }
  }

  message(socket: Socket, frame: string | Buffer): void {
    const { data } = socket;
    if (data.closing) return;
    if (!this.#messageRate.takeFrom(data)) {
      this.#tell(socket, "rate_limit", new DbError("RATE_LIMIT_EXCEEDED", "Too many messages"));
      return;
    }
    if (isQueueFull(socket)) {
      this.#end(socket, "slowConsumer");
      return;
    }
    // A Buffer of Bun's is only ours during the call; text is.
    const copy = typeof frame === "string" ? frame : new Uint8Array(frame);
    this.#enqueue(socket, () => this.#handleFrame(socket, copy));
  }

  #enqueue(socket: Socket, work: SocketWork): void {
    runInOrder(socket, work, this.#failed);
  }

  readonly #failed = (socket: Socket, error: unknown): void => {
    if (!(error instanceof DbError)) {
      const { connection } = socket.data;
      this.#deps.log.error("socket message failed", { connection, error: errorText(error) });
    }
    this.#tell(socket, "protocol", redact(error, false));
  };

  #handleFrame(socket: Socket, frame: string | Uint8Array): Promise<void> | undefined {
    let message: ClientMessage;
    try {
      message = this.#parse(frame, socket.data.principal === undefined ? "json" : socket.data.dialect.format);
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      if (error.code === "PROTOCOL_ERROR" && typeof frame === "string") {
        this.#close(socket, invalidMessage(error.message));
      } else {
        this.#tell(
          socket,
          "protocol",
          error.code === "PROTOCOL_ERROR" ? new DbError("UNSUPPORTED_DATA", error.message) : error,
        );
      }
      return undefined;
    }
    return this.#handle(socket, message);
  }

  #handle(socket: Socket, message: ClientMessage): Promise<void> | undefined {
    const { data } = socket;
    if (message.kind === "authenticate") return this.#handleAuthenticate(socket, message);
    switch (message.kind) {
      case "ping":
        if (data.dialect.protocol === "native") this.#send(socket, pongMessage());
        break;
      case "hello":
        this.#renegotiate(socket, message.protocol);
        break;
      case "subscribe":
        return this.#subscribe(socket, message);
      case "nextBatch":
        if (data.principal !== undefined) this.#deps.live.nextBatch(data.connection, message.id, message.lastSeq);
        break;
      case "unsubscribe":
        if (data.principal !== undefined) this.#deps.live.unsubscribe(data.connection, message.id);
        break;
      default:
        return assertNever(message, "client message");
    }
    return undefined;
  }

  #renegotiate(socket: Socket, request: Parameters<typeof withRequest>[1]): void {
    const { data } = socket;
    if (data.principal === undefined) return;
    data.dialect = withRequest(data.dialect, request);
    this.#deps.live.disconnect(data.connection);
    this.#connectLive(socket);
    this.#send(socket, authSuccessMessage(data.principal, data.dialect));
  }

  async #handleAuthenticate(socket: Socket, message: Extract<ClientMessage, { kind: "authenticate" }>): Promise<void> {
    const { data } = socket;
    if (data.principal === undefined) {
      data.dialect = withRequest(data.dialect, message.protocol);
      return this.#authenticate(socket, () => this.#deps.accounts.authenticate(message.token));
    }
    // In-band re-authentication: the same user extends the life of the socket and keeps its subscriptions.
    const token = await this.#deps.accounts.authenticate(message.token);
    const { principal } = data;
    if (token.user !== principal.user || token.role !== principal.role) {
      throw new DbError("INVALID_CREDENTIALS", "The new token belongs to another user");
    }
    this.#identify(socket, principal, token);
    this.#send(socket, authSuccessMessage(principal, data.dialect));
  }

  async #authenticate(socket: Socket, verify: Verify): Promise<void> {
    const { address } = socket.data;
    try {
      this.#admission.assertMayAuthenticate(address);
      const verified = await verify();
      if (socket.data.closing) return;
      const principal = { user: verified.user, role: verified.role };
      this.#identify(socket, principal, verified);
      this.#connectLive(socket);
      this.#send(socket, authSuccessMessage(principal, socket.data.dialect));
      const { connection, dialect } = socket.data;
      this.#deps.log.debug("connection authenticated", { connection, ...principal, protocol: dialect.protocol });
    } catch (error) {
      const shown = redact(error, false);
      // A token that was good once is no attempt to guess one.
      if (shown.code === "INVALID_CREDENTIALS") this.#admission.authenticationFailed(address);
      this.#deps.log.info("authentication failed", { connection: socket.data.connection, address, code: shown.code });
      this.#send(
        socket,
        authErrorMessage(shown.code, shown.code === "INTERNAL_ERROR" ? "Authentication failed" : shown.message),
      );
      this.#close(socket, CLOSE.authenticationFailed);
    }
  }

  #identify(socket: Socket, principal: Principal, token: Pick<VerifiedToken, "expiresAtMs" | "apiKey">): void {
    const { data } = socket;
    data.principal = principal;
    data.apiKey = token.apiKey;
    this.#watchExpiry(socket, token.expiresAtMs);
  }

  #watchExpiry(socket: Socket, expiresAtMs: number): void {
    socket.data.tokenExpiresAtMs = expiresAtMs;
    this.#deadlines.set(socket, expiresAtMs - this.#deps.clock.nowMs());
  }

  #connectLive(socket: Socket): void {
    const { data } = socket;
    if (data.principal !== undefined) this.#deps.live.connect(data.connection, data.principal, data.dialect);
  }

  #subscribe(socket: Socket, message: SubscribeMessage): Promise<void> | undefined {
    const turn = this.#deps.pacer.turn();
    if (turn !== undefined) return turn.then(() => this.#subscribeNow(socket, message));
    this.#subscribeNow(socket, message);
    return undefined;
  }

  #subscribeNow(socket: Socket, message: SubscribeMessage): void {
    const { data } = socket;
    if (data.closing) return;
    if (data.principal === undefined) {
      this.#tell(socket, "subscribe", new DbError("AUTH_REQUIRED", "Authentication required before subscribing"));
      return;
    }
    this.#deps.live.release(data.connection, message.id);
    try {
      this.#deps.engine.subscribe({ connection: data.connection, principal: data.principal, message });
    } catch (error) {
      if (!(error instanceof DbError)) this.#deps.log.error("subscribe failed", { error: errorText(error) });
      this.#tell(socket, message.id.trim() === "" ? "invalid_subscription" : message.id, redact(error, false));
    }
  }

  #send(socket: Socket, frame: Frame): void {
    this.#deps.outlet.sendFrame(socket, frame);
  }

  #tell(socket: Socket, about: string, error: DbError): void {
    this.#send(socket, errorMessage(socket.data.dialect.protocol, about, error));
  }

  /** Live queries close what they know, so that there is one way down; a socket that never authenticated is only ours. */
  #end(socket: Socket, name: NativeCloseName): void {
    if (this.#deps.live.killConnection(socket.data.connection, name)) return;
    this.#close(socket, closeFor(name, socket.data.dialect.protocol));
  }

  #close(socket: Socket, { code, reason }: CloseReason): void {
    this.#forget(socket);
    socket.close(code, reason);
  }

  /** The backlog is empty again. */
  drained(socket: Socket): void {
    this.#deps.live.drained(socket.data.connection);
  }

  /** Once for every socket that opened, whoever closed it. */
  closed(socket: Socket, code: number, reason: string): void {
    const { connection, address, connectedAtMs } = socket.data;
    this.#admission.closed(address);
    this.#forget(socket);
    const openMs = Math.round(this.#deps.clock.nowMs() - connectedAtMs);
    this.#deps.log.debug("connection closed", { connection, code, reason, openMs });
  }

  #forget({ data }: Socket): void {
    this.#deps.sockets.delete(data.connection);
    this.#deps.live.disconnect(data.connection);
    data.closing = true;
  }
}
