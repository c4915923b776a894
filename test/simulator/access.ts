// Who the clients and writers say they are: tokens, signed as the server signs them, and API keys; and what each user's account is like now.
import { SignJWT } from "jose";
import { JWT_SECRET } from "./simulated-server.ts";
import type { SqlUser } from "./sql-user.ts";
import { USERS } from "./step.ts";

const LIFE_SECONDS = 7_200;
/** The clients of this user renew theirs in place, or come back when it has expired. */
const SHORT_LIVED: string = USERS[2];
const SHORT_LIFE_SECONDS = 4;

export type AccountRole = "service" | "dba";

export class Access {
  readonly #roles = new Map<string, AccountRole>();
  readonly #keys = new Map<string, string>();
  #change: Promise<void> = Promise.resolve();

  roleOf(user: string): AccountRole {
    return this.#roles.get(user) ?? "service";
  }

  /** Whoever signs tokens knows of the change: none are signed for clients until it is made. */
  async setRole(root: SqlUser, user: string, role: AccountRole): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#change = promise;
    try {
      await root.must(`ALTER USER '${user}' SET ROLE ${role}`);
      this.#roles.set(user, role);
    } finally {
      resolve();
    }
  }

  /** Of a user who has one. */
  key(user: string): string {
    return this.#keys.get(user) ?? "";
  }

  /** One that replaces the last. */
  async giveKey(root: SqlUser, user: string): Promise<void> {
    await root.must(`DROP API KEY IF EXISTS sim FOR ${user}`);
    const { results } = await root.must(`CREATE API KEY sim FOR ${user} ROLE service`);
    const key = results?.at(-1)?.rows[0]?.find((cell) => typeof cell === "string" && cell.startsWith("kalam_"));
    this.#keys.set(user, String(key));
  }

  /** Another one each time, for a writer. */
  token(user: string): Promise<string> {
    return this.#sign(user, LIFE_SECONDS);
  }

  /** Another one each time, for a client. */
  async clientToken(user: string): Promise<string> {
    await this.#change;
    return this.#sign(user, user === SHORT_LIVED ? SHORT_LIFE_SECONDS : LIFE_SECONDS);
  }

  #sign(user: string, lifeSeconds: number): Promise<string> {
    const nowMs = Date.now();
    return new SignJWT({ email: null, role: this.roleOf(user), token_type: "access", iat_ms: nowMs })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject(user)
      .setIssuer("kalamdb")
      .setIssuedAt(Math.floor(nowMs / 1000))
      .setExpirationTime(Math.floor(nowMs / 1000) + lifeSeconds)
      .setJti(crypto.randomUUID())
      .sign(new TextEncoder().encode(JWT_SECRET));
  }
}
