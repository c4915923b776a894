// Tokens of other issuers (OpenID Connect): discovery, key sets and the check of a signature. Says what a token claims; who that is here, and whether
// the account is still good, is decided where our own tokens are.
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { isIssuerUrl } from "../config/value-type.ts";

/** Signatures of a key pair only: with a shared secret everybody who can check a token could also make one. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
const FETCH_TIMEOUT_MS = 5_000;
/** A key set of a dozen keys with certificate chains is near 50 KB. */
const MAX_DOCUMENT_BYTES = 512 * 1024;
/** Keys are read again after this long, and at once for a key id that is not known, but not more often than the cooldown allows. */
export const KEYS_MAX_AGE_MS = 10 * 60_000;
const RETRY_COOLDOWN_MS = 10_000;
const DISCOVERY_PATH = "/.well-known/openid-configuration";

export interface ExternalToken {
  readonly issuer: string;
  readonly subject: string;
  readonly tokenId: string;
  readonly issuedAtMs: number;
  /** Without leeway. */
  readonly expiresAtMs: number;
}

export interface IssuersOptions {
  /** URLs as they stand in the `iss` claim. */
  readonly trusted: readonly string[];
  /** One of these must be in `aud`; empty: any. */
  readonly audiences: readonly string[];
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

/** Undefined when only our own tokens count. */
export function trustedIssuers(parts: {
  readonly config: Pick<Config["auth"], "jwtTrustedIssuers" | "jwtAudiences">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}): Issuers | undefined {
  const { jwtTrustedIssuers: trusted, jwtAudiences: audiences } = parts.config;
  if (trusted.length === 0) return undefined;
  return new Issuers({ trusted, audiences, clock: parts.clock, log: parts.log });
}

interface IssuerState {
  keys: Promise<JWTVerifyGetKey> | undefined;
  /** Discovery is not tried again before this moment of the monotonic clock. */
  retryAtMs: number;
}

export class Issuers {
  readonly #options: IssuersOptions;
  readonly #states: ReadonlyMap<string, IssuerState>;

  constructor(options: IssuersOptions) {
    this.#options = options;
    this.#states = new Map(options.trusted.map((issuer) => [issuer, { keys: undefined, retryAtMs: 0 }]));
  }

  /** The trusted issuer a token names, unchecked; undefined for any other, ours included. */
  trustedIssuerOf(token: string): string | undefined {
    if (this.#states.size === 0) return undefined;
    try {
      const { iss } = decodeJwt(token);
      return iss !== undefined && this.#states.has(iss) ? iss : undefined;
    } catch {
      return undefined;
    }
  }

  /** Throws what jose throws for a token that is not good, ISSUER_UNAVAILABLE when the issuer's keys cannot be had. */
  async verify(
    token: string,
    issuer: string,
    { nowMs, leewayMs }: { readonly nowMs: number; readonly leewayMs: number },
  ): Promise<ExternalToken> {
    const { audiences } = this.#options;
    const { payload } = await jwtVerify(token, await this.#keysOf(issuer), {
      algorithms: ALGORITHMS,
      issuer,
      ...(audiences.length > 0 ? { audience: [...audiences] } : {}),
      requiredClaims: ["sub", "iat", "exp"],
      currentDate: new Date(nowMs),
      clockTolerance: leewayMs / 1000,
    }).catch((error: unknown) => {
      if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw unavailable(issuer, error);
      throw error;
    });
    const { sub = "", jti = "", iat = 0, exp = 0 } = payload;
    // A token from the future would outlive whatever revokes the tokens issued until now.
    if (iat * 1000 > nowMs + leewayMs)
      throw new errors.JWTClaimValidationFailed("issued in the future", payload, "iat");
    return { issuer, subject: sub, tokenId: jti, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 };
  }

  async #keysOf(issuer: string): Promise<JWTVerifyGetKey> {
    const state = this.#states.get(issuer);
    if (state === undefined) throw new DbError("INVALID_CREDENTIALS", "Invalid credentials");
    const nowMs = this.#options.clock.monotonicMs();
    if (state.keys === undefined) {
      if (nowMs < state.retryAtMs) throw unavailable(issuer);
      state.retryAtMs = nowMs + RETRY_COOLDOWN_MS;
      state.keys = discover(issuer).catch((error: unknown) => {
        state.keys = undefined;
        this.#options.log.warn("token issuer not reachable", { issuer, error: errorText(error) });
        throw unavailable(issuer, error);
      });
    }
    return await state.keys;
  }
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const response = await fetchDocument(`${issuer.replace(/\/$/, "")}${DISCOVERY_PATH}`, {});
  const document: unknown = await response.json();
  if (typeof document !== "object" || document === null) throw new Error("the discovery document is not an object");
  const { issuer: named, jwks_uri: keysUrl } = document as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  // Or one issuer could hand out another's keys.
  if (named !== issuer) throw new Error(`the discovery document names the issuer ${JSON.stringify(named)}`);
  if (typeof keysUrl !== "string" || !isIssuerUrl(keysUrl))
    throw new Error("the discovery document has no usable jwks_uri");
  return createRemoteJWKSet(new URL(keysUrl), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    cooldownDuration: RETRY_COOLDOWN_MS,
    [customFetch]: (url, init) =>
      fetchDocument(url, { signal: init.signal }).catch((error: unknown) => {
        throw unavailable(issuer, error);
      }),
  });
}

/** A whole document of bounded size; a redirect is not followed, for it may lead into the server's own network. */
async function fetchDocument(
  url: string,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<Response> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await fetch(url, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_DOCUMENT_BYTES) throw new Error(`${url} answered more than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: 200 });
}

function unavailable(issuer: string, cause?: unknown): DbError {
  return new DbError("ISSUER_UNAVAILABLE", `The keys of the token issuer ${issuer} cannot be read; retry shortly`, {
    cause,
  });
}
