// Users and their sessions: login with lockout, tokens, first-run setup, and the user statements of SQL. All changes to one user happen one at a
// time, so that parallel guesses are counted exactly and a refresh cannot slip past a logout.
import { DbError } from "../base/errors.ts";
import { parseUserId, type UserId } from "../base/ids.ts";
import { errorText } from "../base/log.ts";
import { Lru } from "../base/lru.ts";
import { API_KEY_PREFIX } from "../model/api-key.ts";
import type { AuditStatus } from "../model/audit.ts";
import { isAdmin, type Role } from "../model/role.ts";
import type { OauthIdentity, RefreshSession, User } from "../model/user.ts";
import { assertMayManage } from "./access.ts";
import type { LoginRequest, NewUser, PresentedTokens, SetupRequest, UserChange } from "./account-requests.ts";
import type { AccountsDeps, RevocationReason } from "./accounts-deps.ts";
import { KeyedGate } from "./gate.ts";
import { afterFailure, assertNotLocked, type LockState, NO_FAILURES } from "./lockout.ts";
import { assertStrongPassword, type PasswordPolicy, Passwords } from "./password.ts";
import { judgeRefresh, newSession, withSession } from "./refresh-sessions.ts";
import { assertRootPassword, assertSetupLogin, awaitsSetup } from "./root-setup.ts";
import type { RootPassword, Secrets } from "./secrets.ts";
import { type IssuedTokens, invalidCredentials, type TokenContext, type VerifiedToken } from "./tokens.ts";
import { ROOT_USER } from "./user.ts";
import { alreadyExists, assertHasPassword, newRecord, notFound, parseEmail, userIdOrNothing } from "./user-record.ts";

export interface Session {
  readonly user: User;
  readonly tokens: IssuedTokens;
}

/** Works queued on one user before more are turned away: a legitimate user has a handful of devices. */
const MAX_WAITING_PER_USER = 16;
/** Names without an account whose failures are counted too, so that a lockout does not tell which names exist. */
const MAX_UNKNOWN_NAMES = 10_000;

export class Accounts {
  readonly #deps: AccountsDeps;
  readonly #passwords: Passwords;
  readonly #policy: PasswordPolicy;
  readonly #perUser = new KeyedGate({ waiting: MAX_WAITING_PER_USER });
  readonly #unknownNames = new Lru<string, LockState>(MAX_UNKNOWN_NAMES);

