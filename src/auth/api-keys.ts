// Keys of services: made, listed, checked and dropped. A key is `kalam_<id>_<secret>`; the secret leaves the server once, in the answer that made it.
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import type { UserId } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import { API_KEY_PREFIX, type ApiKey } from "../model/api-key.ts";
import { atLeast, type Role } from "../model/role.ts";
import type { User } from "../model/user.ts";
import { type Actor, assertMayManage, assertMayRun } from "./access.ts";
import { invalidCredentials, type VerifiedToken } from "./tokens.ts";

const ID_BYTES = 9;
const SECRET_BYTES = 32;
const KEY_TEXT = /^kalam_([\w-]{12})_([\w-]{43})$/;
const MAX_NAME_LENGTH = 128;
/** A deployment that needs more of them needs more users. */
const MAX_KEYS_PER_USER = 100;
const USE_RECORDED_EVERY_MS = 3_600_000;

/** Users and keys at one moment, what is not committed yet included. */
export interface KeyHolders {
  user(id: UserId): User | undefined;
  apiKeys(): readonly ApiKey[];
}

/** The seam to whatever keeps keys. */
export interface ApiKeyStore {
  /** Committed. */
  apiKey(id: string): ApiKey | undefined;
  apiKeys(): readonly ApiKey[];
  /** `assertFree` is called inside the transaction that adds the key, with what is so there; what it throws keeps the key out. Resolves once durable. */
  addApiKey(key: ApiKey, assertFree: (now: KeyHolders) => void): Promise<void>;
  /** Nothing when the key is gone: one that is being dropped stays dropped. */
  updateApiKey(key: ApiKey): Promise<void>;
  deleteApiKey(id: string): Promise<void>;
}

export interface ApiKeysDeps {
  readonly store: ApiKeyStore;
  readonly user: (id: UserId) => User | undefined;
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Log;
  /** After it is durable that the key is gone; sockets that came with it must close. */
  readonly onDropped: (id: string) => void;
}

export interface NewApiKey {
  readonly name: string;
  /** Undefined: the actor. */
  readonly user: UserId | undefined;
  /** Undefined: the user's own. */
  readonly role: Role | undefined;
  readonly expiresAtMs: number | undefined;
}

export interface CreatedApiKey {
  readonly record: ApiKey;
  readonly text: string;
}

export class ApiKeys {
  readonly #deps: ApiKeysDeps;

  constructor(deps: ApiKeysDeps) {
    this.#deps = deps;
  }

