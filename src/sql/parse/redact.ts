// Statement text that may be shown or kept: every string in a statement that could carry a secret is masked, whether or not it parses.
import { tokenAt } from "./tokens.ts";

const MAY_CARRY_SECRET = /password|identified|secret|credential|access_key|token|config/i;
const MASK = "'***'";

/** The text itself when it can carry none. */
export function redactSecrets(sql: string): string {
  if (!MAY_CARRY_SECRET.test(sql)) return sql;
  let shown = "";
  let at = 0;
  let end = 0;
  try {
    for (let token = tokenAt(sql, 0); token.kind !== "end"; token = tokenAt(sql, token.end)) {
      end = token.end;
      // Text that a statement quotes by dollars is a raw string as well.
      if (token.kind !== "string" && token.kind !== "raw") continue;
      shown += sql.slice(at, token.start) + MASK;
      at = token.end;
    }
    return shown + sql.slice(at);
  } catch {
    // A quote that is never closed: nothing behind it can be told from the secret.
    return `${shown}${sql.slice(at, end)} ${MASK}…`;
  }
}
