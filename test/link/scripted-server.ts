// A server for the client's tests: real HTTP, real sockets, the product's own codecs, and a script that says what it answers.
import { seqOf } from "../../src/base/ids.ts";
import { type Dialect, dialectOfUpgrade, withRequest } from "../../src/protocol/dialect.ts";
import { authErrorMessage, authSuccessMessage, pongMessage } from "../../src/protocol/down.ts";
import type { Frame } from "../../src/protocol/frame.ts";
import { gzipFrame } from "../../src/protocol/gzip.ts";
import { createNativeEncoder, type NativeEncoder } from "../../src/protocol/native-encoder.ts";
import { createPeerEncoder, type PeerEncoder } from "../../src/protocol/peer-encoder.ts";
import { type ClientMessage, createClientMessageParser } from "../../src/protocol/up.ts";
import { layout, MESSAGES } from "../protocol/layout.ts";

type Subscribe = Extract<ClientMessage, { kind: "subscribe" }>;

interface SocketData {
  dialect: Dialect;
  /** From the upgrade's header. */
  readonly token: string | undefined;
}

/** One socket as the script sees it. */
export class ScriptedSocket {
  readonly #socket: Bun.ServerWebSocket<SocketData>;
  readonly native: NativeEncoder;
  readonly peer: PeerEncoder;

  constructor(socket: Bun.ServerWebSocket<SocketData>) {
    this.#socket = socket;
    const { format } = socket.data.dialect;
    this.native = createNativeEncoder(format, layout(MESSAGES));
    this.peer = createPeerEncoder(format, layout(MESSAGES));
  }

  send(frame: Frame): void {
    this.#socket.send(this.#socket.data.dialect.gzip ? gzipFrame(frame) : frame);
  }

  /** Ack and an empty snapshot at `at`. */
  accept(message: Subscribe, at: bigint): void {
    const isResumed = message.options?.from !== undefined;
    this.send(this.native.ack({ channel: 7, epoch: "e1", resumed: isResumed }).withId(message.id));
    this.send(this.native.snapshot({ page: 0, rows: [], readyAt: seqOf(at) }).withId(message.id));
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

export interface Script {
  /** Tokens that sockets may use; logins give them out in turn. */
  readonly tokens?: readonly string[];
  readonly onSubscribe?: (socket: ScriptedSocket, message: Subscribe) => void;
  readonly onNextBatch?: (socket: ScriptedSocket, message: Extract<ClientMessage, { kind: "nextBatch" }>) => void;
  /** Answers POST /v1/api/sql, except to tokens that are not valid. */
  readonly onSql?: (body: string, token: string) => Response;
  /** When false, pings stay unanswered. */
  readonly answersPings?: boolean;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly received: ClientMessage[];
  readonly requests: { readonly path: string; readonly token: string; readonly body: string }[];
  /** Tokens that were shown in upgrades and accepted or refused, in order. */
  readonly shown: string[];
  readonly sockets: ScriptedSocket[];
  /** Query strings of the upgrades. */
  readonly upgrades: string[];
}

export function startScriptedServer(script: Script = {}): ScriptedServer {
  const tokens = script.tokens ?? ["t1"];
  const parse = createClientMessageParser({ maxMessageBytes: 1_000_000 });
  const received: ClientMessage[] = [];
  const requests: { path: string; token: string; body: string }[] = [];
  const shown: string[] = [];
  const sockets: ScriptedSocket[] = [];
  const upgrades: string[] = [];
  let logins = 0;

  const answer = async (request: Request, path: string): Promise<Response> => {
    const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
    const body = await request.text();
    requests.push({ path, token, body });
    if (path === "/v1/api/auth/login") {
      const { user, password } = JSON.parse(body);
      if (password !== "right") {
        return Response.json({ error: "unauthorized", message: "Invalid credentials" }, { status: 401 });
      }
      return Response.json({ access_token: tokens[logins++ % tokens.length], user: { id: user } });
    }
    if (path === "/v1/api/healthcheck")
      return Response.json({ status: "healthy", version: "1.2.3", api_version: "v1" });
    return script.onSql?.(body, token) ?? new Response("nothing here", { status: 404 });
  };

  const authenticate = (socket: Bun.ServerWebSocket<SocketData>, token: string): void => {
    shown.push(token);
    if (tokens.includes(token)) {
      sockets.push(new ScriptedSocket(socket));
      socket.send(authSuccessMessage({ user: "alice", role: "user" }, socket.data.dialect));
      return;
    }
    socket.send(authErrorMessage("TOKEN_EXPIRED", "Invalid credentials"));
    socket.close(1008, "Authentication failed");
  };

  const server = Bun.serve<SocketData>({
    port: 0,
    fetch(request, self) {
      const { pathname, searchParams, search } = new URL(request.url);
      if (pathname !== "/v1/ws") return answer(request, pathname);
      upgrades.push(search);
      const token = request.headers.get("authorization")?.slice("Bearer ".length);
      const dialect = dialectOfUpgrade(searchParams, token !== undefined);
      return self.upgrade(request, { data: { dialect, token } }) ? undefined : new Response(null, { status: 400 });
    },
    websocket: {
      open(socket) {
        if (socket.data.token !== undefined) authenticate(socket, socket.data.token);
      },
      message(socket, data) {
        const frame = typeof data === "string" ? data : new Uint8Array(data);
        const message = parse(frame, socket.data.dialect.format);
        received.push(message);
        const current = sockets.at(-1);
        if (message.kind === "authenticate") {
          socket.data.dialect = withRequest(socket.data.dialect, message.protocol);
          authenticate(socket, message.token);
        } else if (current === undefined) return;
        else if (message.kind === "subscribe") script.onSubscribe?.(current, message);
        else if (message.kind === "nextBatch") script.onNextBatch?.(current, message);
        else if (message.kind === "ping" && script.answersPings !== false) socket.send(pongMessage());
      },
    },
  });
  return {
    url: server.url.origin,
    received,
    requests,
    shown,
    sockets,
    upgrades,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
