// Keeps an open socket from expiring: before its token does, a fresh one is asked for and shown on the same socket. What cannot be renewed expires as it always did,
// and the connection comes back with a fresh token.
import { isObject, parseJson } from "../protocol/json.ts";
import type { Credentials } from "./credentials.ts";

export interface TokenRenewalOptions {
  readonly credentials: Credentials;
  /** Shows the token to the server, on the open socket. */
  readonly show: (token: string) => void;
}

/** Renewed when this share of its life is left, and at most this long before its end. */
const SHARE_LEFT = 0.2;
const MAX_AHEAD_MS = 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A token that could not be renewed is tried again while there is time. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 30_000;

export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells sockets apart: an answer for an earlier one is dropped. */
  #socket = 0;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** The server has accepted this token. */
  accepted(token: string): void {
    this.stop();
    if (!this.#options.credentials.isRenewable) return;
    const leftMs = lifeLeftMs(token, Date.now());
    if (leftMs === undefined) return;
    this.#in(leftMs - Math.min(MAX_AHEAD_MS, leftMs * SHARE_LEFT), token, performance.now() + leftMs);
  }

  /** The socket is gone. */
  stop(): void {
    this.#socket += 1;
    clearTimeout(this.#timer);
  }

  #in(delayMs: number, token: string, endMs: number): void {
    const wait = Math.min(delayMs, MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      if (delayMs > wait) this.#in(delayMs - wait, token, endMs);
      else void this.#renew(token, endMs);
    }, wait);
  }

  async #renew(token: string, endMs: number): Promise<void> {
    const socket = this.#socket;
    try {
      const fresh = await this.#options.credentials.token(token);
      if (socket === this.#socket) this.#options.show(fresh);
    } catch {
      // Whoever needs a token next hears why there is none; here it is only asked for early.
      const leftMs = endMs - performance.now();
      if (socket !== this.#socket || leftMs < MIN_RETRY_MS) return;
      this.#in(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, leftMs / 2)), token, endMs);
    }
  }
}

/** Undefined when the token does not say. */
export function lifeLeftMs(token: string, nowMs: number): number | undefined {
  const { exp, iat } = claimsOf(token);
  if (exp === undefined || iat === undefined || exp <= iat) return undefined;
  const leftMs = exp * 1000 - nowMs;
  const lifeMs = (exp - iat) * 1000;
  // A clock that differs from the server's says nonsense; a token just accepted then counts as new.
  return leftMs > 0 && leftMs <= lifeMs ? leftMs : lifeMs;
}

function claimsOf(token: string): { readonly exp: number | undefined; readonly iat: number | undefined } {
  const none = { exp: undefined, iat: undefined };
  const payload = token.split(".")[1];
  if (payload === undefined) return none;
  try {
    const claims = parseJson(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (!isObject(claims)) return none;
    const { exp, iat } = claims;
    return { exp: typeof exp === "number" ? exp : undefined, iat: typeof iat === "number" ? iat : undefined };
  } catch {
    // Tokens of other makers need not be readable.
    return none;
  }
}
