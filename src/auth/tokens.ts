// Tokens of our own: HS256, access and refresh. A token is good while its signature, its time and the user's stored record all agree, so logout,
// a role change and a deletion take effect on the next request.
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { DbError } from "../base/errors.ts";
import { parseUserId, type UserId } from "../base/ids.ts";
import { Lru } from "../base/lru.ts";
import { parseRole, type Role } from "../model/role.ts";
import type { User } from "../model/user.ts";
import { type Issuers, KEYS_MAX_AGE_MS } from "./issuers.ts";
import type { RefreshClaim } from "./refresh-sessions.ts";

const ISSUER = "kalamdb";
const ALGORITHM = "HS256";
/** For clocks that disagree, on expiry only. */
export const EXPIRY_LEEWAY_MS = 60_000;
const REFRESH_LIFE_FACTOR = 7;
/** Ours are near 400 characters. */
const MAX_TOKEN_LENGTH = 4096;
/** A WebCrypto check costs a thread hop of about 100 µs; 10,000 remembered tokens take about 6 MB. The one unused for longest is checked again. */
const CACHED_TOKENS = 10_000;
/** How long a token that was checked before is believed while its issuer cannot be asked again. */
const RECHECK_RETRY_MS = 60_000;

export type TokenType = "access" | "refresh";

export interface VerifiedToken {
  readonly user: UserId;
  readonly role: Role;
  readonly tokenId: string;
  readonly issuedAtMs: number;
  /** Without the leeway. */
  readonly expiresAtMs: number;
  /** Id of the API key, when it was one. */
  readonly apiKey?: string;
}

export interface VerifiedRefresh extends VerifiedToken {
  readonly claim: RefreshClaim;
}

interface CheckedToken {
  readonly verified: VerifiedToken;
  /** Of another issuer. */
  readonly isExternal: boolean;
  /** From then on its signature has to be checked again: the issuer may have withdrawn the key. */
  readonly recheckAtMs: number;
}

export interface IssuedTokens {
  readonly accessToken: string;
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshExpiresAtMs: number;
}

/** What a token is held against. */
export interface TokenContext {
  readonly user: (id: UserId) => User | undefined;
  readonly users: () => readonly User[];
  readonly nowMs: number;
}

export interface TokenOptions {
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly accessLifeMs: number;
  /** Undefined: only our own tokens are accepted. */
  readonly issuers?: Issuers | undefined;
}

export async function createTokens({ secret, accessLifeMs, issuers }: TokenOptions): Promise<Tokens> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
  return new Tokens(key, accessLifeMs, issuers);
}

export class Tokens {
  readonly #key: CryptoKey;
  readonly #accessLifeMs: number;
  readonly #issuers: Issuers | undefined;
  /** Access tokens whose signature has been checked. Everything else about them is checked at every use. */
  readonly #checked = new Lru<string, CheckedToken>(CACHED_TOKENS);
  /** Of users of other issuers, whose clocks may be ahead of ours: the latest moment a token shown to us says it was issued at. */
  readonly #newestIssuedMs = new Lru<UserId, number>(CACHED_TOKENS);
  /** Never goes back, even when the wall clock does: a revocation must lie after every token issued before it. */
  #lastIssuedMs = 0;

  constructor(key: CryptoKey, accessLifeMs: number, issuers: Issuers | undefined) {
    this.#key = key;
    this.#issuers = issuers;
    this.#accessLifeMs = accessLifeMs;
  }

