// Accounts, API keys and token issuers, opened over the store.
import { Accounts } from "../auth/accounts.ts";
import type { AccountsDeps } from "../auth/accounts-deps.ts";
import { ApiKeys, type ApiKeysDeps } from "../auth/api-keys.ts";
import { trustedIssuers } from "../auth/issuers.ts";
import { createTokens } from "../auth/tokens.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { HOUR_MS } from "../config/setting.ts";
import type { Audit } from "../model/audit.ts";
import type { Store } from "../storage/store.ts";
import { apiKeyStoreOf, userStoreOf } from "./user-store.ts";

export interface IdentityOptions {
  readonly config: Config["auth"];
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, "catalog" | "writer">;
  readonly jwtSecret: Uint8Array<ArrayBuffer>;
  readonly onRevoked: AccountsDeps["onRevoked"];
  readonly audit: Audit;
  readonly onKeyDropped: ApiKeysDeps["onDropped"];
}

export interface Identity {
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
}

export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { config, clock, log, store, onRevoked, audit } = options;
  const apiKeys = new ApiKeys({
    store: apiKeyStoreOf(store),
    user: (id) => store.catalog.user(id),
    clock,
    log,
    onDropped: options.onKeyDropped,
  });
  const tokens = await createTokens({
    secret: options.jwtSecret,
    accessLifeMs: config.jwtExpiryHours * HOUR_MS,
    issuers: trustedIssuers({ config, clock, log }),
  });
  return {
    apiKeys,
    accounts: new Accounts({ store: userStoreOf(store), tokens, config, clock, log, onRevoked, audit, apiKeys }),
  };
}