  constructor(deps: AccountsDeps) {
    this.#deps = deps;
    this.#passwords = deps.passwords ?? new Passwords();
    this.#policy = {
      minLength: deps.config.minPasswordLength,
      isComplex: deps.config.enforcePasswordComplexity,
    };
  }

  // Sessions

  /** The same INVALID_CREDENTIALS, after the same work, for a wrong password, an unknown, a dropped and an empty user. */
  login({ user: name, password, isLoopback, address }: LoginRequest): Promise<Session> {
    return this.#perUser.run(name, async () => {
      const known = this.#live(name);
      assertNotLocked(known ?? this.#unknownNames.get(name) ?? NO_FAILURES, this.#nowMs());
      if (known !== undefined && awaitsSetup(known)) assertSetupLogin(password, isLoopback);
      const isRight = await this.#passwords.verify(password, known?.passwordHash ?? "");
      if (known === undefined || !isRight) {
        await this.#countFailure(name, { known, address });
        throw invalidCredentials();
      }
      const session = newSession(this.#nowMs(), this.#deps.tokens.refreshExpiry(this.#nowMs()));
      const user = await this.#recordLogin(known, session);
      if (isAdmin(user.role)) await this.#audit("LOGIN", user.id, { status: "ok", address });
      return { user, tokens: await this.#issue(user, session) };
    });
  }

  /** A new pair; the old refresh token is good for a repeat only. One that was replaced before means that two have the session: the user's tokens are void. */
  async refresh(refreshToken: string, address?: string): Promise<Session> {
    const { user: id } = await this.#deps.tokens.verifyRefresh(refreshToken, this.#context());
    return await this.#perUser.run(id, async () => {
      // Again inside the turn: a logout may have come first.
      const { claim } = await this.#deps.tokens.verifyRefresh(refreshToken, this.#context());
      const nowMs = this.#nowMs();
      const user = this.#require(id);
      const verdict = judgeRefresh(user.sessions, claim, nowMs);
      if (verdict.kind === "reuse") {
        this.#deps.log.warn("refresh token used twice; sessions ended", { user: id, address });
        await this.#audit("REFRESH_TOKEN_REUSED", id, { status: "denied", address });
        await this.#revoke(user, {}, "refresh token reused");
      }
      if (verdict.kind !== "rotate" && verdict.kind !== "repeat") throw invalidCredentials();
      if (verdict.kind === "repeat") return { user, tokens: await this.#issue(user, verdict.session) };
      const session = {
        ...verdict.session,
        generation: verdict.session.generation + 1,
        rotatedAtMs: nowMs,
        expiresAtMs: this.#deps.tokens.refreshExpiry(nowMs),
      };
      const rotated = { ...user, sessions: withSession(user.sessions, session, nowMs) };
      await this.#deps.store.put(rotated);
      return { user: rotated, tokens: await this.#issue(rotated, session) };
    });
  }

  #issue(user: User, { id, generation }: RefreshSession): Promise<IssuedTokens> {
    return this.#deps.tokens.issue(user, { session: id, generation }, this.#nowMs());
  }

  /** Who an access token or an API key speaks for. Throws TOKEN_EXPIRED, INVALID_CREDENTIALS or ISSUER_UNAVAILABLE. */
  async authenticate(accessToken: string): Promise<VerifiedToken> {
    const { apiKeys } = this.#deps;
    if (apiKeys !== undefined && accessToken.startsWith(API_KEY_PREFIX)) return apiKeys.verify(accessToken);
    return this.#deps.tokens.verifyAccess(accessToken, this.#context());
  }

  /** The same without waiting, of a token that was presented before; undefined: ask `authenticate`. */
  authenticateKnown(accessToken: string): VerifiedToken | undefined {
    return this.#deps.tokens.checkedAccess(accessToken, this.#context());
  }

  /** Of requests from this machine, where the configuration lets them in without a credential. Throws INVALID_CREDENTIALS when there is no such user. */
  localSession(id: UserId): VerifiedToken {
    const user = this.#require(id);
    const nowMs = this.#nowMs();
    return { user: id, role: user.role, tokenId: "", issuedAtMs: nowMs, expiresAtMs: Number.POSITIVE_INFINITY };
  }

  account({ user }: VerifiedToken): User {
    return this.#require(user);
  }

  /** Voids every token of the users these tokens speak for; ignores tokens that are not good. */
  async logout({ access, refresh }: PresentedTokens): Promise<void> {
    if (access !== undefined) await this.#logoutBy(() => this.#deps.tokens.verifyAccess(access, this.#context()));
    if (refresh !== undefined) await this.#logoutBy(() => this.#deps.tokens.verifyRefresh(refresh, this.#context()));
  }

  async #logoutBy(verify: () => Promise<VerifiedToken>): Promise<void> {
    const token = await tokenOrNothing(verify);
    if (token === undefined) return;
    await this.#perUser.run(token.user, async () => {
      if ((await tokenOrNothing(verify)) !== undefined) await this.#revoke(this.#require(token.user), {}, "logout");
    });
  }

  // First run

  needsSetup(): boolean {
    const root = this.#live(ROOT_USER);
    return root === undefined || awaitsSetup(root);
  }

  assertMaySetUp(isLoopback: boolean): void {
    if (isLoopback || this.#deps.config.allowRemoteSetup) return;
    throw new DbError("REMOTE_ACCESS_DENIED", "Setup is only possible from the machine the server runs on");
  }

  /** Gives root its password and makes the first dba. */
  async setup({ user, password, rootPassword, email, isLoopback, address }: SetupRequest): Promise<User> {
    this.assertMaySetUp(isLoopback);
    const id = parseUserId(user);
    return await this.#perUser.run(ROOT_USER, async () => {
      if (!this.needsSetup()) throw new DbError("ALREADY_CONFIGURED", "The server is already set up");
      if (id === ROOT_USER || this.#deps.store.user(id) !== undefined) throw alreadyExists(id);
      assertStrongPassword(password, { ...this.#policy, user: id }, "Password of the new user");
      assertStrongPassword(rootPassword, this.#policy, "Root password");
      const newUser: NewUser = {
        user: id,
        signIn: { kind: "password", password },
        role: "dba",
        email: parseEmail(email),
      };
      // Root first: after a crash in between the server is set up and root can create the user.
      await this.#putRoot(rootPassword);
      this.#deps.log.info("server was set up", { user: id });
      await this.#audit("SETUP", id, { status: "ok", address });
      return await this.#perUser.run(id, () => this.#insert(newUser));
    });
  }

  /** Called once, before requests are served. */
  async ensureRoot(
    secrets: Pick<Secrets, "configuredRootPassword" | "rootPassword">,
  ): Promise<RootPassword | undefined> {
    return await this.#perUser.run(ROOT_USER, async () => {
      const root = this.#live(ROOT_USER);
      const { configuredRootPassword: configured } = secrets;
      if (root !== undefined && (configured ?? "") === "") return undefined;
      if (root !== undefined && (await this.#passwords.verify(configured ?? "", root.passwordHash))) return undefined;
      const password = secrets.rootPassword();
      assertRootPassword(password, this.#policy);
      await this.#putRoot(password.value);
      return password;
    });
  }

  async #putRoot(password: string): Promise<void> {
    const passwordHash = password === "" ? "" : await this.#passwords.hash(password);
    const root = this.#live(ROOT_USER);
    if (root !== undefined) return await this.#revoke(root, { passwordHash, ...NO_FAILURES }, "password changed");
    await this.#deps.store.put(
      newRecord(
        { id: parseUserId(ROOT_USER), passwordHash, oauth: undefined, role: "system", email: undefined },
        this.#nowMs(),
      ),
    );
  }

  // User statements

  /** False when `ifNotExists` and the user does. */
  async createUser(actor: Role, user: NewUser, ifNotExists = false): Promise<boolean> {
    assertMayManage(actor, user.role);
    if (user.role === "anonymous") throw new DbError("INVALID_INPUT", "A user cannot have the role 'anonymous'");
    return await this.#perUser.run(user.user, async () => {
      if (ifNotExists && this.#live(user.user) !== undefined) return false;
      const existing = this.#deps.store.user(user.user);
      if (existing !== undefined) throw alreadyExists(existing.id, existing.deletedAtMs !== undefined);
      if (user.signIn.kind === "password")
        assertStrongPassword(user.signIn.password, { ...this.#policy, user: user.user });
      if (user.signIn.kind === "oauth") this.#assertFreeIdentity(user.signIn);
      await this.#insert({ ...user, email: parseEmail(user.email) });
      return true;
    });
  }

  alterUser(actor: Role, id: UserId, change: UserChange): Promise<void> {
    return this.#perUser.run(id, async () => {
      const user = this.#require(id, notFound);
      assertMayManage(actor, user.role);
      switch (change.kind) {
        case "password": {
          assertHasPassword(user);
          assertStrongPassword(change.password, { ...this.#policy, user: id });
          const passwordHash = await this.#passwords.hash(change.password);
          return await this.#revoke(user, { passwordHash, ...NO_FAILURES }, "password changed");
        }
        case "role":
          return await this.#changeRole(actor, user, change.role);
        case "email":
          return await this.#deps.store.put({ ...user, email: parseEmail(change.email), updatedAtMs: this.#nowMs() });
        case "unlock":
          return await this.#deps.store.put({ ...user, ...NO_FAILURES, updatedAtMs: this.#nowMs() });
        case "storage":
          return await this.#deps.store.put({ ...user, ...change.storage, updatedAtMs: this.#nowMs() });
      }
    });
  }

  async #changeRole(actor: Role, user: User, role: Role): Promise<void> {
    assertMayManage(actor, role);
    if (role === "anonymous") throw new DbError("INVALID_INPUT", "A user cannot have the role 'anonymous'");
    if (user.id === ROOT_USER) throw new DbError("PERMISSION_DENIED", "The role of root cannot be changed");
    if (role !== user.role) await this.#revoke(user, { role }, "role changed");
  }

  /** False when `ifExists` and the user does not. */
  dropUser(actor: Role, id: UserId, ifExists = false): Promise<boolean> {
    return this.#perUser.run(id, async () => {
      const user = this.#live(id);
      if (user === undefined && ifExists) return false;
      if (user === undefined) throw notFound(id);
      assertMayManage(actor, user.role);
      if (user.id === ROOT_USER) throw new DbError("PERMISSION_DENIED", "The user root cannot be dropped");
      await this.#revoke(user, { deletedAtMs: this.#nowMs() }, "dropped");
      return true;
    });
  }

  /** Takes a drop back, as long as the user's rows have not been removed; false when the user was not dropped. Tokens from before stay void. */
  restoreUser(actor: Role, id: UserId): Promise<boolean> {
    return this.#perUser.run(id, async () => {
      const user = this.#deps.store.user(id);
      if (user === undefined) throw notFound(id);
      assertMayManage(actor, user.role);
      if (user.deletedAtMs === undefined) return false;
      await this.#deps.store.put({ ...user, ...NO_FAILURES, deletedAtMs: undefined, updatedAtMs: this.#nowMs() });
      return true;
    });
  }

  // Records

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  #context(): TokenContext {
    const { store } = this.#deps;
    return { user: (id) => store.user(id), users: () => store.users(), nowMs: this.#nowMs() };
  }

  /** Undefined for unknown, dropped and impossible names alike. */
  #live(name: string): User | undefined {
    const user = userIdOrNothing(name);
    const record = user === undefined ? undefined : this.#deps.store.user(user);
    return record?.deletedAtMs === undefined ? record : undefined;
  }

  #require(id: UserId, fault: (id: UserId) => DbError = () => invalidCredentials()): User {
    const user = this.#live(id);
    if (user === undefined) throw fault(id);
    return user;
  }

  #assertFreeIdentity({ issuer, subject }: OauthIdentity): void {
    if (!this.#deps.config.jwtTrustedIssuers.includes(issuer)) {
      throw new DbError("INVALID_INPUT", `'${issuer}' is not a trusted issuer`, {
        hint: "The setting auth.jwt_trusted_issuers lists them.",
      });
    }
    const owner = this.#deps.store.users().find(({ oauth }) => oauth?.issuer === issuer && oauth.subject === subject);
    if (owner === undefined) return;
    throw new DbError("ALREADY_EXISTS", `The subject '${subject}' of that issuer belongs to the user '${owner.id}'`);
  }

  async #insert({ user: id, signIn, role, email }: NewUser): Promise<User> {
    const passwordHash = signIn.kind === "password" ? await this.#passwords.hash(signIn.password) : "";
    const oauth = signIn.kind === "oauth" ? { issuer: signIn.issuer, subject: signIn.subject } : undefined;
    const record = newRecord({ id, passwordHash, oauth, role, email }, this.#nowMs());
    await this.#deps.store.put(record);
    return record;
  }

  async #countFailure(
    name: string,
    { known, address }: { readonly known: User | undefined; readonly address: string | undefined },
  ): Promise<void> {
    const state = afterFailure(known ?? this.#unknownNames.get(name) ?? NO_FAILURES, this.#nowMs());
    // A name without an account may be a password, typed into the wrong field.
    this.#deps.log.info("login failed", { user: known?.id, address });
    if (state.lockedUntilMs !== undefined) {
      this.#deps.log.warn("account locked after failed logins", { user: known?.id, address });
      // Of names that exist only: anybody can make up others.
      if (known !== undefined) await this.#audit("ACCOUNT_LOCKED", known.id, { status: "denied", address });
    }
    if (known === undefined) this.#unknownNames.set(name, state);
    else await this.#deps.store.put({ ...known, ...state });
  }

  async #audit(
    action: string,
    user: UserId,
    how: { readonly status: AuditStatus; readonly address: string | undefined },
  ): Promise<void> {
    await this.#deps.audit?.({
      ...how,
      action,
      actor: user,
      target: `user:${user}`,
      details: undefined,
      subject: undefined,
    });
  }

  async #recordLogin(known: User, session: RefreshSession): Promise<User> {
    const nowMs = this.#nowMs();
    const sessions = withSession(known.sessions, session, nowMs);
    const user = { ...known, ...NO_FAILURES, lastLoginAtMs: nowMs, sessions };
    try {
      await this.#deps.store.put(user);
    } catch (error) {
      // A full disk must not keep out the admin who would free it; only a count that must be reset is worth failing for.
      if (known.failedLogins > 0) throw error;
      this.#deps.log.warn("login time was not recorded", { user: known.id, error: errorText(error) });
    }
    return user;
  }

  async #revoke(user: User, change: Partial<User>, reason: RevocationReason): Promise<void> {
    const nowMs = this.#nowMs();
    const tokensValidFromMs = this.#deps.tokens.revocationMoment(user, nowMs);
    await this.#deps.store.put({ ...user, ...change, tokensValidFromMs, sessions: [], updatedAtMs: nowMs });
    this.#deps.onRevoked(user.id, reason);
  }
}

async function tokenOrNothing(verify: () => Promise<VerifiedToken>): Promise<VerifiedToken | undefined> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof DbError) return undefined;
    throw error;
  }
}
