// The two places a token travels in: the Authorization header and cookies.
import { DbError } from "../base/errors.ts";
import { invalidCredentials } from "./tokens.ts";

/** The API's rule: `Bearer ` with this very case. Throws INVALID_CREDENTIALS for any other scheme, Basic included. */
export function bearerToken(header: string): string {
  const token = header.startsWith("Bearer ") ? header.slice("Bearer ".length).trim() : "";
  if (token === "") throw invalidCredentials();
  return token;
}

export function missingAuthorization(): DbError {
  return new DbError("MISSING_AUTHORIZATION", "Authentication required");
}

/** Counts where there is no Authorization header. */
export const API_KEY_HEADER = "x-api-key";

/** The auth endpoints' rule: the scheme in any case. Undefined when there is no bearer token. */
export function lenientBearerToken(header: string | null): string | undefined {
  return header === null ? undefined : /^\s*bearer\s+(\S+)\s*$/i.exec(header)?.[1];
}

/** Browsers send at most a few dozen; the rest is ignored. */
const MAX_COOKIES = 64;

/** The first of several with one name counts, as in browsers it is the most specific one. */
export function parseCookies(header: string | null): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? "").split(";", MAX_COOKIES)) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (!cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim());
  }
  return cookies;
}

export interface CookieOptions {
  readonly expiresAtMs: number;
  readonly isSecure: boolean;
}

/** A Set-Cookie value that scripts cannot read and other sites cannot cause to be sent. Tokens need no escaping. */
export function tokenCookie(name: string, token: string, { expiresAtMs, isSecure }: CookieOptions): string {
  const expires = new Date(expiresAtMs).toUTCString();
  return `${name}=${token}; HttpOnly; SameSite=Strict; Path=/; Expires=${expires}${isSecure ? "; Secure" : ""}`;
}
