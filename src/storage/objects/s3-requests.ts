// One request to S3: a deadline for each attempt, a bounded number of attempts with growing random pauses, and errors that name the storage and S3's code and
// nothing secret. After a storage could not be reached, requests fail at once for a while, so that a thousand scopes do not each wait for the same outage.

import { errorCode } from "../../base/error-code.ts";
import { DbError } from "../../base/errors.ts";
import type { S3Location } from "./storage-location.ts";

const MAX_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;
const FAIL_FAST_MS = 5_000;

/** Refused for good: the same request would be refused again. Servers have words of their own besides Amazon's, of the same forms. */
const FINAL =
  /^(\w*(Denied|Disabled|NotFound|Mismatch|NotMatch|Malformed|NotAllowed|Skewed)|Invalid\w+|NoSuch\w+|\w*RegionError|IllegalLocation\w*|PermanentRedirect|EntityTooLarge|KeyTooLong\w*|MissingCredentials|ExpiredToken|TokenRefreshRequired|ERR_S3_\w+)$/;

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly requireWanted?: (() => void) | undefined;
  /** Of what is sent: a large body gets the time again for each 16 MiB. */
  readonly sizeBytes?: number;
}

const BYTES_PER_TIMEOUT = 16 * 1024 * 1024;

export function isMissing(error: unknown): boolean {
  return errorCode(error) === "NoSuchKey";
}

export class S3Requests {
  readonly #location: S3Location;
  #down: { readonly untilMs: number; readonly why: string } | undefined;

  constructor(location: S3Location) {
    this.#location = location;
  }

  /** `what` is for the message: "write an object". S3's NoSuchKey is rejected with as it came. */
  async run<T>(what: string, attempt: () => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { signal, requireWanted, sizeBytes = 0 } = options;
    const timeoutMs = this.#location.requestTimeoutMs * (1 + Math.floor(sizeBytes / BYTES_PER_TIMEOUT));
    const id = this.#location.storageId;
    if (this.#down !== undefined && performance.now() < this.#down.untilMs) {
      throw unreachable(id, `a moment ago ${this.#down.why}`);
    }
    for (let tried = 1; ; tried += 1) {
      signal?.throwIfAborted();
      try {
        return await this.#withDeadline(attempt(), timeoutMs, signal);
      } catch (error) {
        signal?.throwIfAborted();
        requireWanted?.();
        if (isMissing(error)) throw error;
        const code = codeOf(error);
        if (FINAL.test(code)) throw new DbError("STORAGE_ERROR", `Storage '${id}' refused to ${what}: ${code}`);
        if (tried === MAX_ATTEMPTS) {
          const why = `it failed ${MAX_ATTEMPTS} times to ${what}, at last with ${code}`;
          this.#down = { untilMs: performance.now() + FAIL_FAST_MS, why };
          throw unreachable(id, why);
        }
      }
      await Bun.sleep(Math.random() * Math.min(FIRST_PAUSE_MS * 2 ** tried, MAX_PAUSE_MS));
    }
  }

  /** The client takes no signal: a request that is given up ends by itself, unheard. */
  async #withDeadline<T>(request: Promise<T>, timeoutMs: number, signal: AbortSignal | undefined): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new S3Timeout()), timeoutMs);
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      return await Promise.race([request, promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

class S3Timeout extends Error {
  readonly code = "RequestTimeout";
}

/** A body that is shorter than was promised; the next attempt may be whole. */
export class TruncatedBody extends Error {
  readonly code = "TruncatedBody";
}

function unreachable(id: string, why: string): DbError {
  return new DbError("STORAGE_UNREACHABLE", `Storage '${id}' cannot be reached: ${why}`, {
    hint: `STORAGE CHECK ${id} tells what works. Buffered rows stay buffered until it does.`,
  });
}

/** S3's own word for what is wrong. Its message may quote the request, so it goes no further. */
function codeOf(error: unknown): string {
  const code = errorCode(error);
  return /^\w{1,64}$/.test(code) ? code : "an unknown error";
}
