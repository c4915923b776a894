// The auth endpoints as functions from request to response, with no server around them. Whoever serves them reads the body, resolves the client and
// writes the response out; the shapes and status codes clients rely on are all here.
import { DbError, type ErrorCode } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { isAdmin } from "../model/role.ts";
import type { User } from "../model/user.ts";
import type { Accounts, Session } from "./accounts.ts";
import { lenientBearerToken, parseCookies, tokenCookie } from "./authorization.ts";
import { type FieldSpec, parseBodyFields } from "./body-fields.ts";
import { type Client, rateLimitKey } from "./client-ip.ts";
import type { RateLimiter } from "./rate-limit.ts";
import { invalidCredentials, type VerifiedToken } from "./tokens.ts";

export const ACCESS_COOKIE = "kalamdb_auth";
export const REFRESH_COOKIE = "kalamdb_refresh";

export interface AuthRequest {
  readonly body: string;
  /** The Authorization header. */
  readonly authorization: string | null;
  /** The Cookie header, of the server's own pages and of what is no browser only. */
  readonly cookie: string | null;
  readonly client: Client;
  /** Who a request without an Authorization header speaks for; absent: nobody. */
  readonly caller?: (() => VerifiedToken | Promise<VerifiedToken>) | undefined;
}

export interface AuthResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** One Set-Cookie header each. */
  readonly setCookies: readonly string[];
  readonly body: string;
}

/** The last segment of `/v1/api/auth/…`. */
export type AuthEndpoint = "login" | "refresh" | "logout" | "me" | "setup" | "status";

export interface AuthEndpointsDeps {
  readonly accounts: Accounts;
  /** Shared with WebSocket authentication; keys are `rateLimitKey(address)`. */
  readonly limiter: RateLimiter;
  readonly config: Pick<Config["auth"], "cookieSecure">;
  readonly log: Log;
}

const USER_FIELD: FieldSpec = { name: "user", aliases: ["username"], maxBytes: 128 };
const PASSWORD_FIELD: FieldSpec = { name: "password", maxBytes: 256 };
const LOGIN_FIELDS = [USER_FIELD, PASSWORD_FIELD];
const SETUP_FIELDS = [
  ...LOGIN_FIELDS,
  { name: "root_password", maxBytes: 256 },
  { name: "email", maxBytes: 256, isOptional: true },
];

type Endpoint = (request: AuthRequest, deps: AuthEndpointsDeps) => Promise<AuthResponse>;

const ENDPOINTS: Record<AuthEndpoint, Endpoint> = { login, refresh, logout, me, setup, status };

/** Never throws: a failure is a response too. */
export async function answerAuth(
  endpoint: AuthEndpoint,
  request: AuthRequest,
  deps: AuthEndpointsDeps,
): Promise<AuthResponse> {
  try {
    return await ENDPOINTS[endpoint](request, deps);
  } catch (error) {
    return errorResponse(error, deps.log);
  }
}

async function login({ body, client }: AuthRequest, deps: AuthEndpointsDeps): Promise<AuthResponse> {
  assertWithinLimit(client, deps);
  const fields = parseBodyFields(body, LOGIN_FIELDS);
  if (fields.kind === "fault") return plainText(fields.message);
  const session = await deps.accounts.login({
    user: fields.get("user") ?? "",
    password: fields.get("password") ?? "",
    isLoopback: client.isLoopback,
    address: client.address,
  });
  return sessionResponse(session, areCookiesSecure(client, deps));
}

async function refresh(request: AuthRequest, deps: AuthEndpointsDeps): Promise<AuthResponse> {
  assertWithinLimit(request.client, deps);
  const token = parseCookies(request.cookie).get(REFRESH_COOKIE) ?? lenientBearerToken(request.authorization);
  if (token === undefined) throw invalidCredentials();
  const session = await deps.accounts.refresh(token, request.client.address);
  return sessionResponse(session, areCookiesSecure(request.client, deps));
}

async function me({ authorization, caller }: AuthRequest, { accounts }: AuthEndpointsDeps): Promise<AuthResponse> {
  // A header of any other scheme is a wrong credential, whatever else there is.
  const verify = authorization === null ? caller : bearerCaller(authorization, accounts);
  if (verify === undefined) throw invalidCredentials();
  const user = accounts.account(await verify());
  return json(200, { user: userBody(user), admin_ui_access: isAdmin(user.role) });
}

function bearerCaller(authorization: string, accounts: Accounts): AuthRequest["caller"] {
  const token = lenientBearerToken(authorization);
  return token === undefined ? undefined : () => accounts.authenticate(token);
}

/** Succeeds without a token too: a client that has lost it still wants its cookies gone. */
async function logout(request: AuthRequest, deps: AuthEndpointsDeps): Promise<AuthResponse> {
  const cookies = parseCookies(request.cookie);
  const bearer = lenientBearerToken(request.authorization);
  await deps.accounts.logout({
    access: bearer ?? cookies.get(ACCESS_COOKIE),
    refresh: cookies.get(REFRESH_COOKIE) ?? bearer,
  });
  const expired = { expiresAtMs: 0, isSecure: areCookiesSecure(request.client, deps) };
  const setCookies = [ACCESS_COOKIE, REFRESH_COOKIE].map((name) => tokenCookie(name, "", expired));
  return { ...json(200, { message: "Logged out successfully" }), setCookies };
}

