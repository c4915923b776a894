// Takes the port before anything else is opened. Until the parts are wired, requests are told to come back.
import type { Server } from "bun";
import type { AccountsDeps } from "../auth/accounts-deps.ts";
import { DbError } from "../base/errors.ts";
import { errorText, type Log, type LogFields } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { type createFetchHandler, IDLE_TIMEOUT_SECONDS } from "./http.ts";
import { portHolder } from "./port-holder.ts";
import type { SocketData } from "./socket-data.ts";
import type { SocketServer } from "./sockets.ts";
import { maxUploadBytes } from "./upload.ts";

/** The parts that requests need, made after the port is ours. */
export interface Wiring {
  fetch: ReturnType<typeof createFetchHandler> | undefined;
  sockets: SocketServer | undefined;
  onRevoked: AccountsDeps["onRevoked"] | undefined;
}

export function bindPort(config: Config, wiring: Wiring, log: Log): Server<SocketData> {
  const { host, port } = config.server;
  // What escapes a socket's callback would end the process, and with it everybody else's connections.
  const guarded = (callback: () => void): void => {
    try {
      callback();
    } catch (error) {
      log.error("socket callback failed", faultOf(error));
    }
  };
  try {
    return Bun.serve<SocketData>({
      hostname: host,
      port,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      // Each route has a limit of its own below it.
      maxRequestBodySize: Math.max(config.security.maxRequestBodySize, maxUploadBytes(config)),
      fetch: (request, server) => (wiring.fetch === undefined ? notReady() : wiring.fetch(request, server)),
      error: (error) => {
        log.error("request failed", faultOf(error));
        return new Response("Internal error", { status: 500 });
      },
      websocket: {
        open: (socket) => guarded(() => wiring.sockets?.open(socket)),
        message: (socket, frame) => guarded(() => wiring.sockets?.message(socket, frame)),
        drain: (socket) => guarded(() => wiring.sockets?.drained(socket)),
        close: (socket, code, reason) => guarded(() => wiring.sockets?.closed(socket, code, reason)),
        ...socketLimits(config),
      },
    });
  } catch (cause) {
    throw bindFailure(host, port, cause);
  }
}

function faultOf(error: unknown): LogFields {
  return { error: errorText(error), stack: error instanceof Error ? error.stack : undefined };
}

function notReady(): Response {
  return new Response("Server is starting", { status: 503, headers: { "retry-after": "1" } });
}

function socketLimits(config: Config): object {
  return {
    // Larger than what the parser refuses, so that the refusal can be told instead of a dropped connection.
    maxPayloadLength: config.security.maxWsMessageSize * 2,
    idleTimeout: config.websocket.clientTimeoutSecs,
    backpressureLimit: config.live.backpressureLimitBytes,
    // Bun would otherwise drop frames silently past the limit: a closed socket resumes from its cursor and misses nothing.
    closeOnBackpressureLimit: true,
    sendPings: true,
    perMessageDeflate: false,
  };
}

function bindFailure(host: string, port: number, cause: unknown): DbError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code !== "EADDRINUSE") {
    return new DbError("INVALID_CONFIG", `Cannot listen on ${host}:${port}: ${errorText(cause)}`, { cause });
  }
  const holder = portHolder(port);
  const by = holder === undefined ? "" : ` by ${holder}`;
  return new DbError("PORT_IN_USE", `Port ${port} is already in use${by}`, {
    cause,
    hint: "Stop that process, or choose another port with --port.",
  });
}
