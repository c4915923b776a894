import { DbError } from "../base/errors.ts";
import { StaleRead } from "./write.ts";

const MAX_ATTEMPTS = 8;

/** Runs a statement again while what it read, or was planned for, goes stale before it is done; WRITE_CONFLICT when it never wins. */
export async function retryStale<T>(run: () => Promise<T>, maxAttempts = MAX_ATTEMPTS): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (cause) {
      if (!(cause instanceof StaleRead)) throw cause;
      if (attempt < maxAttempts) continue;
      throw new DbError("WRITE_CONFLICT", "could not serialize access due to concurrent update", {
        cause,
        hint: "Run the statement again.",
      });
    }
  }
}