async function setup({ body, client }: AuthRequest, deps: AuthEndpointsDeps): Promise<AuthResponse> {
  assertWithinLimit(client, deps);
  deps.accounts.assertMaySetUp(client.isLoopback);
  const fields = parseBodyFields(body, SETUP_FIELDS);
  if (fields.kind === "fault") return plainText(fields.message);
  const user = await deps.accounts.setup({
    user: fields.get("user") ?? "",
    password: fields.get("password") ?? "",
    rootPassword: fields.get("root_password") ?? "",
    email: fields.get("email"),
    isLoopback: client.isLoopback,
    address: client.address,
  });
  return json(200, { user: userBody(user), message: `Setup complete. Log in as '${user.id}'.` });
}

async function status({ client }: AuthRequest, { accounts }: AuthEndpointsDeps): Promise<AuthResponse> {
  accounts.assertMaySetUp(client.isLoopback);
  const needsSetup = accounts.needsSetup();
  const message = needsSetup ? "Server requires initial setup" : "Server is configured and ready";
  return json(200, { needs_setup: needsSetup, message });
}

function assertWithinLimit(client: Client, { limiter }: AuthEndpointsDeps): void {
  if (limiter.take(rateLimitKey(client.address))) return;
  throw new DbError("RATE_LIMIT_EXCEEDED", "Too many authentication attempts. Please retry shortly.");
}

function areCookiesSecure(client: Client, { config }: AuthEndpointsDeps): boolean {
  return config.cookieSecure && client.isHttps;
}

function sessionResponse({ user, tokens }: Session, isSecure: boolean): AuthResponse {
  const body = {
    user: userBody(user),
    admin_ui_access: isAdmin(user.role),
    expires_at: rfc3339(tokens.accessExpiresAtMs),
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    refresh_expires_at: rfc3339(tokens.refreshExpiresAtMs),
  };
  const setCookies = [
    tokenCookie(ACCESS_COOKIE, tokens.accessToken, { expiresAtMs: tokens.accessExpiresAtMs, isSecure }),
    tokenCookie(REFRESH_COOKIE, tokens.refreshToken, { expiresAtMs: tokens.refreshExpiresAtMs, isSecure }),
  ];
  return { ...json(200, body), setCookies };
}

function userBody(user: User): object {
  return {
    id: user.id,
    role: user.role,
    email: user.email ?? null,
    created_at: rfc3339(user.createdAtMs),
    updated_at: rfc3339(user.updatedAtMs),
  };
}

/** `2026-01-02T10:00:00+00:00`, with milliseconds only when there are any. */
function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/(?:\.000)?Z$/, "+00:00");
}

/** Answers speak of one user's credentials and must not be kept by anything on the way. */
const NO_STORE = { "cache-control": "no-store" };

function json(status: number, body: object): AuthResponse {
  const headers = { "content-type": "application/json", ...NO_STORE };
  return { status, headers, setCookies: [], body: JSON.stringify(body) };
}

function plainText(message: string): AuthResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", ...NO_STORE };
  return { status: 400, headers, setCookies: [], body: message };
}

/** The kinds clients know, by code. A code that is missing here is an internal error to them. */
const KIND_BY_CODE: Partial<Record<ErrorCode, { readonly kind: string; readonly status: number }>> = {
  INVALID_CREDENTIALS: { kind: "unauthorized", status: 401 },
  TOKEN_EXPIRED: { kind: "unauthorized", status: 401 },
  ACCOUNT_LOCKED: { kind: "account_locked", status: 401 },
  REMOTE_ACCESS_DENIED: { kind: "forbidden", status: 403 },
  SETUP_REQUIRED: { kind: "setup_required", status: 428 },
  RATE_LIMIT_EXCEEDED: { kind: "rate_limited", status: 429 },
  ALREADY_CONFIGURED: { kind: "already_configured", status: 409 },
  ALREADY_EXISTS: { kind: "user_exists", status: 409 },
  WEAK_PASSWORD: { kind: "weak_password", status: 400 },
  INVALID_NAME: { kind: "invalid_user", status: 400 },
  INVALID_INPUT: { kind: "invalid_input", status: 400 },
  ISSUER_UNAVAILABLE: { kind: "issuer_unavailable", status: 503 },
  SERVER_BUSY: { kind: "server_busy", status: 503 },
  SHUTTING_DOWN: { kind: "shutting_down", status: 503 },
};

function errorResponse(error: unknown, log: Log): AuthResponse {
  const known = error instanceof DbError ? KIND_BY_CODE[error.code] : undefined;
  if (known === undefined || !(error instanceof DbError)) {
    log.error("authentication failed", { error: errorText(error) });
    return json(500, { error: "internal_error", message: "Authentication failed" });
  }
  const response = json(known.status, { error: known.kind, message: error.message });
  if (known.status !== 429 && known.status !== 503) return response;
  return { ...response, headers: { ...response.headers, "retry-after": "1" } };
}