  /** `claim`: the session and generation of the refresh token. */
  async issue(user: User, claim: RefreshClaim, nowMs: number): Promise<IssuedTokens> {
    this.#lastIssuedMs = Math.max(this.#lastIssuedMs, nowMs);
    // A login in the millisecond of a logout still gets tokens that outlive it.
    const issuedAtMs = Math.max(nowMs, user.tokensValidFromMs);
    const accessExpiresAtMs = wholeSeconds(nowMs + this.#accessLifeMs);
    const refreshExpiresAtMs = this.refreshExpiry(nowMs);
    const [accessToken, refreshToken] = await Promise.all([
      this.#sign(user, "access", { issuedAtMs, expiresAtMs: accessExpiresAtMs }),
      this.#sign(user, "refresh", { issuedAtMs, expiresAtMs: refreshExpiresAtMs, claim }),
    ]);
    return { accessToken, accessExpiresAtMs, refreshToken, refreshExpiresAtMs };
  }

  /** Of a refresh token issued now. */
  refreshExpiry(nowMs: number): number {
    return wholeSeconds(nowMs + this.#accessLifeMs * REFRESH_LIFE_FACTOR);
  }

  /** The `tokensValidFromMs` that voids every token the user has. */
  revocationMoment(user: User, nowMs: number): number {
    const newestMs = this.#newestIssuedMs.get(user.id) ?? 0;
    return Math.max(nowMs, this.#lastIssuedMs, newestMs, user.tokensValidFromMs) + 1;
  }

  /** Throws TOKEN_EXPIRED, INVALID_CREDENTIALS or ISSUER_UNAVAILABLE. */
  async verifyAccess(token: string, context: TokenContext): Promise<VerifiedToken> {
    const known = this.checkedAccess(token, context);
    if (known !== undefined) return known;
    const checked = await this.#verifyAccess(token, context);
    assertCurrent(checked.verified, context, checked.isExternal);
    this.#checked.set(token, checked);
    return checked.verified;
  }

  /** The same without waiting, of a token whose signature was checked before; undefined: it is not known. */
  checkedAccess(token: string, context: TokenContext): VerifiedToken | undefined {
    const known = this.#checked.get(token);
    if (known === undefined) return undefined;
    assertCurrent(known.verified, context, known.isExternal);
    return context.nowMs < known.recheckAtMs ? known.verified : undefined;
  }

  async verifyRefresh(token: string, context: TokenContext): Promise<VerifiedRefresh> {
    const { verified, payload } = await this.#verifyOwn(token, "refresh", context.nowMs);
    assertCurrent(verified, context, false);
    const { sid: session, gen: generation } = payload;
    if (typeof session !== "string" || typeof generation !== "number") throw invalidCredentials();
    return { ...verified, claim: { session, generation } };
  }

  #sign(
    user: User,
    type: TokenType,
    times: { readonly issuedAtMs: number; readonly expiresAtMs: number; readonly claim?: RefreshClaim },
  ): Promise<string> {
    const { issuedAtMs, claim } = times;
    const session = claim === undefined ? {} : { sid: claim.session, gen: claim.generation };
    const claims = { email: user.email ?? null, role: user.role, token_type: type, iat_ms: issuedAtMs, ...session };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setSubject(user.id)
      .setIssuer(ISSUER)
      .setIssuedAt(Math.floor(times.issuedAtMs / 1000))
      .setExpirationTime(times.expiresAtMs / 1000)
      .setJti(crypto.randomUUID())
      .sign(this.#key);
  }

  async #verifyAccess(token: string, context: TokenContext): Promise<CheckedToken> {
    const issuer = token.length > MAX_TOKEN_LENGTH ? undefined : this.#issuers?.trustedIssuerOf(token);
    if (issuer === undefined) {
      const { verified } = await this.#verifyOwn(token, "access", context.nowMs);
      return { verified, isExternal: false, recheckAtMs: Number.POSITIVE_INFINITY };
    }
    try {
      const verified = await this.#verifyExternal(token, issuer, context);
      const newestMs = this.#newestIssuedMs.get(verified.user) ?? 0;
      this.#newestIssuedMs.set(verified.user, Math.max(newestMs, verified.issuedAtMs));
      return { verified, isExternal: true, recheckAtMs: context.nowMs + KEYS_MAX_AGE_MS };
    } catch (error) {
      const known = this.#checked.get(token);
      if (known === undefined || !(error instanceof DbError) || error.code !== "ISSUER_UNAVAILABLE") throw error;
      return { ...known, recheckAtMs: context.nowMs + RECHECK_RETRY_MS };
    }
  }

  /** The role is the account's: what another issuer says of roles means nothing here. */
  async #verifyExternal(token: string, issuer: string, context: TokenContext): Promise<VerifiedToken> {
    try {
      const external = await this.#issuers?.verify(token, issuer, { nowMs: context.nowMs, leewayMs: EXPIRY_LEEWAY_MS });
      const user = external && userOfIdentity(external, context);
      if (external === undefined || user === undefined) throw invalidCredentials();
      const { tokenId, issuedAtMs, expiresAtMs } = external;
      return { user: user.id, role: user.role, tokenId, issuedAtMs, expiresAtMs };
    } catch (error) {
      throw verificationError(error);
    }
  }

  async #verifyOwn(
    token: string,
    type: TokenType,
    nowMs: number,
  ): Promise<{ readonly verified: VerifiedToken; readonly payload: JWTPayload }> {
    if (token.length > MAX_TOKEN_LENGTH) throw invalidCredentials();
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        requiredClaims: ["sub", "iat", "exp"],
        currentDate: new Date(nowMs),
        clockTolerance: EXPIRY_LEEWAY_MS / 1000,
      });
      if (payload["token_type"] !== type) throw wrongType(type);
      return { verified: claimsOf(payload), payload };
    } catch (error) {
      throw verificationError(error);
    }
  }
}

