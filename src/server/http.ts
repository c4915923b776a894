// Routes of the HTTP side: SQL, authentication, health. The one place where an error becomes a status and a body.
import type { Server } from "bun";
import { missingAuthorization } from "../auth/authorization.ts";
import type { Client, createClientResolver } from "../auth/client-ip.ts";
import { type AuthEndpoint, type AuthEndpointsDeps, answerAuth } from "../auth/http.ts";
import { RateLimiter } from "../auth/rate-limit.ts";
import type { VerifiedToken } from "../auth/tokens.ts";
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Pacer } from "../base/pacer.ts";
import { API_VERSION, VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import type { Engine, RunInput } from "../engine/engine.ts";
import { StatementFailure } from "../engine/failure.ts";
import { isAdmin, type Role } from "../model/role.ts";
import {
  createSchemaText,
  decodeSqlRequest,
  encodeError,
  encodeSuccess,
  isRedacted,
  type ResponseFormat,
  redact,
  type SqlRequest,
  type StatementResult,
  sumBatchResults,
} from "../protocol/http.ts";
import { redactSecrets } from "../sql/parse/redact.ts";
import type { Cors } from "./cors.ts";
import { type DownloadDeps, downloadResponse, isFilePath } from "./download.ts";
import { EXPORTS_PREFIX, exportResponse } from "./export-files.ts";
import type { InFlight } from "./in-flight.ts";
import { METRICS_CONTENT_TYPE } from "./metrics.ts";
import { isForm } from "./multipart.ts";
import { assertJson, assertShort, bodyText } from "./request-body.ts";
import { type Identify, isOwnPage } from "./request-identity.ts";
import type { SocketData } from "./socket-data.ts";
import type { SocketServer } from "./sockets.ts";
import { maxUploadBytes, type UploadReceiver } from "./upload.ts";

export interface HttpDeps {
  readonly engine: Engine;
  readonly identify: Identify;
  readonly auth: AuthEndpointsDeps;
  readonly sockets: SocketServer;
  readonly pacer: Pacer;
  readonly resolveClient: ReturnType<typeof createClientResolver>;
  readonly cors: Cors;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly startedAtMs: number;
  readonly dataDir: string;
  readonly catalog: DownloadDeps["catalog"];
  readonly files: DownloadDeps["files"];
  readonly uploads: UploadReceiver;
  readonly metrics: () => string;
  readonly isStopping: () => boolean;
  /** Statements that have begun; a stop waits for them. */
  readonly inFlight: InFlight;
}

const JSON_HEADERS = { "content-type": "application/json" };
const AUTH_METHODS: Record<AuthEndpoint, "GET" | "POST"> = {
  login: "POST",
  refresh: "POST",
  logout: "POST",
  setup: "POST",
  me: "GET",
  status: "GET",
};
const AUTH_PREFIX = "/v1/api/auth/";
const MAX_USERS_COUNTED = 100_000;
/** Names, passwords and tokens; anybody may send these bodies. */
const MAX_AUTH_BODY_BYTES = 64 * 1024;
/** A statement is bounded by its own deadline, not by how long its connection has been silent. */
const NO_IDLE_TIMEOUT = 0;
/** Of a connection that sends nothing, or sends a body too slowly to be worth the place it takes. */
export const IDLE_TIMEOUT_SECONDS = 30;

type Answer = Response | undefined | Promise<Response | undefined>;

export type FetchHandler = (request: Request, server: Server<SocketData>) => Answer;

export function createFetchHandler(deps: HttpDeps): FetchHandler {
  const queryRate = new RateLimiter({
    perSecond: deps.config.rateLimit.maxQueriesPerSec,
    capacity: MAX_USERS_COUNTED,
    clock: deps.clock,
  });
  const format = {
    schemaText: createSchemaText(),
    showsPlanCache: deps.config.execution.showPlanCacheHits,
  };
  const route = (request: Request, server: Server<SocketData>): Answer => {
    const path = pathOf(request.url);
    if (request.method === "OPTIONS") return deps.cors.preflight(request);
    if (!deps.cors.allows(request)) return new Response("Origin not allowed", { status: 403 });
    if (path === "/v1/api/sql")
      return only("POST", request, () => answerSql(request, { deps, server, queryRate, format }));
    if (path === "/health" || path === "/v1/api/healthcheck") return only("GET", request, () => health(deps));
    if (path === "/metrics") return only("GET", request, () => answerMetrics(request, server, deps));
    if (path.startsWith(EXPORTS_PREFIX))
      return only("GET", request, () => answerExport(request, { path, server, deps }));
    if (isFilePath(path)) return answerFile(request, server, deps);
    if (deps.isStopping()) return shuttingDown();
    if (path === "/v1/ws") return upgrade(request, server, deps);
    const endpoint = authEndpoint(path);
    if (endpoint === undefined) return new Response(null, { status: 404 });
    return only(AUTH_METHODS[endpoint], request, () => answerAuthRequest(endpoint, request, { server, deps }));
  };
  return (request, server) => {
    const answer = route(request, server);
    // Pages of other origins say where they are from; everybody else is spared the rest.
    return request.headers.get("origin") === null ? answer : withCorsHeaders(answer, request, deps.cors);
  };
}

async function withCorsHeaders(answer: Answer, request: Request, cors: Cors): Promise<Response | undefined> {
  const response = await answer;
  for (const [name, value] of Object.entries(cors.headers(request))) response?.headers.set(name, value);
  return response;
}

/** Without building a URL object: this runs for every request. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const query = url.indexOf("?", start);
  return start === -1 ? "/" : url.slice(start, query === -1 ? undefined : query);
}

function authEndpoint(path: string): AuthEndpoint | undefined {
  const name = path.startsWith(AUTH_PREFIX) ? path.slice(AUTH_PREFIX.length) : "";
  return Object.keys(AUTH_METHODS).find((known): known is AuthEndpoint => known === name);
}

function only(
  method: string,
  request: Request,
  answer: () => Response | Promise<Response>,
): Response | Promise<Response> {
  if (request.method === method) return answer();
  return new Response(null, { status: 405, headers: { allow: method } });
}

function shuttingDown(): Response {
  return new Response("Server is shutting down", { status: 503 });
}

/** A storm brings hundreds of upgrades in one turn of the loop: they take their turns with what the sockets before them ask for. */
function upgrade(request: Request, server: Server<SocketData>, deps: HttpDeps): Answer {
  const turn = deps.pacer.turn();
  if (turn === undefined) return deps.sockets.upgrade(request, server, clientOf(request, server, deps));
  return turn.then(() => {
    if (deps.isStopping()) return shuttingDown();
    return deps.sockets.upgrade(request, server, clientOf(request, server, deps));
  });
}

function clientOf(request: Request, server: Server<SocketData>, deps: HttpDeps): Client {
  return deps.resolveClient({
    peer: server.requestIP(request)?.address,
    isTls: false,
    header: (name) => request.headers.get(name),
  });
}

/** The caller's address is looked up only for a request that brings no credential. */
function authenticate(
  request: Request,
  server: Server<SocketData>,
  deps: HttpDeps,
): VerifiedToken | Promise<VerifiedToken> {
  const verify = deps.identify(request, () => clientOf(request, server, deps));
  if (verify === undefined) throw missingAuthorization();
  return verify();
}

async function answerAuthRequest(
  endpoint: AuthEndpoint,
  request: Request,
  context: { readonly server: Server<SocketData>; readonly deps: HttpDeps },
): Promise<Response> {
  let body: string;
  try {
    body = await bodyText(request, MAX_AUTH_BODY_BYTES);
  } catch (error) {
    return errorResponse(error, { role: "anonymous", deps: context.deps, tookMs: 0 });
  }
  const client = clientOf(request, context.server, context.deps);
  const answer = await answerAuth(
    endpoint,
    {
      body,
      authorization: request.headers.get("authorization"),
      cookie: isOwnPage(request.headers) ? request.headers.get("cookie") : null,
      client,
      caller: context.deps.identify(request, () => client),
    },
    context.deps.auth,
  );
  const headers = new Headers(answer.headers);
  for (const cookie of answer.setCookies) headers.append("set-cookie", cookie);
  return new Response(answer.body, { status: answer.status, headers });
}

function health(deps: HttpDeps): Response {
  const stopping = deps.isStopping();
  const body = {
    status: stopping ? "stopping" : "healthy",
    version: VERSION,
    api_version: API_VERSION,
    uptime_seconds: Math.floor((deps.clock.nowMs() - deps.startedAtMs) / 1000),
  };
  return new Response(JSON.stringify(body), { status: stopping ? 503 : 200, headers: JSON_HEADERS });
}

/** Numbers of everyone's activity: for administrators, unless a setting opens them to whoever reaches the port. */
async function answerMetrics(request: Request, server: Server<SocketData>, deps: HttpDeps): Promise<Response> {
  const startedMs = deps.clock.monotonicMs();
  try {
    if (deps.config.metrics.access === "admin") {
      const { role } = await authenticate(request, server, deps);
      if (!isAdmin(role))
        throw new DbError("PERMISSION_DENIED", "Admin privileges (DBA or System role) required for metrics");
    }
    return new Response(deps.metrics(), { headers: { "content-type": METRICS_CONTENT_TYPE } });
  } catch (error) {
    return errorResponse(error, { role: "anonymous", deps, tookMs: deps.clock.monotonicMs() - startedMs });
  }
}

async function answerExport(
  request: Request,
  { path, server, deps }: { readonly path: string; readonly server: Server<SocketData>; readonly deps: HttpDeps },
): Promise<Response> {
  const startedMs = deps.clock.monotonicMs();
  try {
    const caller = await authenticate(request, server, deps);
    return await exportResponse(deps.dataDir, { path, caller });
  } catch (error) {
    return errorResponse(error, { role: "anonymous", deps, tookMs: deps.clock.monotonicMs() - startedMs });
  }
}

async function answerFile(request: Request, server: Server<SocketData>, deps: HttpDeps): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const startedMs = deps.clock.monotonicMs();
  try {
    return await downloadResponse(request, await authenticate(request, server, deps), deps);
  } catch (error) {
    return errorResponse(error, { role: "anonymous", deps, tookMs: deps.clock.monotonicMs() - startedMs });
  }
}