  /** Services make their own; administrators anybody's they may manage. */
  async create(actor: Actor, { name, user, role, expiresAtMs }: NewApiKey): Promise<CreatedApiKey> {
    const owner = this.#owner(actor, user);
    const nowMs = this.#deps.clock.nowMs();
    const granted = role ?? owner.role;
    if (!atLeast(owner.role, granted) || granted === "anonymous") {
      throw new DbError(
        "INVALID_INPUT",
        `A key of '${owner.id}' (role ${owner.role}) cannot have the role '${granted}'`,
      );
    }
    assertName(name);
    if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
      throw new DbError("INVALID_INPUT", "An API key cannot expire in the past");
    }
    const id = randomText(ID_BYTES);
    const secret = randomText(SECRET_BYTES);
    const record: ApiKey = {
      id,
      name,
      user: owner.id,
      role: granted,
      secretHash: sha256(secret).toString("hex"),
      createdBy: actor.user,
      createdAtMs: nowMs,
      expiresAtMs,
      lastUsedAtMs: undefined,
    };
    await this.#deps.store.addApiKey(record, (now) => assertFree(now, record));
    return { record, text: `${API_KEY_PREFIX}${id}_${secret}` };
  }

  /** Oldest first; `user` undefined: all keys for an administrator, else the actor's. */
  list(actor: Actor, user: UserId | undefined): readonly ApiKey[] {
    const isAll = user === undefined && atLeast(actor.role, "dba");
    const keys = isAll ? this.#deps.store.apiKeys() : this.#keysOf(this.#owner(actor, user).id);
    return [...keys].sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  /** False when `ifExists` and the key does not. */
  async drop(
    actor: Actor,
    { name, user, ifExists }: { readonly name: string; readonly user: UserId | undefined; readonly ifExists: boolean },
  ): Promise<boolean> {
    const owner = this.#owner(actor, user);
    const key = this.#keysOf(owner.id).find((candidate) => candidate.name === name);
    if (key === undefined) {
      if (ifExists) return false;
      throw new DbError("NOT_FOUND", `User '${owner.id}' has no API key '${name}'`);
    }
    await this.#deps.store.deleteApiKey(key.id);
    this.#deps.onDropped(key.id);
    return true;
  }

  /** Throws INVALID_CREDENTIALS, or TOKEN_EXPIRED for a right key past its time. */
  verify(text: string): VerifiedToken {
    const [, id = "", secret = ""] = KEY_TEXT.exec(text) ?? [];
    const key = this.#deps.store.apiKey(id);
    // The same work for an unknown id; what differs in time is only a look in a map.
    const isRight = timingSafeEqual(sha256(secret), Buffer.from(key?.secretHash ?? NO_HASH, "hex"));
    if (key === undefined || !isRight) throw invalidCredentials();
    const nowMs = this.#deps.clock.nowMs();
    if (key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs) {
      throw new DbError("TOKEN_EXPIRED", "Invalid credentials");
    }
    if (!this.#isCovered(key)) throw invalidCredentials();
    this.#recordUse(key, nowMs);
    return {
      user: key.user,
      role: key.role,
      tokenId: key.id,
      apiKey: key.id,
      issuedAtMs: key.createdAtMs,
      expiresAtMs: key.expiresAtMs ?? Number.POSITIVE_INFINITY,
    };
  }

  /** Whether a key that was shown before would still be let in; by its id. */
  isGood(id: string): boolean {
    const key = this.#deps.store.apiKey(id);
    if (key === undefined || !this.#isCovered(key)) return false;
    return key.expiresAtMs === undefined || this.#deps.clock.nowMs() < key.expiresAtMs;
  }

  /** Its user is there, and of a role that is not below the key's. */
  #isCovered(key: ApiKey): boolean {
    const user = this.#deps.user(key.user);
    return user !== undefined && user.deletedAtMs === undefined && atLeast(user.role, key.role);
  }

  #recordUse(key: ApiKey, nowMs: number): void {
    if (key.lastUsedAtMs !== undefined && nowMs - key.lastUsedAtMs < USE_RECORDED_EVERY_MS) return;
    this.#deps.store.updateApiKey({ ...key, lastUsedAtMs: nowMs }).catch((error: unknown) => {
      // A full disk must not keep services from reading.
      this.#deps.log.warn("use of an API key was not recorded", { key: key.id, error: errorText(error) });
    });
  }

  #owner(actor: Actor, user: UserId | undefined): User {
    if (user === undefined || user === actor.user) assertMayRun(actor.role, "createApiKey");
    else assertMayManage(actor.role, this.#deps.user(user)?.role ?? "user");
    return liveUser(this.#deps.user, user ?? actor.user);
  }

  #keysOf(user: UserId): readonly ApiKey[] {
    return this.#deps.store.apiKeys().filter((key) => key.user === user);
  }
}

/** Two statements that make a key of one name, or the last one that is allowed, meet in the writer; so do a key and the end of its user. */
function assertFree(now: KeyHolders, { name, user: owner }: ApiKey): void {
  liveUser((id) => now.user(id), owner);
  const others = now.apiKeys().filter((key) => key.user === owner);
  if (others.some((key) => key.name === name)) {
    throw new DbError("ALREADY_EXISTS", `User '${owner}' already has an API key '${name}'`);
  }
  if (others.length >= MAX_KEYS_PER_USER) {
    throw new DbError("INVALID_INPUT", `User '${owner}' already has ${MAX_KEYS_PER_USER} API keys`);
  }
}

function liveUser(find: (id: UserId) => User | undefined, id: UserId): User {
  const user = find(id);
  if (user !== undefined && user.deletedAtMs === undefined) return user;
  throw new DbError("NOT_FOUND", `User '${id}' does not exist`);
}

const NO_HASH = "00".repeat(SECRET_BYTES);

function sha256(text: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}

function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url");
}

function assertName(name: string): void {
  if (name !== "" && name.length <= MAX_NAME_LENGTH && /^[^\p{Cc}]*$/u.test(name)) return;
  throw new DbError(
    "INVALID_INPUT",
    `The name of an API key is 1 to ${MAX_NAME_LENGTH} characters, no control characters`,
  );
}