/** A walk over the accounts: once for each new token, as its answer is remembered with it. */
function userOfIdentity(
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
  { users }: TokenContext,
): User | undefined {
  return users().find(
    ({ oauth, deletedAtMs }) => oauth?.issuer === issuer && oauth.subject === subject && deletedAtMs === undefined,
  );
}

function verificationError(error: unknown): DbError {
  if (error instanceof DbError && (error.code === "INVALID_CREDENTIALS" || error.code === "ISSUER_UNAVAILABLE")) {
    return error;
  }
  return error instanceof errors.JWTExpired ? tokenExpired() : invalidCredentials(error);
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function claimsOf(payload: Readonly<Record<string, unknown>>): VerifiedToken {
  const { sub, role, jti, iat, iat_ms: exactIat, exp } = payload;
  if (typeof sub !== "string" || typeof role !== "string" || typeof iat !== "number" || typeof exp !== "number") {
    throw invalidCredentials();
  }
  return {
    user: parseUserId(sub),
    role: parseRole(role),
    tokenId: typeof jti === "string" ? jti : "",
    issuedAtMs: typeof exactIat === "number" ? exactIat : iat * 1000,
    expiresAtMs: exp * 1000,
  };
}

/** Against the clock and the stored record. Expiry comes first: clients log in again on its code alone. */
function assertCurrent(token: VerifiedToken, { user: lookUp, nowMs }: TokenContext, isExternal: boolean): void {
  if (nowMs >= token.expiresAtMs + EXPIRY_LEEWAY_MS) throw tokenExpired();
  const user = lookUp(token.user);
  if (user === undefined || user.deletedAtMs !== undefined) throw invalidCredentials();
  if (user.role !== token.role) throw invalidCredentials();
  // An issuer may have known the user before we did: nothing of theirs is void until something revokes it.
  if (isExternal && user.tokensValidFromMs === user.createdAtMs) return;
  if (token.issuedAtMs < user.tokensValidFromMs) throw invalidCredentials();
}

/** One text for every reason, so that it tells an attacker nothing. */
export function invalidCredentials(cause?: unknown): DbError {
  return new DbError("INVALID_CREDENTIALS", "Invalid credentials", { cause });
}

function tokenExpired(): DbError {
  return new DbError("TOKEN_EXPIRED", "Invalid credentials");
}

function wrongType(expected: TokenType): DbError {
  if (expected === "access") return invalidCredentials();
  return new DbError("INVALID_CREDENTIALS", "Refresh endpoint requires a refresh token");
}
