// An API key as SHOW API KEYS and system.api_keys show it: neither the secret nor its hash.
import type { ApiKey } from "../../model/api-key.ts";
import { type Cell, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import { columns, us } from "./definition.ts";

export const API_KEY_COLUMNS = columns(
  {
    key_id: TEXT,
    name: TEXT,
    user_id: TEXT,
    role: TEXT,
    created_by: TEXT,
    created_at: TIMESTAMP,
    expires_at: TIMESTAMP,
    last_used_at: TIMESTAMP,
  },
  "key_id",
);

/** In the order of API_KEY_COLUMNS. */
export function apiKeyCells(key: ApiKey): readonly Cell[] {
  return [
    key.id,
    key.name,
    key.user,
    key.role,
    key.createdBy,
    us(key.createdAtMs),
    us(key.expiresAtMs),
    us(key.lastUsedAtMs),
  ];
}
