// Whom a request or an upgrade speaks for: its token, its API key, the page's cookie, or, when it is allowed, the user of this machine.
import type { Accounts } from "../auth/accounts.ts";
import { API_KEY_HEADER, bearerToken, parseCookies } from "../auth/authorization.ts";
import type { Client } from "../auth/client-ip.ts";
import { ACCESS_COOKIE } from "../auth/http.ts";
import type { VerifiedToken } from "../auth/tokens.ts";
import { parseUserId, type UserId } from "../base/ids.ts";
import type { Config } from "../config/config.ts";
import { isSameOrigin } from "./cors.ts";

/** A token seen before is verified without waiting. */
export type Verify = () => VerifiedToken | Promise<VerifiedToken>;

/** Undefined: the request brings nothing that says who it is. */
export type Identify = (request: Request, client: () => Client) => Verify | undefined;

export function createIdentify(
  accounts: Pick<Accounts, "authenticate" | "authenticateKnown" | "localSession">,
  { auth, security }: Pick<Config, "auth" | "security">,
): Identify {
  const listed = new Set(security.cors.allowedOrigins);
  const local: UserId | undefined = auth.localhostUser === "" ? undefined : parseUserId(auth.localhostUser);
  const verify = (text: string) => accounts.authenticateKnown(text) ?? accounts.authenticate(text);
  return (request, client) => {
    const authorization = request.headers.get("authorization");
    if (authorization !== null) return () => verify(bearerToken(authorization));
    const text = request.headers.get(API_KEY_HEADER) ?? pageToken(request);
    if (text !== undefined) return () => verify(text);
    if (local === undefined || !mayBeLocal(request.headers, listed) || !client().isLoopback) return undefined;
    return () => accounts.localSession(local);
  };
}

function pageToken({ headers }: Request): string | undefined {
  const cookie = headers.get("cookie");
  return cookie === null || !isOwnPage(headers) ? undefined : parseCookies(cookie).get(ACCESS_COOKIE);
}

/** A browser adds a cookie by itself, whoever made it send the request: only the server's own pages may use one. */
export function isOwnPage(headers: Headers): boolean {
  const origin = headers.get("origin");
  if (origin !== null) return isSameOrigin(origin, headers.get("host"));
  // Of a GET to its own server a browser tells no origin, but where it comes from; what is no browser tells neither.
  return ["same-origin", null].includes(headers.get("sec-fetch-site"));
}

const LOOPBACK_HOST = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d+)?$/i;

/**
 * A page anywhere can point its own name at 127.0.0.1; the Host header still tells the name. And any page can send a request to this machine: only the
 * server's own, those of an origin that is listed by name (`*` names nobody), and what somebody typed into the address bar act as its user.
 */
function mayBeLocal(headers: Headers, listed: ReadonlySet<string>): boolean {
  if (!LOOPBACK_HOST.test(headers.get("host") ?? "")) return false;
  const origin = headers.get("origin");
  if (origin !== null && origin !== "*" && listed.has(origin)) return true;
  return isOwnPage(headers) || (origin === null && headers.get("sec-fetch-site") === "none");
}
