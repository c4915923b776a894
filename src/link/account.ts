// Signing in, staying signed in, signing out: what an application needs that keeps a session over its own restarts.
import { isObject, toJson } from "../protocol/json.ts";
import { type Answer, request } from "./http-request.ts";
import { KalamError } from "./kalam-error.ts";

/** What a login gives. Whoever keeps the refresh token replaces it with each refresh: the one before is void soon after. */
export interface Tokens {
  readonly user: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
}

export interface AccountOptions {
  readonly signal?: AbortSignal;
}

/**
 * Throws UNAUTHORIZED for a wrong password, ACCOUNT_LOCKED after too many of them, NETWORK_ERROR when no server answers.
 * @example
 * const { accessToken, refreshToken } = await signIn("http://127.0.0.1:8080", { user: "root", password: "…" });
 */
export async function signIn(
  url: string,
  { user, password }: { readonly user: string; readonly password: string },
  options: AccountOptions = {},
): Promise<Tokens> {
  const headers = { "content-type": "application/json" };
  return tokensOf(await post(url, "login", { headers, body: toJson({ user, password }), ...options }), "login");
}

/** A new pair for a refresh token, which is void from then on. Throws UNAUTHORIZED when the session has ended. */
export async function refreshTokens(url: string, refreshToken: string, options: AccountOptions = {}): Promise<Tokens> {
  return tokensOf(await post(url, "refresh", { headers: bearer(refreshToken), ...options }), "refresh");
}

/** Voids every token of the user, on every device. */
export async function signOut(url: string, accessToken: string, options: AccountOptions = {}): Promise<void> {
  const answer = await post(url, "logout", { headers: bearer(accessToken), ...options });
  if (answer.status !== 200) throw refusal(answer, "logout");
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function post(url: string, what: "login" | "refresh" | "logout", init: RequestInit): Promise<Answer> {
  return request(`${url.replace(/\/+$/, "")}/v1/api/auth/${what}`, { ...init, method: "POST" });
}

function tokensOf(answer: Answer, what: string): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, user } = isObject(answer.body) ? answer.body : {};
  const id = isObject(user) ? user["id"] : undefined;
  if (typeof accessToken !== "string") throw refusal(answer, what);
  return {
    user: typeof id === "string" ? id : "",
    accessToken,
    refreshToken: typeof refreshToken === "string" ? refreshToken : undefined,
  };
}

/** Auth endpoints name their error in `error` and `message`. */
function refusal({ status, body }: Answer, what: string): KalamError {
  const { error, message } = isObject(body) ? body : {};
  return new KalamError(
    typeof error === "string" ? error.toUpperCase() : "BAD_RESPONSE",
    typeof message === "string" ? message : `${what} answered with status ${status}`,
    { status },
  );
}
