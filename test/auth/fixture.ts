// Accounts over an in-memory store and a clock that stands still; hashing and tokens are the real ones.

import { Accounts } from "../../src/auth/accounts.ts";
import type { RevocationReason } from "../../src/auth/accounts-deps.ts";
import { trustedIssuers } from "../../src/auth/issuers.ts";
import { Passwords } from "../../src/auth/password.ts";
import type { RootPassword } from "../../src/auth/secrets.ts";
import { createTokens, type Tokens } from "../../src/auth/tokens.ts";
import type { UserStore } from "../../src/auth/user.ts";
import { parseUserId, type UserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import type { SettingValues } from "../../src/config/settings.ts";
import type { Role } from "../../src/model/role.ts";
import type { User } from "../../src/model/user.ts";
import { userRecord } from "../storage/user-record.ts";

export const ROOT_PASSWORD = "root-secret-1";
export const PASSWORD = "correct horse 7";
export const SECRET = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
export const START_MS = Date.UTC(2026, 0, 2, 10);

export class ManualClock {
  #nowMs = START_MS;
  nowMs(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

export class MemoryUsers implements UserStore {
  readonly #users = new Map<UserId, User>();
  /** The declared failure seam: every put rejects. */
  isFull = false;
  puts = 0;

  user(id: UserId): User | undefined {
    return this.#users.get(id);
  }

  users(): readonly User[] {
    return [...this.#users.values()];
  }

  /** As if the account had never been made. */
  forget(id: string): void {
    this.#users.delete(parseUserId(id));
  }

  async put(user: User): Promise<void> {
    // A commit takes a turn of the event loop; what is read meanwhile is the old record.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isFull) throw new Error("disk is full");
    this.puts += 1;
    this.#users.set(user.id, user);
  }
}

export interface World {
  readonly accounts: Accounts;
  readonly clock: ManualClock;
  readonly store: MemoryUsers;
  readonly tokens: Tokens;
  readonly revoked: (readonly [user: string, reason: RevocationReason])[];
}

export function configuredRoot(value: string): { configuredRootPassword: string; rootPassword: () => RootPassword } {
  return {
    configuredRootPassword: value,
    rootPassword: () => ({ value, source: "configured", createdNow: false, path: undefined }),
  };
}

/** Hashed once: making a user in every test would be most of what the tests do. */
const hashes = {
  [PASSWORD]: new Passwords().hash(PASSWORD),
  [ROOT_PASSWORD]: new Passwords().hash(ROOT_PASSWORD),
};

function record(id: string, passwordHash: string, role: Role): User {
  return userRecord(id, { passwordHash, role, createdAtMs: START_MS, updatedAtMs: START_MS });
}

/** With a root of `ROOT_PASSWORD`; an empty password leaves root waiting for setup. */
export async function newWorld(
  settings: Partial<SettingValues> = {},
  rootPassword: string = ROOT_PASSWORD,
): Promise<World> {
  const clock = new ManualClock();
  const store = new MemoryUsers();
  const revoked: [string, RevocationReason][] = [];
  const config = configOf(settings).auth;
  const issuers = trustedIssuers({ config, clock, log: silentLog });
  const tokens = await createTokens({ secret: SECRET, accessLifeMs: config.jwtExpiryHours * 3_600_000, issuers });
  const onRevoked = (user: UserId, reason: RevocationReason): void => {
    revoked.push([user, reason]);
  };
  const accounts = new Accounts({ store, tokens, config, clock, log: silentLog, onRevoked });
  if (rootPassword === ROOT_PASSWORD) await store.put(record("root", await hashes[ROOT_PASSWORD], "system"));
  else await accounts.ensureRoot(configuredRoot(rootPassword));
  return { accounts, clock, store, tokens, revoked };
}

export async function addUser(world: World, name: string, role: Role = "user"): Promise<UserId> {
  const user = record(name, await hashes[PASSWORD], role);
  await world.store.put(user);
  return user.id;
}

export function storedUser(world: World, id: string): User {
  const user = world.store.user(parseUserId(id));
  if (user === undefined) throw new Error(`no user ${id}`);
  return user;
}

/** The code a promise rejects with, or "ok". */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : `not a DbError: ${String(error)}`;
  }
}