interface SqlContext {
  readonly deps: HttpDeps;
  readonly server: Server<SocketData>;
  readonly queryRate: RateLimiter;
  readonly format: ResponseFormat;
}

async function answerSql(request: Request, context: SqlContext): Promise<Response> {
  const { deps, server } = context;
  const startedMs = deps.clock.monotonicMs();
  let role: Role = "anonymous";
  try {
    // Before the body: without a token nothing about the body is said.
    const verified = authenticate(request, server, deps);
    const token = verified instanceof Promise ? await verified : verified;
    role = token.role;
    if (!context.queryRate.take(token.user)) {
      throw new DbError("RATE_LIMIT_EXCEEDED", "Too many queries per second. Please slow down.");
    }
    const { limits, execution } = deps.config;
    if (isForm(request)) return await answerForm(request, { context, token, startedMs });
    assertJson(request);
    const text = await bodyText(request, deps.config.security.maxRequestBodySize);
    if (deps.isStopping()) throw new DbError("SHUTTING_DOWN", "The server is shutting down");
    const body = decodeSqlRequest(text, {
      maxSqlBytes: limits.maxSqlBytes,
      maxParams: execution.maxParameters,
      maxParamBytes: execution.maxParameterSizeBytes,
    });
    const running = deps.engine.run(runInput(body, request, { token, context }));
    const results = running instanceof Promise ? await answering(running, request, context) : running;
    return successResponse(results, body, { token, context, startedMs });
  } catch (error) {
    return errorResponse(error, { role, deps, tookMs: deps.clock.monotonicMs() - startedMs, isForm: isForm(request) });
  }
}

