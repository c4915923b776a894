// A key of a service as identity needs it and as the store keeps it: what is shown once is never stored.
import type { UserId } from "../base/ids.ts";
import type { Role } from "./role.ts";

/** Tells a key from a token wherever either may stand. */
export const API_KEY_PREFIX = "kalam_";

export interface ApiKey {
  /** In the key's text, so that it is found without a search; no secret. */
  readonly id: string;
  /** Unique for each user. */
  readonly name: string;
  /** Who the key speaks for. */
  readonly user: UserId;
  /** What it may do: at most what its user may. */
  readonly role: Role;
  /** SHA-256 of the secret half, hexadecimal. The secret is 256 random bits: nothing slower is needed. */
  readonly secretHash: string;
  readonly createdBy: UserId;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  /** To the hour: not every request is worth a write. */
  readonly lastUsedAtMs: number | undefined;
}
