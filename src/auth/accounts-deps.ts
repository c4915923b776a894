// What accounts are made over.
import type { Clock } from "../base/clock.ts";
import type { UserId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { Audit } from "../model/audit.ts";
import type { ApiKeys } from "./api-keys.ts";
import type { Passwords } from "./password.ts";
import type { Tokens } from "./tokens.ts";
import type { UserStore } from "./user.ts";

export type RevocationReason = "logout" | "refresh token reused" | "password changed" | "role changed" | "dropped";

export interface AccountsDeps {
  readonly store: UserStore;
  readonly tokens: Tokens;
  readonly config: Config["auth"];
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Log;
  /** After it is durable that the user's tokens are void; open sockets of the user must close. */
  readonly onRevoked: (user: UserId, reason: RevocationReason) => void;
  readonly audit?: Audit;
  readonly passwords?: Passwords;
  /** Undefined: keys are not accepted. */
  readonly apiKeys?: Pick<ApiKeys, "verify">;
}