interface Answering {
  readonly context: SqlContext;
  readonly token: VerifiedToken;
}

function runInput(body: SqlRequest, request: Request, { token, context }: Answering): RunInput {
  return {
    sql: body.sql,
    params: body.params,
    user: token.user,
    role: token.role,
    namespace: body.namespaceId,
    signal: request.signal,
    address: () => clientOf(request, context.server, context.deps).address,
  };
}

async function answerForm(
  request: Request,
  { context, token, startedMs }: Answering & { readonly startedMs: number },
): Promise<Response> {
  const { deps } = context;
  if (deps.isStopping()) throw new DbError("SHUTTING_DOWN", "The server is shutting down");
  assertShort(request, maxUploadBytes(deps.config));
  await using form = await deps.uploads.receive(request, token.user);
  const running = deps.engine.runUpload(runInput(form.request, request, { token, context }), form.uploads);
  const results = await answering(running, request, context);
  return successResponse(results, form.request, { token, context, startedMs });
}

function successResponse(
  results: readonly StatementResult[],
  { batchResults }: SqlRequest,
  { token, context, startedMs }: Answering & { readonly startedMs: number },
): Response {
  const shown = batchResults === "summed" ? sumBatchResults(results, token.user) : results;
  const tookMs = context.deps.clock.monotonicMs() - startedMs;
  return new Response(encodeSuccess(shown, tookMs, context.format), { headers: JSON_HEADERS });
}

/** A stop waits for it, and its connection may be silent meanwhile. */
async function answering<T>(running: Promise<T>, request: Request, { deps, server }: SqlContext): Promise<T> {
  using _answering = deps.inFlight.enter();
  server.timeout(request, NO_IDLE_TIMEOUT);
  try {
    return await running;
  } finally {
    server.timeout(request, IDLE_TIMEOUT_SECONDS);
  }
}

const RETRY_AFTER_SECONDS = "1";

function errorResponse(
  error: unknown,
  context: { readonly role: Role; readonly deps: HttpDeps; readonly tookMs: number; readonly isForm?: boolean },
): Response {
  const cause = error instanceof StatementFailure ? error.error : error;
  const admin = isAdmin(context.role);
  const shown = redact(cause, admin);
  if (isRedacted(shown.code)) {
    const stack = cause instanceof Error ? (cause.stack ?? "") : "";
    context.deps.log.error("request failed", { error: errorText(cause), stack });
  }
  const details = admin && error instanceof StatementFailure ? { details: redactSecrets(error.statementText) } : {};
  const headers: Record<string, string> = { ...JSON_HEADERS };
  if (shown.httpStatus === 429 || shown.httpStatus === 503) headers["retry-after"] = RETRY_AFTER_SECONDS;
  const { tookMs, isForm: isUpload = false } = context;
  return new Response(encodeError(shown, { tookMs, isUpload, ...details }), {
    status: shown.httpStatus,
    headers,
  });
}
